"""Tell the holder of a token what it says, and whether it is still good (RFC 7662)."""

from typing import Any

from latchkey.dynamodb import keys, store
from latchkey.keys import tokens
from latchkey.sessions import session
from latchkey.sessions.credentials import SCOPE

# The claims of RFC 7662, section 2.2, and those of our own, that are shown.
_SHOWN = ("iss", "sub", "sid", "jti", "auth_time", "amr", "iat", "exp")


def introspect(token: str, *, now: int) -> dict[str, Any] | None:
    """Return what an access or refresh token says, or None if it is not good any more."""
    try:
        claims = tokens.access_claims(token, now=now)
        kind = "access_token"
    except tokens.Refused:
        try:
            claims = tokens.read_mac("refresh", token, now=now)
            kind = "refresh_token"
        except tokens.Refused:
            return None
    person, item = store.get(keys.user(claims["sub"]), keys.session(claims["sub"], claims["sid"]))
    alive = session.of(item, now=now)
    if person is None or alive is None:
        return None
    if kind == "refresh_token" and claims["gen"] != alive.generation:
        return None
    return {name: claims[name] for name in _SHOWN if name in claims} | {
        "token_type": "Bearer" if kind == "access_token" else kind,
        "client_id": alive.client_id,
        "aud": alive.client_id,
        "scope": SCOPE,
    }
