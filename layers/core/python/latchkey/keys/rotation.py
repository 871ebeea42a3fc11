"""Make new keys when they are due, and drop keys that nothing needs any more.

A new key is published a day before it signs. An old key stays until everything that it signed has
expired. So a rotation signs nobody out, and a verifier that caches the JWKS (API Gateway caches it
for two hours) knows a key before it meets the key's first signature.

Keys that somebody else may know are another matter: they are dropped, and the new ones sign at
once. So everybody signs in again. What is named by a tag (keyring.py) is forgotten too: which
devices an account knows, its failures, and the suppressed addresses.
"""

from itertools import pairwise
from typing import Literal, TypeAlias

from latchkey import aws, ids, settings
from latchkey.dynamodb import keys, store, writes
from latchkey.keys import keyring
from latchkey.keys.keyring import PURPOSES, Key, Keyring, Purpose

# From the publication of a key to its first signature. Verifiers and containers cache keys for far
# less.
LEAD_SECONDS = 86400
# The longest time between fetching a public key and sending what was encrypted with it.
ENCRYPTION_SECONDS = 3600


Reason: TypeAlias = Literal["due", "asked", "compromised"]
"""Why keys are replaced: each when it is old enough; all, because an operator asks for it; or all,
because somebody else may know them.
"""


class NoIssuer(Exception):
    """There is no keyring, and nobody says which issuer a new one is for."""


def rotate(issuer: str, *, now: int, reason: Reason = "due") -> list[str]:
    """Make new keys, drop those that nothing needs, and return the ids of the new ones.

    An empty issuer keeps the present one. It is safe to call this at any time, twice, and in
    parallel. A key that does not sign yet is not replaced, unless the keys are compromised.

    Raises NoIssuer.
    """
    ring = keyring.read() or Keyring(issuer, (), 0)
    if not (issuer or ring.issuer):
        raise NoIssuer
    if reason == "compromised":
        kept = Keyring(ring.issuer, (), ring.revision)
    else:
        kept = Keyring(ring.issuer, _needed(ring, now), ring.revision)
    days = settings.Keys.load().key_rotation_days if reason == "due" else 0
    fresh = [_make(purpose, kept, now) for purpose in PURPOSES if _due(kept, purpose, days, now)]
    changed = Keyring(issuer or ring.issuer, (*kept.keys, *fresh), ring.revision + 1)
    if changed.keys == ring.keys and changed.issuer == ring.issuer:
        return []
    try:
        store.write(
            writes.Put(
                keys.KEYRING,
                when=f"{writes.ABSENT} OR #revision = :seen",
                values={"seen": ring.revision},
                item=keyring.item_of(changed),
            )
        )
    except writes.Conflict:
        return rotate(issuer, now=now, reason=reason)
    return [key.id for key in fresh]


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
    key = rsa.generate_private_key(keyring.EXPONENT, 2048)
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return keyring.base64url(key.public_key().public_numbers().n.to_bytes(256)), plain


def _due(ring: Keyring, purpose: Purpose, days: int, now: int) -> bool:
    return all(key.active_at + days * 86400 <= now for key in ring.of(purpose))


def _needed(ring: Keyring, now: int) -> tuple[Key, ...]:
    """Return the keys that something still needs: the newest of each purpose, and each older one
    until a day after its last signature has expired. Its last signature was made when its successor
    became active.
    """
    lifetimes = settings.Sessions.load()
    seconds: dict[Purpose, int] = {
        "signing": lifetimes.access_token_seconds,
        "mac": lifetimes.session_seconds,
        "encryption": ENCRYPTION_SECONDS,
    }
    needed: list[Key] = []
    for purpose, lifetime in seconds.items():
        same = list(ring.of(purpose))
        replaced = pairwise(same)
        needed += [key for key, after in replaced if after.active_at + lifetime + 86400 > now]
        needed += same[-1:]
    return tuple(needed)
