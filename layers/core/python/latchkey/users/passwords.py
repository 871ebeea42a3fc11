"""Passwords: hash and check them. This is the only module that knows the hashing library.

Argon2id (RFC 9106) at m = 19 MiB, t = 2, p = 1: one of the settings that OWASP's Password Storage
Cheat Sheet lists as equal. A hash made with other settings is replaced at the next sign-in.
"""

import functools
import re
import unicodedata
from typing import TYPE_CHECKING

from latchkey import errors

if TYPE_CHECKING:
    from passlib.ifc import PasswordHash

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1

# CloudBase's policy: "not less than 8 and not greater than 32, and should contain both letters and
# numbers".
SHORTEST = 8
LONGEST = 32

# How each hash with these settings begins (PHC string format).
_PREFIX = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"
# The password of an unknown user is compared with this, so that the answer takes the same time. No
# password is known that has this hash.
_NOBODY = _PREFIX + "A" * 22 + "$" + "A" * 43


def check_policy(password: str, *, address: str = "") -> None:
    """Raise WeakPassword, which names the rule, if the user of the address may not choose this
    password.
    """
    password = _normal(password)
    if not SHORTEST <= len(password) <= LONGEST:
        raise errors.WeakPassword(f"The password must have {SHORTEST} to {LONGEST} characters.")
    if not re.search(r"[^\W\d_]", password):
        raise errors.WeakPassword("The password must contain a letter.")
    if not re.search(r"\d", password):
        raise errors.WeakPassword("The password must contain a digit.")
    if password.casefold() == address:
        raise errors.WeakPassword("The password must not be the e-mail address.")


def hash_new(password: str, *, address: str = "", current: str | None = None) -> str:
    """Return the hash, as a PHC string, of a password that the user of the address has chosen.

    Raises WeakPassword, also if it is the password of the hash `current`.
    """
    check_policy(password, address=address)
    if current is not None and matches(password, current):
        raise errors.WeakPassword("The new password is the current one. Choose another one.")
    return _hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Return whether this is the password of a stored hash. If none is stored, return False after
    the same time.
    """
    right = _verify(_normal(password), stored or _NOBODY)
    return right and stored is not None


def rehash(password: str, stored: str) -> str | None:
    """Return a hash with today's settings if the stored one has others, else None."""
    return None if stored.startswith(_PREFIX) else _hash(password)


def _verify(password: str, stored: str) -> bool:
    """Compare a password with a hash. A hash with today's settings needs no passlib, whose import
    would be a part of each cold start.
    """
    if not stored.startswith(_PREFIX):
        return bool(_scheme().verify(password, stored))
    from argon2.exceptions import VerifyMismatchError
    from argon2.low_level import Type, verify_secret

    try:
        return verify_secret(stored.encode(), password.encode(), Type.ID)
    except VerifyMismatchError:
        return False


def _hash(password: str) -> str:
    return str(_scheme().hash(_normal(password)))


def _normal(password: str) -> str:
    """Return the NFKC form, because keyboards spell the same character differently (NIST SP
    800-63B, section 3.1.1.2).
    """
    return unicodedata.normalize("NFKC", password)


@functools.cache
def _scheme() -> "type[PasswordHash]":
    from passlib.hash import argon2

    return argon2.using(type="ID", memory_cost=MEMORY_KIB, time_cost=PASSES, parallelism=LANES)  # type: ignore[no-any-return]
