"""Make new keys when they are due, and drop keys that nothing needs any more.

A new key is published a day before it signs. An old key stays until everything that it signed has
expired. So a rotation signs nobody out, and a verifier that caches the JWKS (API Gateway caches it
for two hours) knows a key before it meets the key's first signature.
"""

from itertools import pairwise

from latchkey import aws, ids, settings
from latchkey.dynamodb import keys, store, writes
from latchkey.keys import keyring
from latchkey.keys.keyring import PURPOSES, Key, Keyring, Purpose

# From the publication of a key to its first signature. Verifiers and containers cache keys for far
# less.
LEAD_SECONDS = 86400
# The longest time between fetching a public key and sending what was encrypted with it.
ENCRYPTION_SECONDS = 3600


def rotate(issuer: str, *, now: int) -> list[str]:
    """Make the keys that are due, drop those that nothing needs, and return the new ids.

    An empty issuer keeps the present one. It is safe to call this at any time, twice, and in
    parallel.
    """
    ring = keyring.read() or Keyring(issuer, (), 0)
    fresh = [_make(purpose, ring, now) for purpose in PURPOSES if _due(ring, purpose, now)]
    lifetimes = settings.Sessions.load()
    kept_and_new = (
        *_needed(ring, "signing", lifetimes.access_token_seconds, now),
        *_needed(ring, "mac", lifetimes.session_seconds, now),
        *_needed(ring, "encryption", ENCRYPTION_SECONDS, now),
        *fresh,
    )
    changed = Keyring(issuer or ring.issuer, kept_and_new, ring.revision + 1)
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
        return rotate(issuer, now=now)
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


def _due(ring: Keyring, purpose: Purpose, now: int) -> bool:
    rotation = settings.Keys.load().key_rotation_days * 86400
    return all(key.active_at + rotation <= now for key in ring.keys if key.purpose == purpose)


def _needed(ring: Keyring, purpose: Purpose, lifetime: int, now: int) -> list[Key]:
    """Return the keys that something still needs: the newest, and each older one until a day after
    its last signature has expired. Its last signature was made when its successor became active.
    """
    same = [key for key in ring.keys if key.purpose == purpose]
    replaced = pairwise(same)
    return [key for key, after in replaced if after.active_at + lifetime + 86400 > now] + same[-1:]
