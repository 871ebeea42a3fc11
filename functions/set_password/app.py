"""PATCH /auth/v1/user/password: set another password, or the first one."""

from latchkey import clock
from latchkey.bodies import EMPTY, Body, NewPassword, Token
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.sessions import change, signed_in, sudo
from latchkey.users import passwords


class SetPassword(Body):
    """The sudo token stands for the current password."""

    new_password: NewPassword
    sudo_token: Token = EMPTY


def set_password(body: SetPassword, caller: Caller) -> dict[str, str]:
    """Set the password, end all other sessions, and tell the user by mail. Raises SudoNeeded,
    WeakPassword and Aborted.
    """
    now = clock.now()
    user, session = signed_in.read(caller, now=now)
    if change.finished_before(user, caller, now=now):
        return {}
    sudo.check(body.sudo_token.get_secret_value(), user, session, now=now)
    password_hash = passwords.hash_new(
        body.new_password.get_secret_value(),
        address=user.email,
        username=user.username,
        current=user.password_hash,
    )
    change.change_credentials(
        user, {"password_hash": password_hash}, caller=caller, keep=session, now=now
    )
    return {}


handler = entry("set_password", set_password, SetPassword)
