"""GET /auth/v1/user/me and /auth/v2/user/me: return the profile of the signed-in user."""

from latchkey import clock
from latchkey.bodies import NoBody
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.sessions import signed_in
from latchkey.users import profile


def get_user(_: NoBody, caller: Caller) -> profile.Profile:
    """Return the profile, as long as the session is alive."""
    user, _session = signed_in.read(caller, now=clock.now())
    return profile.of(user)


handler = entry("get_user", get_user, NoBody, services=["dynamodb"])
