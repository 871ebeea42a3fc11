"""Everything random: how many bits each kind has, and whether it is secret.

What must not repeat or be guessed comes from the operating system at each call, here by `secrets`.
"""

import base64
import os
import random
import secrets
import ssl


def new_id() -> str:
    """Return 128 random bits as 26 lower-case letters and digits: public, unguessable, never
    repeated.

    Users, sessions, verifications, keys and events are named so.
    """
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def new_seed() -> str:
    """Return 128 random bits as hex, from which a mailed code is derived; useless without the MAC
    key.
    """
    return secrets.token_hex(16)


def new_mac_key() -> bytes:
    """Return a secret of 256 bits, the length of HMAC-SHA-256's output (RFC 2104, section 3)."""
    return secrets.token_bytes(32)


def shard(count: int) -> int:
    """Return a number below `count`. It spreads writes and guards nothing."""
    return random.randrange(count)  # noqa: S311


def reseed() -> None:
    """Give new seeds to the generators that count on from a state in memory.

    Python's `random` spreads retries and makes up Message-IDs and MIME boundaries. That of OpenSSL
    makes the keys of each TLS connection, and is seeded when the clients are made; added bytes make
    it take new ones from the operating system too. `secrets`, `uuid4` and the salts of passwords
    have no such state: they call os.urandom. The OpenSSL inside `cryptography` is another one, and
    draws its first numbers in a request.
    """
    random.seed()
    ssl.RAND_add(os.urandom(64), 64.0)
