"""POST /auth/v1/reset: set a new password for the user of a proven address."""

from latchkey import addresses, clock, errors
from latchkey.bodies import Body, Email, NewPassword, Text, Token
from latchkey.caller import Caller
from latchkey.codes import proof
from latchkey.described import needs
from latchkey.http import entry
from latchkey.sessions import change
from latchkey.users import find, passwords
from latchkey.users import user as users


class ResetPassword(Body):
    """The token alone proves the address. `email` may be missing or blank."""

    model_config = needs("verification_token")

    new_password: NewPassword
    email: Email = ""
    phone_number: Text | None = None
    verification_token: Token | None = None


def reset_password(body: ResetPassword, caller: Caller) -> dict[str, str]:
    """Set the password, end all sessions, and tell the user by mail. Raises LoginTypeDisabled,
    ProofUnusable, NotFound, UserBlocked, WeakPassword and Aborted.
    """
    now = clock.now()
    if body.verification_token is None:
        addresses.refuse_phone(body.phone_number)
        raise errors.MissingField("verification_token")
    proven = proof.read(body.verification_token.get_secret_value(), body.email, now=now)
    user, _ = find.by_address(proven.address, caller, likely=proven.owner, now=now)
    if user is None:
        raise errors.NotFound
    users.check_active(user)
    if change.finished_before(user, caller, now=now, forget_devices=True):
        return {}
    chosen = body.new_password.get_secret_value()
    change.change_credentials(
        user,
        {
            "password_hash": passwords.hash_new(chosen, address=user.email, username=user.username),
            "email_verified": True,
        },
        proven.consume_write(user.sub, "", caller, now=now),
        caller=caller,
        password_action="PASSWORD_RESET",  # noqa: S106 - a word of the history
        forget_devices=True,
        now=now,
    )
    return {}


handler = entry("reset_password", reset_password, ResetPassword)
