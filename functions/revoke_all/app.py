"""DELETE /auth/v1/user/revoke/all: sign out everywhere."""

from latchkey import clock
from latchkey.bodies import NoBody
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.sessions import end


def revoke_all(_: NoBody, caller: Caller) -> dict[str, str]:
    """End all sessions of the user, the asking one included."""
    end.revoke_all(caller, now=clock.now())
    return {}


handler = entry("revoke_all", revoke_all, NoBody, services=["dynamodb"])
