"""Plain and salted digests of passwords, which other systems have stored.

Anybody computes a billion of them a second, so none is stored here: what is stored is the Argon2id
hash of the digest's hexadecimal form.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

# Bytes of each.
_SIZES = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}
_MOST_SALT = 128


@dataclass(frozen=True)
class Digest:
    """A digest, or with `inner` the Argon2id hash of one."""

    algorithm: str
    order: str
    """Where the salt stands: `prefix` or `suffix`."""
    salt: bytes
    value: str
    """In hexadecimal; empty if it is wrapped."""
    inner: str = ""

    @property
    def scheme(self) -> str:
        """Return the name of the scheme."""
        return f"{self.algorithm}_digest"

    def of(self, password: bytes) -> bytes:
        """Return the digest of a password, in hexadecimal."""
        salted = self.salt + password if self.order == "prefix" else password + self.salt
        return hashlib.new(self.algorithm, salted, usedforsecurity=False).hexdigest().encode()

    def wrapped(self, inner: str) -> str:
        """Return the form that is stored, around the Argon2id hash of `value`."""
        salt = base64.b64encode(self.salt).decode()
        return f"$wrapped${self.algorithm}${self.order}${salt}{inner}"


def b64(text: str) -> bytes:
    """Decode base64, with padding or without, of the usual alphabet or that for URLs. Raises
    ValueError.
    """
    plain = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _ours(algorithm: str, order: str, salt: str, value: str) -> Digest:
    return _checked(algorithm, order, b64(salt), value)


def _plain(value: str) -> Digest:
    by_length = {2 * size: name for name, size in _SIZES.items()}
    return _checked(by_length.get(len(value), "md5"), "prefix", b"", value)


def _django(algorithm: str, salt: str, value: str) -> Digest:
    return _checked(algorithm, "prefix", salt.encode(), value)


def _ldap(name: str, value: str) -> Digest:
    plain = name.lower().replace("ssha", "sha").replace("smd5", "md5")
    algorithm = "sha1" if plain == "sha" else plain
    raw, size = b64(value), _SIZES[algorithm]
    return _checked(algorithm, "suffix", raw[size:], raw[:size].hex())


def _checked(algorithm: str, order: str, salt: bytes, value: str) -> Digest:
    if len(value) != 2 * _SIZES[algorithm] or len(salt) > _MOST_SALT:
        raise ValueError(algorithm)
    return Digest(algorithm, order, salt, value.lower())


def _wrapped(algorithm: str, order: str, salt: str, inner: str) -> Digest:
    return Digest(algorithm, order, b64(salt), "", inner)


_NAMES = "md5|sha1|sha256|sha512"
_SALT = "[A-Za-z0-9+/]{0,172}={0,2}"
FORMS: list[tuple[str, Callable[..., Digest]]] = [
    (rf"\$digest\$({_NAMES})\$(prefix|suffix)\$({_SALT})\$([0-9a-fA-F]+)", _ours),
    ("([0-9a-fA-F]{32,128})", _plain),
    (rf"({_NAMES})\$([^$]{{0,128}})\$([0-9a-fA-F]+)", _django),
    (r"\{(S?MD5|S?SHA|S?SHA256|S?SHA512)\}([A-Za-z0-9+/]+={0,2})", _ldap),
    (rf"\$wrapped\$({_NAMES})\$(prefix|suffix)\$({_SALT})(\$argon2id\$.{{1,200}})", _wrapped),
]
