"""POST /auth/v1/revoke: end the session of a token (RFC 7009)."""

from latchkey import sessions
from latchkey.http import Body, Caller, Token, entry


class RevokeToken(Body, frozen=True):
    """An access token, as the SDK sends, or a refresh token."""

    token: Token


def revoke_token(body: RevokeToken, _: Caller) -> dict[str, str]:
    """End the session; a token that is not valid has none, and the client may forget it."""
    sessions.revoke(body.token)
    return {}


handler = entry("revoke_token", revoke_token, RevokeToken)
