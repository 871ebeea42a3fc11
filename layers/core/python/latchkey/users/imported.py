"""Hashes that other systems have made: read, bound and verify them.

docs/import.md has the table of forms. Each is replaced by one of ours at the first sign-in
(passwords.py), so this module is not imported in a request of anybody else.

One verification takes some 20 times as long as one of ours, a second where a function has 1,024 MB
(`python -m bench.hashes`). A hash beyond its ceiling is refused when it is imported, and is
nobody's password if it is stored all the same.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from latchkey.users import digests
from latchkey.users.digests import Digest

LONGEST = 1024
"""Characters of a stored form; the longest real one, Firebase's, has 250."""

MOST_ARGON2_KIB = 128 * 1024
MOST_ARGON2_KIB_PASSES = 384 * 1024
MOST_ARGON2_LANES = 16
MOST_BCRYPT_COST = 13
MOST_SCRYPT_BYTES = 128 * 1024 * 1024
"""128 N r p (RFC 7914, section 2)."""
MOST_PBKDF2_ROUNDS = {"sha1": 1_250_000, "sha256": 1_250_000, "sha512": 500_000}
"""Iterations times blocks of output. Django 6 makes 1,200,000, Keycloak 210,000 of SHA-512."""
MOST_SHA_CRYPT_ROUNDS = 300_000
"""It is computed in Python, as no library of Python has it in C."""
MOST_PHPASS_LOG2 = 18

_BCRYPT_BYTES = 72  # what bcrypt reads of a password; its library refuses more
_BLOCK = {"sha1": 20, "sha256": 32, "sha512": 64}


class Unusable(Exception):
    """A hash that cannot be imported. `reason` is `unknown_hash` or `costly_hash`."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True)
class Hash:
    """A hash of another system. `verify` tells whether the bytes are its password."""

    scheme: str
    verify: Callable[[bytes], bool]


def read(stored: str) -> Hash | Digest:
    """Return what a hash is. Raises Unusable."""
    if len(stored) <= LONGEST:
        for pattern, make in _FORMS:
            if found := pattern.fullmatch(stored):
                try:
                    return make(*found.groups(default=""))
                except ValueError as error:
                    raise Unusable("unknown_hash", "The hash is damaged.") from error
    raise Unusable("unknown_hash", "The hash has no form that is known.")


def _bound(value: int, most: int, what: str) -> None:
    if value > most:
        raise Unusable("costly_hash", f"The hash costs too much: {what} is above {most:,}.")
    if value < 1:
        raise ValueError(what)


def _argon2(kind: str, version: str, memory: str, passes: str, lanes: str, *rest: str) -> Hash:
    _bound(int(memory), MOST_ARGON2_KIB, "the memory in KiB")
    _bound(int(memory) * int(passes), MOST_ARGON2_KIB_PASSES, "memory in KiB times passes")
    _bound(int(lanes), MOST_ARGON2_LANES, "the number of lanes")
    salt, tag = map(digests.b64, rest)
    if len(salt) < 8 or not 12 <= len(tag) <= 128 or version not in ("", "16", "19"):
        raise ValueError("argon2")
    stored = f"$argon2{kind}$" + (f"v={version}$" if version else "")
    stored += f"m={memory},t={passes},p={lanes}${rest[0]}${rest[1]}"

    def verify(password: bytes) -> bool:
        from argon2.exceptions import VerificationError
        from argon2.low_level import Type, verify_secret

        try:
            return verify_secret(stored.encode(), password, Type[kind.upper()])
        except VerificationError:
            return False

    return Hash(f"argon2{kind}", verify)


def _bcrypt(before: str, kind: str, cost: str, rest: str) -> Hash:
    _bound(int(cost), MOST_BCRYPT_COST, "bcrypt's cost")
    stored = f"$2{kind}${cost}${rest}".encode()

    def verify(password: bytes) -> bool:
        import bcrypt

        if before == "bcrypt_sha256$":  # Django's, so that more than 72 bytes count
            password = hashlib.sha256(password).hexdigest().encode()
        try:
            return bcrypt.checkpw(password[:_BCRYPT_BYTES], stored)
        except ValueError:  # a salt that bcrypt does not take
            return False

    return Hash("bcrypt_sha256" if "sha256" in before else "bcrypt", verify)


def _scrypt(log2: str, block: str, lanes: str, salt: str, value: str) -> Hash:
    return _scrypt_of(
        1 << min(int(log2), 40), int(block), int(lanes), digests.b64(salt), digests.b64(value)
    )


def _django_scrypt(salt: str, n: str, block: str, lanes: str, value: str) -> Hash:
    return _scrypt_of(int(n), int(block), int(lanes), salt.encode(), digests.b64(value))


def _scrypt_of(n: int, block: int, lanes: int, salt: bytes, value: bytes) -> Hash:
    _bound(128 * n * block * lanes, MOST_SCRYPT_BYTES, "the memory in bytes times lanes")
    if n < 2 or n & (n - 1) or not 16 <= len(value) <= 128:
        raise ValueError("scrypt")
    return Hash(
        "scrypt",
        _equals(lambda text: _scrypt_bytes(text, salt, n, block, lanes, len(value)), value),
    )


def _scrypt_bytes(
    password: bytes, salt: bytes, n: int, block: int, lanes: int, length: int
) -> bytes:
    """Return the scrypt (RFC 7914) of a password: `length` bytes."""
    most = 132 * n * block * lanes + 1024 * 1024
    return hashlib.scrypt(password, salt=salt, n=n, r=block, p=lanes, maxmem=most, dklen=length)


def _firebase(log2: str, block: str, separator: str, key: str, salt: str, value: str) -> Hash:
    n, r = 1 << min(int(log2), 40), int(block)
    _bound(128 * n * r, MOST_SCRYPT_BYTES, "the memory in bytes")
    signer, stored = digests.b64(key), digests.b64(value)
    salted = digests.b64(salt) + digests.b64(separator)

    def derive(password: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        derived = _scrypt_bytes(password, salted, n, r, 1, 32)
        encryptor = Cipher(algorithms.AES(derived), modes.CTR(bytes(16))).encryptor()
        return encryptor.update(signer) + encryptor.finalize()

    return Hash("firebase_scrypt", _equals(derive, stored))


def _pbkdf2(digest: str, rounds: str, salt: str, value: str) -> Hash:
    return _pbkdf2_of(digest or "sha1", int(rounds), _ab64(salt), _ab64(value))


def _django_pbkdf2(digest: str, rounds: str, salt: str, value: str) -> Hash:
    return _pbkdf2_of(digest, int(rounds), salt.encode(), digests.b64(value))


def _pbkdf2_of(digest: str, rounds: int, salt: bytes, value: bytes) -> Hash:
    if not 16 <= len(value) <= 128:
        raise ValueError("pbkdf2")
    _bound(
        rounds * -(-len(value) // _BLOCK[digest]), MOST_PBKDF2_ROUNDS[digest], "rounds times blocks"
    )
    return Hash(
        f"pbkdf2_{digest}",
        _equals(lambda text: hashlib.pbkdf2_hmac(digest, text, salt, rounds, len(value)), value),
    )


def _sha_crypt(*parts: str) -> Hash:
    kind, rounds, rest = parts[:3] if parts[0] else parts[3:]
    _bound(int(rounds or 5000), MOST_SHA_CRYPT_ROUNDS, "the number of rounds")
    stored = f"${kind}$" + (f"rounds={rounds}$" if rounds else "") + rest
    name = {"5": "sha256_crypt", "6": "sha512_crypt"}[kind]
    return Hash(name, lambda password: _passlib(name, password, stored))


def _phpass(kind: str, rounds: str, rest: str) -> Hash:
    log2 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(rounds)
    _bound(log2, MOST_PHPASS_LOG2, "the logarithm of the rounds")
    return Hash("phpass", lambda text: _passlib("phpass", text, f"${kind}${rounds}{rest}"))


def _passlib(name: str, password: bytes, stored: str) -> bool:
    from passlib import hash as schemes
    from passlib.exc import PasswordValueError

    try:
        return bool(getattr(schemes, name).verify(password, stored))
    except (PasswordValueError, ValueError):  # a NUL in the password; a number that is not plain
        return False


def _equals(derive: Callable[[bytes], bytes], value: bytes) -> Callable[[bytes], bool]:
    return lambda password: hmac.compare_digest(derive(password), value)


def _ab64(text: str) -> bytes:
    """Decode passlib's base64, which has a dot for a plus."""
    return digests.b64(text.replace(".", "+"))


_B64 = "[A-Za-z0-9+/_-]{1,240}={0,2}"
_AB64 = "[A-Za-z0-9./]{1,240}"
_NUMBER = "[1-9][0-9]{0,8}"
_MADE: list[tuple[str, Callable[..., Hash | Digest]]] = [
    (
        rf"(?:argon2)?\$argon2(id|i|d)\$(?:v=(\d\d)\$)?m=({_NUMBER}),t=({_NUMBER}),p=({_NUMBER})"
        rf"\$([A-Za-z0-9+/]{{1,240}})\$([A-Za-z0-9+/]{{1,240}})",
        _argon2,
    ),
    (r"(bcrypt\$|bcrypt_sha256\$|)\$2([aby])\$(0[4-9]|[1-3]\d)\$([A-Za-z0-9./]{53})", _bcrypt),
    (rf"\$scrypt\$ln=({_NUMBER}),r=({_NUMBER}),p=({_NUMBER})\$({_B64})\$({_B64})", _scrypt),
    (
        rf"scrypt\$([A-Za-z0-9]{{1,128}})\$({_NUMBER})\$({_NUMBER})\$({_NUMBER})\$({_B64})",
        _django_scrypt,
    ),
    (
        rf"\$fbscrypt\$v=1,n=({_NUMBER}),r=({_NUMBER})(?:,p=1)?,ss=({_B64}),sk=({_B64})"
        rf"\$({_B64})\$({_B64})",
        _firebase,
    ),
    (
        rf"\$pbkdf2(?:-(sha256|sha512|sha1))?\$({_NUMBER})\$({_AB64})\$({_AB64})",
        _pbkdf2,
    ),
    (rf"pbkdf2_(sha256|sha1)\$({_NUMBER})\$([^$]{{1,128}})\$({_B64})", _django_pbkdf2),
    (
        rf"\$(?:(5)\$(?:rounds=({_NUMBER})\$)?([A-Za-z0-9./]{{0,16}}\$[A-Za-z0-9./]{{43}})|(6)\$"
        rf"(?:rounds=({_NUMBER})\$)?([A-Za-z0-9./]{{0,16}}\$[A-Za-z0-9./]{{86}}))",
        _sha_crypt,
    ),
    (r"\$([PH])\$([A-Za-z0-9./])([A-Za-z0-9./]{30})", _phpass),
    *digests.FORMS,
]
_FORMS = [(re.compile(form, re.ASCII), make) for form, make in _MADE]
