"""Passwords: hash and check them. This is the only module that knows the hashing library.

Argon2id (RFC 9106) at m = 19 MiB, t = 2, p = 1: one of the settings that OWASP's Password Storage
Cheat Sheet lists as equal. A hash made with other settings is replaced at the next sign-in.
"""

import functools
import unicodedata
from typing import TYPE_CHECKING

from latchkey import errors

if TYPE_CHECKING:
    from passlib.ifc import PasswordHash

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1

# The most characters that are compared, after NFKC: no policy allows more (policy.py), and passlib
# refuses 4,096 with an exception of its own. NFKC makes up to 18 characters of one, U+FDFA.
LONGEST = 256

# How each hash with these settings begins (PHC string format).
_PREFIX = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"
# The password of an unknown user is compared with this, so that the answer takes the same time. No
# password is known that has this hash.
_NOBODY = _PREFIX + "A" * 22 + "$" + "A" * 43


def hash_new(
    password: str, *, address: str = "", username: str | None = None, current: str | None = None
) -> str:
    """Return the hash, as a PHC string, of a password that the user of the address and the user
    name has chosen.

    Raises WeakPassword, also if it is the password of the hash `current`.
    """
    # Imported here because only few requests choose a password (policy.py).
    from latchkey.users import policy

    policy.check(normal(password), address=address, username=username)
    if current is not None and matches(password, current):
        raise errors.WeakPassword(
            "The new password is the current one. Choose another one.", "password_current"
        )
    return _hash(password)


def hash_known(password: str) -> str:
    """Return the hash of a password that another system has accepted. No policy is applied."""
    return _hash(password)


def fits(password: str) -> bool:
    """Return whether a password could be anybody's: neither empty nor too long."""
    return 0 < len(normal(password)) <= LONGEST


def matches(password: str, stored: str | None) -> bool:
    """Return whether this is the password of a stored hash. If none is stored, or the password is
    too long to be anybody's, return False after the same time.
    """
    typed = normal(password)
    right = _verify(password, typed, stored or _NOBODY)
    return right and stored is not None and len(typed) <= LONGEST


def scheme(given: str) -> str:
    """Return the name of the scheme of a hash, of ours or another system. Raises
    imported.Unusable.
    """
    from latchkey.users import digests, imported

    found = imported.read(given)
    if isinstance(found, digests.Digest) and found.inner:
        imported.read(found.inner)
    return found.scheme


def adopt(given: str) -> str:
    """Return the form in which a hash of another system is stored. Raises imported.Unusable."""
    from latchkey.users import digests, imported

    scheme(given)
    found = imported.read(given)
    if isinstance(found, digests.Digest) and not found.inner:
        return found.wrapped(str(_scheme().hash(found.value)))
    return given


def rehash(password: str, stored: str) -> str | None:
    """Return a hash with today's settings if the stored one has others, else None."""
    return None if stored.startswith(_PREFIX) else _hash(password)


def normal(password: str) -> str:
    """Return the NFKC form, because keyboards spell the same character differently (NIST SP
    800-63B, section 3.1.1.2). What is longer than LONGEST is cut to one character more.
    """
    return unicodedata.normalize("NFKC", password[: LONGEST + 1])[: LONGEST + 1]


def _verify(password: str, typed: str, stored: str) -> bool:
    """Compare a password with a hash. A hash with today's settings needs no other library, whose
    import would be a part of each cold start.
    """
    if stored.startswith(_PREFIX):
        return _is_ours(_bytes(typed), stored)
    # Other systems have hashed what was typed. Ours of former settings are of the normal form.
    raw = password[: LONGEST + 1]
    return any(_is_foreign(_bytes(text), stored) for text in dict.fromkeys((raw, typed)))


def _is_ours(password: bytes, stored: str) -> bool:
    from argon2.exceptions import VerificationError
    from argon2.low_level import Type, verify_secret

    try:
        return verify_secret(stored.encode(), password, Type.ID)
    except VerificationError:
        return False


def _is_foreign(password: bytes, stored: str) -> bool:
    from latchkey.users import digests, imported

    try:
        found = imported.read(stored)
    except imported.Unusable:  # it was stored when the ceilings were higher
        _is_ours(password, _NOBODY)
        return False
    if isinstance(found, digests.Digest):
        return _is_foreign(found.of(password), found.inner)
    return found.verify(password)


def _hash(password: str) -> str:
    return str(_scheme().hash(_bytes(normal(password))))


def _bytes(password: str) -> bytes:
    """Return a password in UTF-8. Half a surrogate pair, which is no text, is nobody's password."""
    return password.encode("utf-8", "surrogatepass")


@functools.cache
def _scheme() -> "type[PasswordHash]":
    # passlib.hash would load it on first use, which fails when threads do so at once.
    from passlib.handlers.argon2 import argon2

    return argon2.using(type="ID", memory_cost=MEMORY_KIB, time_cost=PASSES, parallelism=LANES)  # type: ignore[no-any-return]
