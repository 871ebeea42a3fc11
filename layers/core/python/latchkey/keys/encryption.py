"""What the SDK encrypts with our public key: RSA with PKCS #1 v1.5 padding, in blocks.

Every ciphertext that cannot be decrypted gives the same result after the same work, whatever is
wrong with it, and callers treat it as a wrong password. So no answer helps anybody to decrypt
somebody else's text (Bleichenbacher's attack). OpenSSL 3.2 and later help too: they answer bad
padding with random bytes.
"""

import base64
import binascii
import functools
from dataclasses import dataclass

from latchkey.keys import keyring

# Enough blocks for the longest user name and password that we take.
_MOST_BLOCKS = 16


@dataclass(frozen=True)
class PublicKey:
    """A key to encrypt with, as PEM (SubjectPublicKeyInfo), and its name, which the client sends
    with what it encrypted.
    """

    public_key: str
    public_key_thumbprint: str


def public_key(*, now: int) -> PublicKey:
    """Return the current key. What it encrypts can be decrypted until an hour after its successor
    becomes active.
    """
    key = keyring.load().current("encryption", now)
    return PublicKey(_pem(key), key.id)


def decrypt(ciphertext: str, thumbprint: str, *, now: int) -> str | None:
    """Return the text that was encrypted, or None if it cannot be decrypted.

    `ciphertext` is in base64; `thumbprint` names the key.
    """
    ring = keyring.load()
    named = keyring.find("encryption", thumbprint)
    key = keyring.private(named or ring.current("encryption", now))
    size = key.key_size // 8
    blocks = _blocks(ciphertext, size)
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        # One block is decrypted even if there is none, because that takes the time.
        decrypted = [key.decrypt(block, padding.PKCS1v15()) for block in blocks or [bytes(size)]]
    except ValueError:
        return None
    return _text(b"".join(decrypted)) if named and blocks else None


def _blocks(ciphertext: str, size: int) -> list[bytes]:
    """Cut a ciphertext into blocks; return none if that is impossible.

    A single block may lack its leading zeros, as one in 256 does. Several blocks must be whole,
    because nothing tells which of them is short.
    """
    try:
        data = base64.b64decode(ciphertext, validate=True)
    except (binascii.Error, ValueError):
        return []
    if len(data) <= size:
        return [data.rjust(size, b"\0")]
    if len(data) % size or len(data) > _MOST_BLOCKS * size:
        return []
    return [data[start : start + size] for start in range(0, len(data), size)]


def _text(data: bytes) -> str | None:
    """Decode CESU-8: the SDK encodes each half of a surrogate pair as three bytes."""
    try:
        halves = data.decode("utf-8", "surrogatepass")
        return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeError:
        return None


@functools.cache
def _pem(key: keyring.Key) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = keyring.public(key)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
