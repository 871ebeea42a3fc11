"""POST /auth/v1/revoke: end the session of a token (RFC 7009)."""

from latchkey.bodies import Body, Token
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.sessions import end


class RevokeToken(Body):
    """An access token, as the SDK sends, or a refresh token."""

    token: Token


def revoke_token(body: RevokeToken, _: Caller) -> dict[str, str]:
    """End the session. A token that is not valid has none, which is a success too."""
    end.revoke(body.token.get_secret_value())
    return {}


handler = entry("revoke_token", revoke_token, RevokeToken)
