"""The keys that this deployment signs and decrypts with.

There are three purposes: RSA-2048 keys sign access tokens, 256-bit MAC keys sign all other tokens
and derive the mailed codes, and RSA-2048 encryption keys decrypt what the SDK encrypts. They are
stored wrapped by KMS, and unwrapped once per container. Which key signs depends on the time alone
(rotation.py publishes a key a day before), so a container that caches the keyring for some minutes
is never wrong about it.
"""

import base64
import functools
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from latchkey import aws, clock, errors, log
from latchkey.dynamodb import keys, store, values

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

Purpose: TypeAlias = Literal["signing", "mac", "encryption"]
PURPOSES: tuple[Purpose, ...] = ("signing", "mac", "encryption")

# How long a container uses the keyring that it has read.
CACHE_SECONDS = 300
# How soon an unknown key id makes a container read the keyring again.
RELOAD_SECONDS = 30
EXPONENT = 65537


@dataclass(frozen=True)
class Key:
    """A key, `wrapped` by KMS. It makes new signatures from `active_at` on."""

    id: str
    purpose: Purpose
    wrapped: bytes
    active_at: int
    modulus: str = ""
    """Of an RSA key, in base64url; else empty."""


@dataclass(frozen=True)
class Keyring:
    """All keys that something still needs, oldest first, and the issuer that tokens name."""

    issuer: str
    keys: tuple[Key, ...]
    revision: int

    def current(self, purpose: Purpose, at: int) -> Key:
        """Return the key that signs at that time. A retry, which signs as of the same time, gets
        the same key. If all keys are newer, because the old ones were compromised, it is the first.
        """
        first, *others = self.of(purpose)
        return [first, *(key for key in others if key.active_at <= at)][-1]

    def of(self, purpose: Purpose) -> Iterable[Key]:
        """Return the keys of a purpose, oldest first."""
        return (key for key in self.keys if key.purpose == purpose)

    def find(self, purpose: Purpose, key_id: str) -> Key | None:
        """Return the key of that id, if it has that purpose."""
        return next((key for key in self.of(purpose) if key.id == key_id), None)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public signing keys as a JWK set (RFC 7517), with the one that is not active
        yet.
        """
        same = {"kty": "RSA", "use": "sig", "alg": "RS256", "e": base64url(EXPONENT.to_bytes(3))}
        return {"keys": [same | {"kid": key.id, "n": key.modulus} for key in self.of("signing")]}


_read_at = 0
_ring: Keyring | None = None


def load(*, unknown_id: bool = False) -> Keyring:
    """Return the keyring as read at most CACHE_SECONDS ago, or at most RELOAD_SECONDS ago for an
    unknown key id. Raises Unavailable.
    """
    global _read_at, _ring
    now = clock.now()
    if _ring is None or not 0 <= now - _read_at < (RELOAD_SECONDS if unknown_id else CACHE_SECONDS):
        _ring = read()
        _read_at = now
    if _ring is None:
        log.warning("there are no keys yet: invoke rotate_keys")
        raise errors.Unavailable
    return _ring


def forget() -> None:
    """Drop the keyring that the container has cached."""
    global _ring
    _ring = None


def forget_keys() -> None:
    """Drop the cached keyring, and all keys that the container has unwrapped."""
    forget()
    for unwrapped in (private, _unwrap):
        unwrapped.cache_clear()


def read() -> Keyring | None:
    """Read the keyring from its table; None before the first keys are made."""
    [item] = store.get(keys.KEYRING)
    if item is None:
        return None
    made = (values.record_of(Key, key) for key in item["keys"])
    return Keyring(item["issuer"], tuple(made), item["revision"])


def item_of(ring: Keyring) -> values.Item:
    """Return the attributes that `read` reads."""
    return values.item_of(ring) | {"keys": [values.item_of(key) for key in ring.keys]}


def find(purpose: Purpose, key_id: str) -> Key | None:
    """Return the key of that id. Read the keyring again if the cached one does not have it."""
    return load().find(purpose, key_id) or load(unknown_id=True).find(purpose, key_id)


def mac(key: Key, text: str) -> bytes:
    """Return HMAC-SHA-256 of a text. Begin the text with a word for its use, so that no two uses
    share a value.
    """
    return hmac.digest(_unwrap(key), text.encode(), "sha256")


def tag(address: str, now: int) -> str:
    """Return the tag of an address: 128 bits of a MAC, as hex. It names the address in limits and
    logs without telling it.
    """
    return mac(load().current("mac", now), f"tag:{address}").hex()[:32]


def tags(address: str) -> list[str]:
    """Return the tags of an address under all keys, for items that outlive a rotation."""
    return [mac(key, f"tag:{address}").hex()[:32] for key in load().of("mac")]


def tags_since(address: str, since: int, *, now: int) -> set[str]:
    """Return the tags that an address has had since then: nearly always one."""
    first = next(iter(load().of("mac")))
    return {tag(address, max(at, first.active_at)) for at in (since, now)}


def secret(key: Key) -> bytes:
    """Return a MAC key itself, for the JWT library."""
    return _unwrap(key)


@functools.cache
def private(key: Key) -> "RSAPrivateKey":
    """Return the private RSA key, which signs or decrypts."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    # Checking the primes takes 37 ms, and shows nothing about a key that we wrapped ourselves.
    return load_der_private_key(  # type: ignore[return-value]
        _unwrap(key), None, unsafe_skip_rsa_key_validation=True
    )


@functools.cache
def public(key: Key) -> "RSAPublicKey":
    """Return the public half of an RSA key. This needs no KMS."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    modulus = base64.urlsafe_b64decode(key.modulus + "=" * (-len(key.modulus) % 4))
    return RSAPublicNumbers(EXPONENT, int.from_bytes(modulus)).public_key()


def base64url(data: bytes) -> str:
    """Return data in base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


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
