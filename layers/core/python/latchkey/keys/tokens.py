"""Tokens: issue and read them. This is the only module that knows JWT.

    kind           algorithm  audience               lives
    access         RS256      the client id          2 h; anyone verifies it with the JWKS
    refresh        HS256      latchkey:refresh       as long as its session, until it is used
    verification   HS256      latchkey:verification  10 min, until it is used
    sudo           HS256      latchkey:sudo          10 min, until a credential changes
    picture        HS256      latchkey:picture       5 min, until it is answered
    captcha        HS256      latchkey:captcha       10 min, until it is used

A token depends only on the state that it stands for. A request that is repeated because its answer
was lost therefore gets the same token, and no token is stored. Only this service can make or check
the last five kinds, because the MAC key never leaves it.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from latchkey.keys import keyring
from latchkey.keys.jose import jwt

MacKind: TypeAlias = Literal["refresh", "verification", "sudo", "picture", "captcha"]

# A client counts an access token's life from the moment it arrives, so its last request with the
# token can come a little late.
LEEWAY_SECONDS = 30

# `_decode` checks the expiry against the caller's clock.
_OPTIONS: dict[str, Any] = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


@dataclass(frozen=True)
class Access:
    """The user and the session of an access token."""

    sub: str
    sid: str


class Refused(Exception):
    """The token is forged, expired or of another kind. The caller decides what that means."""


def issue_access(claims: dict[str, Any], *, now: int, seconds: int) -> str:
    """Sign an access token with these claims, `iss`, `iat` and `exp`."""
    ring = keyring.load()
    key = ring.current("signing", now)
    payload = {"iss": ring.issuer, "iat": now, "exp": now + seconds, **claims}
    return jwt.encode(payload, keyring.private(key), "RS256", headers={"kid": key.id})


def read_access(token: str, *, now: int | None) -> Access:
    """Return the user and session of an access token. Without `now` it may have expired.

    Raises Refused.
    """
    claims = access_claims(token, now=now)
    return Access(claims["sub"], claims["sid"])


def access_claims(token: str, *, now: int | None) -> dict[str, Any]:
    """Return all claims of an access token. Without `now` it may have expired. Raises Refused."""
    key = keyring.find("signing", _key_id(token))
    if key is None:
        raise Refused
    # Only this deployment has its key, so the issuer needs no check. Resource servers check the
    # audience.
    options = _OPTIONS | {"verify_aud": False, "require": ["exp", "sub", "sid"]}
    return _decode(token, keyring.public(key), "RS256", now, LEEWAY_SECONDS, options=options)


def issue_mac(kind: MacKind, claims: dict[str, Any], *, now: int, expires_at: int) -> str:
    """Sign a token that only this service reads."""
    key = keyring.load().current("mac", now)
    payload = {"aud": f"latchkey:{kind}", "iat": now, "exp": expires_at, **claims}
    return jwt.encode(payload, keyring.secret(key), "HS256", headers={"kid": key.id})


def read_mac(kind: MacKind, token: str, *, now: int | None) -> dict[str, Any]:
    """Return the claims of a token of this kind. Without `now` it may have expired.

    Raises Refused.
    """
    key = keyring.find("mac", _key_id(token))
    if key is None:
        raise Refused
    options = _OPTIONS | {"require": ["exp", "aud"]}
    return _decode(
        token, keyring.secret(key), "HS256", now, 0, audience=f"latchkey:{kind}", options=options
    )


def _decode(
    token: str, key: Any, algorithm: str, now: int | None, leeway: int, **checks: Any
) -> dict[str, Any]:
    try:
        claims = jwt.decode(token, key, [algorithm], **checks)
    except jwt.PyJWTError as error:
        raise Refused from error
    if now is not None and claims["exp"] + leeway <= now:
        raise Refused
    return claims


def _key_id(token: str) -> str:
    """Return the `kid` of a token. Raises Refused if it is no JWT in its one spelling: base64 can
    spell the same bytes in several ways, and then a changed token would still be valid.
    """
    try:
        parts = [base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)) for p in token.split(".")]
        header = json.loads(parts[0])
    except ValueError as error:  # of base64, UTF-8 or JSON
        raise Refused from error
    if ".".join(map(keyring.base64url, parts)) != token or not isinstance(header, dict):
        raise Refused
    return str(header.get("kid", ""))
