"""POST /auth/v1/token/introspect: tell whether a token is good (RFC 7662)."""

from typing import Any

from latchkey import clock
from latchkey.bodies import Body, Token
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.sessions import introspect


class IntrospectToken(Body):
    """An access token. Nothing is told about any other token."""

    token: Token


def introspect_token(body: IntrospectToken, _: Caller) -> dict[str, Any]:
    """Return what the token says, if it is good and its session is alive.

    Anybody who has a token may ask about it: nobody can guess one, and the answer tells nothing
    that its holder could not read in it or do with it (docs/api.md).
    """
    claims = introspect.introspect(body.token.get_secret_value(), now=clock.now())
    return {"active": claims is not None, **(claims or {})}


handler = entry("introspect_token", introspect_token, IntrospectToken)
