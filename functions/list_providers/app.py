"""GET /auth/v1/user/provider: what the user can sign in with."""

import msgspec

from latchkey import clock, sessions
from latchkey.http import Caller, NoBody, entry


class Provider(msgspec.Struct, frozen=True):
    """A way to sign in."""

    id: str
    name: str
    provider_user_name: str
    bind: bool


class Providers(msgspec.Struct, frozen=True):
    """All ways there are."""

    total: int
    data: list[Provider]


def list_providers(_: NoBody, caller: Caller) -> Providers:
    """Return the one that there is here: e-mail."""
    user, _session = sessions.signed_in(caller, now=clock.now())
    return Providers(1, [Provider("email", "E-mail", user.email, bind=True)])


handler = entry("list_providers", list_providers, NoBody)
