"""PATCH /auth/v1/user/password: another password, or the first one."""

from latchkey import clock, mail, passwords, sessions, sudo, users
from latchkey.http import Body, Caller, Text, Token, entry


class SetPassword(Body, frozen=True):
    """The sudo token shows the right to it, in place of the current password."""

    new_password: Text
    sudo_token: Token = ""


def set_password(body: SetPassword, caller: Caller) -> dict[str, str]:
    """Set the password, end all other sessions, and tell the user by mail."""
    now = clock.now()
    user, session = sessions.signed_in(caller, now=now)
    if users.changed_before(user, caller, now=now):
        return {}
    sudo.check(body.sudo_token, user, session, now=now)
    password_hash = passwords.hash_new(
        body.new_password, address=user.email, current=user.password_hash
    )
    sessions.change_credentials(
        user,
        caller,
        {"password_hash": password_hash},
        actions=["PASSWORD_CHANGED"],
        keep=session,
        now=now,
    )
    mail.notify("password_changed", user.sub, caller, now=now)
    return {}


handler = entry("set_password", set_password, SetPassword)
