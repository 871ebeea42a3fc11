"""POST /auth/v1/token/introspect: whether a token is good (RFC 7662)."""

from typing import Any

from latchkey import clock, sessions
from latchkey.http import Body, Caller, Token, entry


class IntrospectToken(Body, frozen=True):
    """An access or refresh token."""

    token: Token


def introspect_token(body: IntrospectToken, _: Caller) -> dict[str, Any]:
    """Return what the token says, if it is good and its session goes on.

    Whoever has a token may ask about it: it can't be guessed, and says nothing here that its holder
    can't read in it or do with it (docs/api.md).
    """
    claims = sessions.introspect(body.token, now=clock.now())
    return {"active": claims is not None, **(claims or {})}


handler = entry("introspect_token", introspect_token, IntrospectToken)
