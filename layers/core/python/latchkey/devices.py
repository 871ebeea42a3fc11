"""Devices: the id that a client sends with each request, and the name under which we keep it.

A device that an account knows has limits of its own, so its id is worth as much as a credential.
Only its name is kept and shown: nobody can read the id in the history or in a table.
"""

import hashlib
import re

# The SDK sends 32 hex digits, other clients a UUID. Both have more than 120 random bits; a shorter
# or a chosen id, such as `my-laptop`, can be guessed.
_SECRET = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def name_of(device_id: str) -> str:
    """Return the name of a device: 128 bits of SHA-256 of its id, as hex; empty if there is no id.

    A secret id cannot be found from its name, because it is random.
    """
    return hashlib.sha256(f"device:{device_id}".encode()).hexdigest()[:32] if device_id else ""


def is_secret(device_id: str) -> bool:
    """Return whether an id is random, so that nobody can guess it."""
    return _SECRET.fullmatch(device_id.lower()) is not None
