"""POST /auth/v1/token: a refresh token for the next tokens of its session."""

from latchkey import clock, errors, sessions
from latchkey.http import Body, Caller, Text, Token, entry


class GrantToken(Body, frozen=True):
    """The fields of OAuth (RFC 6749, section 6)."""

    grant_type: Text
    refresh_token: Token | None = None


def grant_token(body: GrantToken, caller: Caller) -> sessions.Credentials:
    """Refresh the session."""
    if body.grant_type != "refresh_token":
        raise errors.InvalidArgument(
            "The only grant_type here is refresh_token.", field="grant_type"
        )
    if body.refresh_token is None:
        raise errors.InvalidArgument("A required field is missing.", field="refresh_token")
    return sessions.refresh(body.refresh_token, caller, now=clock.now())


handler = entry("grant_token", grant_token, GrantToken)
