"""Which passwords may be chosen: the policies that a deployer can set, and no password that is
guessed first.

Only what chooses a password imports this module. Checking one at sign-in needs nothing of it, and
the word lists behind it (blocklist.py) would be a part of each cold start.
"""

import re
import unicodedata
from typing import NamedTuple

from latchkey import errors, settings
from latchkey.users import blocklist


class Policy(NamedTuple):
    """The bounds of a password in characters, after NFKC, and whether it needs both a letter and a
    digit.
    """

    shortest: int
    longest: int
    mixed: bool

    def broken_rule(self, password: str) -> errors.WeakPassword | None:
        """Return the refusal for the rule that a password breaks, or None."""
        if not self.shortest <= len(password) <= self.longest:
            return errors.WeakPassword(
                f"The password must have {self.shortest} to {self.longest} characters.",
                "password_length",
                shortest=self.shortest,
                longest=self.longest,
            )
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in password):
            return errors.WeakPassword(
                "The password must not contain control characters.", "password_control"
            )
        if self.mixed and not re.search(r"[^\W\d_]", password):
            return errors.WeakPassword("The password must contain a letter.", "password_letter")
        if self.mixed and not re.search(r"\d", password):
            return errors.WeakPassword("The password must contain a digit.", "password_digit")
        return None


POLICIES = {
    # CloudBase's: "not less than 8 and not greater than 32, and should contain both letters and
    # numbers".
    "cloudbase": Policy(8, 32, mixed=True),
    # OWASP ASVS 5.0: 15 or more are recommended (6.2.1), no rules of composition (6.2.5), at least
    # 64 are permitted (6.2.9).
    "asvs": Policy(15, 64, mixed=False),
}


def check(password: str, *, address: str, username: str | None) -> None:
    """Raise WeakPassword, which names the rule, if the user of that address and that user name may
    not choose this password. It is in the form of `passwords.normal`.
    """
    chosen = settings.Passwords.load()
    if broken := POLICIES[chosen.password_policy].broken_rule(password):
        raise broken
    guessed = blocklist.reason(
        password, address=address, username=username or "", product=chosen.product_name
    )
    if guessed:
        raise errors.WeakPassword(guessed, "password_guessed")
