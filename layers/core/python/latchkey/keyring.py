"""The keys that this deployment signs with: made by `rotate_keys`, wrapped by KMS, unwrapped once
per container.

There are three kinds: RSA-2048 keys sign access tokens, 256-bit MAC keys sign every other token and
derive the mailed codes, RSA-2048 encryption keys open what the SDK encrypts. A new key is published
a day before it is used, and an old one stays until all that it signed has expired; so nobody is
signed out by a rotation, a verifier that caches the JWKS (API Gateway: two hours) knows a key
before it meets it, and a container that holds the keyring for some minutes is never wrong about the
current key.
"""

import base64
import functools
import hmac
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from latchkey import aws, clock, errors, ids, log, settings, table

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

Purpose: TypeAlias = Literal["signing", "mac", "encryption"]
PURPOSES: tuple[Purpose, ...] = ("signing", "mac", "encryption")

# Between publishing a key and using it: far more than a verifier or a container caches.
LEAD_SECONDS = 86400
# How long a client may take from fetching a public key to sending what it encrypted with it.
ENCRYPTION_SECONDS = 3600
# How long a container uses the keyring it has read.
CACHE_SECONDS = 300
# How soon an unknown key id may make a container read the keyring again.
RELOAD_SECONDS = 30
_EXPONENT = 65537


class Key(msgspec.Struct, frozen=True):
    """A key: `wrapped` by KMS, used for new signatures from `active_at` on; `modulus` only of an
    RSA key.
    """

    id: str
    purpose: Purpose
    wrapped: bytes
    active_at: int
    modulus: str = ""


class Keyring(msgspec.Struct, frozen=True):
    """All keys that are still of use, oldest first, and the issuer that tokens name."""

    issuer: str
    keys: tuple[Key, ...]
    revision: int

    def current(self, purpose: Purpose, at: int) -> Key:
        """Return the key that signs at that time: a function of the time, so that a retry signs
        alike.
        """
        return [key for key in self.keys if key.purpose == purpose and key.active_at <= at][-1]

    def find(self, purpose: Purpose, key_id: str) -> Key | None:
        """Return the key of that id, if it is of that purpose."""
        found = (key for key in self.keys if key.id == key_id and key.purpose == purpose)
        return next(found, None)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public keys as a JWK set (RFC 7517), the one not yet in use included."""
        exponent = _base64url(_EXPONENT.to_bytes(3))
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "use": "sig",
                    "alg": "RS256",
                    "kid": key.id,
                    "n": key.modulus,
                    "e": exponent,
                }
                for key in self.keys
                if key.purpose == "signing"
            ]
        }


_read_at = 0
_ring: Keyring | None = None


def load(*, unknown_id: bool = False) -> Keyring:
    """Return the keyring, read at most CACHE_SECONDS ago, or RELOAD_SECONDS if a token names an
    unknown key.
    """
    global _read_at, _ring
    now = clock.now()
    if _ring is None or not 0 <= now - _read_at < (RELOAD_SECONDS if unknown_id else CACHE_SECONDS):
        _ring = _read()
        _read_at = now
    return _ring


def forget() -> None:
    """Drop what the container has cached."""
    global _ring
    _ring = None


def find(purpose: Purpose, key_id: str) -> Key | None:
    """Return the key of that id, reading the keyring again if it is not in the cached one."""
    return load().find(purpose, key_id) or load(unknown_id=True).find(purpose, key_id)


def mac(key: Key, text: str) -> bytes:
    """Return HMAC-SHA-256 of the text; start it with a word for its use, so that no two uses share
    a value.
    """
    return hmac.digest(_unwrap(key), text.encode(), "sha256")


def tag(address: str, now: int) -> str:
    """Return a name for an address that tells nothing about it: 128 bits of a MAC, as hex."""
    return mac(load().current("mac", now), f"tag:{address}").hex()[:32]


def tags(address: str) -> list[str]:
    """Return the names of an address under all keys, for what outlives a rotation."""
    text = f"tag:{address}"
    return [mac(key, text).hex()[:32] for key in load().keys if key.purpose == "mac"]


@functools.cache
def secret(key: Key) -> bytes:
    """Return the MAC key itself, for the JWT library."""
    return _unwrap(key)


@functools.cache
def private(key: Key) -> "RSAPrivateKey":
    """Return an RSA key whole: to sign, or to decrypt."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    # The check of the primes takes 37 ms and tells nothing about a key that we wrapped ourselves.
    return load_der_private_key(  # type: ignore[return-value]
        _unwrap(key), None, unsafe_skip_rsa_key_validation=True
    )


@functools.cache
def public(key: Key) -> "RSAPublicKey":
    """Return the public half of an RSA key; it needs no KMS."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    return RSAPublicNumbers(_EXPONENT, int.from_bytes(_bytes(key.modulus))).public_key()


def rotate(issuer: str, *, now: int) -> list[str]:
    """Make the keys that are due, drop those of no more use, and return the ids of the new ones.

    An empty issuer leaves the issuer as it is. Safe to call at any time, twice, and in parallel.
    """
    [item] = table.get(table.KEYRING)
    ring = _of(item) if item else Keyring(issuer, (), 0)
    fresh = [_make(purpose, ring, now) for purpose in PURPOSES if _due(ring, purpose, now)]
    lifetimes = settings.Sessions.load()
    keys = (
        *_living(ring, "signing", lifetimes.access_token_seconds, now),
        *_living(ring, "mac", lifetimes.session_seconds, now),
        *_living(ring, "encryption", ENCRYPTION_SECONDS, now),
        *fresh,
    )
    changed = Keyring(issuer or ring.issuer, keys, ring.revision + 1)
    if changed.keys == ring.keys and changed.issuer == ring.issuer:
        return []
    try:
        table.write(
            table.Put(
                table.KEYRING,
                f"{table.ABSENT} OR #revision = :seen",
                {"seen": ring.revision},
                item=msgspec.to_builtins(changed, builtin_types=(bytes,)),
            )
        )
    except table.Conflict:
        return rotate(issuer, now=now)
    return [key.id for key in fresh]


def _read() -> Keyring:
    [item] = table.get(table.KEYRING)
    if item is None:
        log.info("there are no keys yet: invoke rotate_keys")
        raise errors.Unavailable
    return _of(item)


def _of(item: table.Item) -> Keyring:
    return msgspec.convert(item, Keyring)


@functools.cache
def _unwrap(key: Key) -> bytes:
    try:
        answer = aws.kms().decrypt(
            CiphertextBlob=key.wrapped, EncryptionContext={"purpose": key.purpose}
        )
    except aws.FAULTS as error:
        log.fault("KMS did not unwrap a key", error)
        raise errors.Unavailable from error
    return answer["Plaintext"]


def _make(purpose: Purpose, ring: Keyring, now: int) -> Key:
    modulus, plain = ("", ids.new_mac_key()) if purpose == "mac" else _new_rsa()
    wrapped = aws.kms().encrypt(
        KeyId=settings.Keys.load().kms_key_id,
        Plaintext=plain,
        EncryptionContext={"purpose": purpose},
    )["CiphertextBlob"]
    first = not any(key.purpose == purpose for key in ring.keys)
    return Key(ids.new_id(), purpose, wrapped, now if first else now + LEAD_SECONDS, modulus)


def _new_rsa() -> tuple[str, bytes]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    # 2048 bits: RFC 7518, section 3.3, asks for no less, and KMS wraps no more than 4 KB.
    key = rsa.generate_private_key(_EXPONENT, 2048)
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return _base64url(key.public_key().public_numbers().n.to_bytes(256)), plain


def _due(ring: Keyring, purpose: Purpose, now: int) -> bool:
    rotation = settings.Keys.load().key_rotation_days * 86400
    return all(key.active_at + rotation <= now for key in ring.keys if key.purpose == purpose)


def _living(ring: Keyring, purpose: Purpose, lifetime: int, now: int) -> list[Key]:
    """Leave out keys whose last signature, made when their successor came into use, has been
    expired for a day.
    """
    keys = [key for key in ring.keys if key.purpose == purpose]
    replaced = pairwise(keys)
    return [key for key, after in replaced if after.active_at + lifetime + 86400 > now] + keys[-1:]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
