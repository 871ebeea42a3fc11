"""What the SDK encrypts with our public key: RSA with the padding of PKCS #1 v1.5, in blocks.

A text that can't be opened is no text, whatever is wrong with it, after the same work; callers
treat it as a wrong password. So no answer helps to decrypt somebody else's text (Bleichenbacher's
attack), the less as OpenSSL 3.2 and later answer bad padding with random bytes.
"""

import base64
import binascii
import functools
from typing import TypeVar

import msgspec

from latchkey import keyring

# As many blocks as the longest user name and password that we take, with room.
_MOST_BLOCKS = 16

Sealed = TypeVar("Sealed", bound=msgspec.Struct)


class PublicKey(msgspec.Struct, frozen=True):
    """A key to encrypt with, as PEM (SubjectPublicKeyInfo), and the name to send with what it
    encrypted.
    """

    public_key: str
    public_key_thumbprint: str


def public_key(*, now: int) -> PublicKey:
    """Return the key to encrypt with now; what it encrypts can be opened for an hour after its
    successor came into use.
    """
    key = keyring.load().current("encryption", now)
    return PublicKey(_pem(key), key.id)


def open_json(sealed: str, thumbprint: str, kind: type[Sealed], *, now: int) -> Sealed | None:
    """Return the sealed object, or None if there is none."""
    text = open_text(sealed, thumbprint, now=now)
    try:
        return msgspec.json.decode(text, type=kind) if text is not None else None
    except (msgspec.MsgspecError, UnicodeError):
        return None


def open_text(sealed: str, thumbprint: str, *, now: int) -> str | None:
    """Return the sealed text, or None if it can't be opened."""
    ring = keyring.load()
    named = keyring.find("encryption", thumbprint)
    key = keyring.private(named or ring.current("encryption", now))
    size = key.key_size // 8
    blocks = _blocks(sealed, size)
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        # Even where there is nothing to open, one block is decrypted, which takes the time.
        opened = [key.decrypt(block, padding.PKCS1v15()) for block in blocks or [bytes(size)]]
    except ValueError:
        return None
    return _text(b"".join(opened)) if named and blocks else None


def _blocks(sealed: str, size: int) -> list[bytes]:
    """Cut into blocks. One alone may have lost its leading zeros, about one in 256 does; several
    must be whole, as it could not be said which is short.
    """
    try:
        data = base64.b64decode(sealed, validate=True)
    except (binascii.Error, ValueError):
        return []
    if len(data) <= size:
        return [data.rjust(size, b"\0")]
    if len(data) % size or len(data) > _MOST_BLOCKS * size:
        return []
    return [data[start : start + size] for start in range(0, len(data), size)]


def _text(data: bytes) -> str | None:
    """Decode CESU-8: the SDK writes each half of a surrogate pair as three bytes of its own."""
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
