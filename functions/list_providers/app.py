"""GET /auth/v1/user/provider: list how the user can sign in."""

from dataclasses import dataclass

from latchkey import clock
from latchkey.bodies import NoBody
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.sessions import signed_in


@dataclass(frozen=True)
class Provider:
    """A way to sign in."""

    id: str
    name: str
    provider_user_name: str
    bind: bool


@dataclass(frozen=True)
class Providers:
    """All ways to sign in."""

    total: int
    data: list[Provider]


def list_providers(_: NoBody, caller: Caller) -> Providers:
    """Return the only way that this service has: e-mail."""
    user, _session = signed_in.read(caller, now=clock.now())
    return Providers(1, [Provider("email", "E-mail", user.email, bind=True)])


handler = entry("list_providers", list_providers, NoBody, services=["dynamodb"])
