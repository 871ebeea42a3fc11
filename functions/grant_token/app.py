"""POST /auth/v1/token and /auth/v2/token: exchange a refresh token or a password for tokens."""

from latchkey import clock, errors
from latchkey.bodies import Body, Email, Password, Text, Token
from latchkey.caller import Caller
from latchkey.described import needs
from latchkey.http import entry
from latchkey.sessions import refresh, start
from latchkey.sessions.credentials import Credentials


class GrantToken(Body):
    """The fields of OAuth (RFC 6749, sections 4.3 and 6)."""

    model_config = needs(
        "grant_type=refresh_token refresh_token", "grant_type=password username password"
    )

    grant_type: Text
    refresh_token: Token | None = None
    username: Email | None = None
    password: Password | None = None


def grant_token(body: GrantToken, caller: Caller) -> Credentials:
    """Refresh a session, or start one with a password. Raises InvalidGrant, BadCredentials,
    LoginTypeDisabled, UserBlocked, UnauthorizedClient, TooManyRequests and Aborted.
    """
    now = clock.now()
    match body.grant_type:
        case "refresh_token":
            if body.refresh_token is None:
                raise errors.MissingField("refresh_token")
            return refresh.refresh(body.refresh_token.get_secret_value(), caller, now=now)
        case "password":
            if body.username is None:
                raise errors.MissingField("username")
            if body.password is None:
                raise errors.MissingField("password")
            password = body.password.get_secret_value()
            return start.by_password(body.username, password, caller, now=now)
        case _:
            raise errors.InvalidArgument(
                "The grant_type must be refresh_token or password.", field="grant_type"
            )


handler = entry("grant_token", grant_token, GrantToken)
