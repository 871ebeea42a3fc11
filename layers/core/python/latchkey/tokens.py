"""Tokens: issued and read; the only module that knows JWT.

    kind           algorithm  audience               lives
    access         RS256      the client id          2 h, verifiable by anyone with the JWKS
    refresh        HS256      latchkey:refresh       with its session, until it is used
    verification   HS256      latchkey:verification  10 min, until it is used
    sudo           HS256      latchkey:sudo          10 min, until a credential changes

All are functions of the state that they stand for, so a request that is repeated because its answer
was lost gets the same token again without any token being stored. The MAC key never leaves the
service, so nobody else can make or check the last three kinds; they are opaque to clients.
"""

import base64
import binascii
from typing import Any, Literal, TypeAlias

import jwt
import msgspec

from latchkey import keyring

MacKind: TypeAlias = Literal["refresh", "verification", "sudo"]

# A client counts an access token's life from the moment it arrives, so the last request with it may
# come a little late.
LEEWAY_SECONDS = 30

_OPTIONS: dict[str, Any] = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


class Access(msgspec.Struct, frozen=True):
    """Whom an access token is of: a user and a session."""

    sub: str
    sid: str


class Refused(Exception):
    """The token is forged, expired or of another kind; the caller says what that means."""


def issue_access(claims: dict[str, Any], *, now: int, seconds: int) -> str:
    """Sign an access token with these claims beside `iss`, `iat` and `exp`."""
    ring = keyring.load()
    key = ring.current("signing", now)
    payload = {"iss": ring.issuer, "iat": now, "exp": now + seconds, **claims}
    return jwt.encode(payload, keyring.private(key), "RS256", headers={"kid": key.id})


def read_access(token: str, *, now: int | None) -> Access:
    """Return whose access token this is; without `now`, of an expired one too. Raises Refused."""
    claims = access_claims(token, now=now)
    return Access(claims["sub"], claims["sid"])


def access_claims(token: str, *, now: int | None) -> dict[str, Any]:
    """Return all that an access token says. Raises Refused."""
    key = keyring.find("signing", _key_id(token))
    if key is None:
        raise Refused
    # Whoever holds this deployment's key is its issuer; the audience is for resource servers to
    # check.
    options = _OPTIONS | {"verify_aud": False, "require": ["exp", "sub", "sid"]}
    return _decode(token, keyring.public(key), "RS256", now, LEEWAY_SECONDS, options=options)


def issue_mac(kind: MacKind, claims: dict[str, Any], *, now: int, expires_at: int) -> str:
    """Sign a token that only this service reads."""
    key = keyring.load().current("mac", now)
    payload = {"aud": f"latchkey:{kind}", "iat": now, "exp": expires_at, **claims}
    return jwt.encode(payload, keyring.secret(key), "HS256", headers={"kid": key.id})


def read_mac(kind: MacKind, token: str, *, now: int | None) -> dict[str, Any]:
    """Return the claims of a token of this kind; without `now`, of an expired one too. Raises
    Refused.
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
    try:
        header = jwt.get_unverified_header(token)
        # Base64 has several spellings of the same bytes; a token has one.
        for part in token.split("."):
            if base64.urlsafe_b64encode(_bytes(part)).decode().rstrip("=") != part:
                raise Refused
    except (jwt.PyJWTError, binascii.Error, ValueError) as error:
        raise Refused from error
    return str(header.get("kid", ""))


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
