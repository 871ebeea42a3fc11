"""DELETE /auth/v1/user/revoke/all: sign out everywhere."""

from latchkey import clock, sessions
from latchkey.http import Caller, NoBody, entry


def revoke_all(_: NoBody, caller: Caller) -> dict[str, str]:
    """End all sessions of the user, the one that asks included."""
    sessions.end_all(caller, now=clock.now())
    return {}


handler = entry("revoke_all", revoke_all, NoBody)
