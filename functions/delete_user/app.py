"""DELETE /auth/v1/user/me and /auth/v2/user/me: leave."""

from latchkey import clock, mail, sessions, sudo
from latchkey.http import Caller, Query, Token, entry


class DeleteUser(Query, frozen=True):
    """A sudo token, in the query string."""

    sudo_token: Token = ""


def delete_user(query: DeleteUser, caller: Caller) -> dict[str, str]:
    """Delete the user with their sessions and history, and tell them by mail."""
    now = clock.now()
    user, session = sessions.signed_in(caller, now=now)
    sudo.check(query.sudo_token, user, session, now=now)
    sessions.leave(user, session)
    mail.notify(
        "account_deleted", user.sub, caller, now=now, address=user.email, locale=user.locale
    )
    return {}


handler = entry("delete_user", delete_user, DeleteUser)
