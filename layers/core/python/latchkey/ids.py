"""Everything random: how many bits each kind has, and whether it is secret."""

import base64
import secrets


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
