"""POST /auth/v1/token and /auth/v2/token: a refresh token or a password for tokens."""

from typing import Annotated

import msgspec

from latchkey import clock, errors, sessions
from latchkey.http import Body, Caller, Text, Token, entry


class GrantToken(Body, frozen=True):
    """The fields of OAuth (RFC 6749, sections 4.3 and 6)."""

    grant_type: Text
    refresh_token: Token | None = None
    username: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    password: Text | None = None


def grant_token(body: GrantToken, caller: Caller) -> sessions.Credentials:
    """Refresh a session, or start one."""
    now = clock.now()
    match body.grant_type:
        case "refresh_token":
            return sessions.refresh(_needed(body.refresh_token, "refresh_token"), caller, now=now)
        case "password":
            name, password = _needed(body.username, "username"), _needed(body.password, "password")
            return sessions.start_with_password(name, password, caller, now=now)
        case _:
            raise errors.InvalidArgument(
                "The grant_type must be refresh_token or password.", field="grant_type"
            )


def _needed(value: str | None, field: str) -> str:
    if value is None:
        raise errors.InvalidArgument("A required field is missing.", field=field)
    return value


handler = entry("grant_token", grant_token, GrantToken)
