"""DELETE /auth/v1/user/me and /auth/v2/user/me: delete the account."""

from latchkey import clock
from latchkey.bodies import EMPTY, Query, Token
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.sessions import change, sudo


class DeleteUser(Query):
    """A sudo token, in the query string."""

    sudo_token: Token = EMPTY


def delete_user(query: DeleteUser, caller: Caller) -> dict[str, str]:
    """Delete the user with all sessions and the history, and tell the user by mail. Raises
    SudoNeeded and Aborted.
    """
    now = clock.now()
    asking = change.read_to_delete(caller, now=now)
    if asking is None:
        return {}
    user, session = asking
    sudo.check(query.sudo_token.get_secret_value(), user, session, now=now)
    change.delete_account(user, session, caller, now=now)
    return {}


handler = entry("delete_user", delete_user, DeleteUser)
