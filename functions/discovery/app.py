"""GET /.well-known/jwks.json and /.well-known/openid-configuration: publish what others verify
access tokens with.
"""

from typing import Any

from latchkey.bodies import NoBody
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.keys import keyring


def discovery(_: NoBody, caller: Caller) -> dict[str, Any]:
    """Return the public keys, or the document that names them and the end points (OpenID Connect
    Discovery 1.0, section 3, and RFC 8414).
    """
    ring = keyring.load()
    if caller.path.endswith("/jwks.json"):
        return ring.jwks()
    return {
        "issuer": ring.issuer,
        "jwks_uri": f"{ring.issuer}/.well-known/jwks.json",
        "token_endpoint": f"{ring.issuer}/auth/v1/token",
        "userinfo_endpoint": f"{ring.issuer}/auth/v1/user/me",
        "revocation_endpoint": f"{ring.issuer}/auth/v1/revoke",
        "introspection_endpoint": f"{ring.issuer}/auth/v1/token/introspect",
        "grant_types_supported": ["refresh_token"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["user"],
    }


# A key is published a day before it signs, so a cache of an hour never hides a key that is in use.
handler = entry("discovery", discovery, NoBody, services=["dynamodb"], cache_seconds=3600)
