"""POST /auth/v2/signin/password/update: change the password with the current one, not a session."""

from latchkey import addresses, clock, errors
from latchkey.bodies import EMPTY, Body, Email, Encrypted, Text
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.keys import encryption
from latchkey.sessions import change
from latchkey.users import find, passwords


class UpdatePassword(Body):
    """Both passwords are encrypted."""

    username: Email
    new_password: Encrypted
    password: Encrypted = EMPTY
    public_key_thumbprint: Text = ""


def update_password(body: UpdatePassword, caller: Caller) -> dict[str, str]:
    """Set the password of a user who knows the current one, end all sessions, and tell the user.
    Raises BadCredentials, WeakPassword, LoginTypeDisabled, TooManyRequests and Aborted.
    """
    now = clock.now()
    addresses.refuse_phone(body.username)
    thumbprint = body.public_key_thumbprint
    current = encryption.decrypt(body.password.get_secret_value(), thumbprint, now=now)
    chosen = encryption.decrypt(body.new_password.get_secret_value(), thumbprint, now=now)
    password = current if current and chosen else ""
    try:
        user, _, tried, _ = find.by_password(body.username, password, caller, now=now)
    except errors.BadCredentials:
        # If the answer was lost, the new password is the current one already.
        changed, _ = find.by_name(body.username, caller, now=now)
        if changed is None or not change.finished_before(changed, caller, now=now):
            raise
        return {}
    with tried.refunded_on(errors.WeakPassword):
        password_hash = passwords.hash_new(
            chosen or "", address=user.email, username=user.username, current=user.password_hash
        )
    change.change_credentials(
        user, {"password_hash": password_hash}, *tried.refund_writes(), caller=caller, now=now
    )
    return {}


handler = entry("update_password", update_password, UpdatePassword)
