"""Tell the holder of an access token what it says, and whether it is still good (RFC 7662)."""

from typing import Any

from latchkey import settings
from latchkey.dynamodb import keys, store
from latchkey.keys import tokens
from latchkey.sessions import session
from latchkey.sessions.credentials import SCOPE
from latchkey.users import user

# The claims of RFC 7662, section 2.2, and those of our own, that are shown.
_SHOWN = ("iss", "sub", "sid", "jti", "auth_time", "amr", "groups", "app", "iat", "exp")


def introspect(token: str, *, now: int) -> dict[str, Any] | None:
    """Return what an access token says, or None if it is not good any more.

    Nothing is told about a refresh token: who has a copy could otherwise watch when its owner uses
    it, and use the copy within the grace period.
    """
    try:
        claims = tokens.access_claims(token, now=now)
    except tokens.Refused:
        return None
    person, item = store.get(keys.user(claims["sub"]), keys.session(claims["sub"], claims["sid"]))
    alive = session.of(item, now=now)
    if person is None or alive is None or not alive.belongs_to(user.of(person)):
        return None
    # The name of a claim that the deployer's hook adds is `app` or an address (hooks.py).
    return {name: told for name, told in claims.items() if name in _SHOWN or "://" in name} | {
        "token_type": "Bearer",
        "client_id": alive.client_id,
        "aud": settings.Sessions.load().audience(alive.client_id),
        "scope": SCOPE,
    }
