"""GET /auth/v1/user/me and /auth/v2/user/me: the profile of the signed-in user."""

from latchkey import clock, sessions, users
from latchkey.http import Caller, NoBody, entry


def get_user(_: NoBody, caller: Caller) -> users.Profile:
    """Return the profile, as long as the session goes on."""
    user, _session = sessions.signed_in(caller, now=clock.now())
    return users.profile(user)


handler = entry("get_user", get_user, NoBody)
