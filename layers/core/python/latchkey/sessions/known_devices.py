"""The devices that an account knows: those that have signed in before."""

from collections.abc import Mapping

from latchkey.caller import Caller
from latchkey.dynamodb import keys, values, writes
from latchkey.keys import keyring
from latchkey.limits.budget import DEVICE_SECONDS

# The most clients whose sessions a device remembers. Client ids can be made up, and an item has
# 400 KB.
_MOST_CLIENTS = 10


def sessions_of(device: values.Item | None) -> dict[str, str]:
    """Return the session of each client on a device, oldest first."""
    return dict(device.get("sids", {})) if device else {}


def known_since(device: values.Item | None, *, now: int) -> int:
    """Return when a device signed in for the first time, as far as that was kept."""
    if device is None:
        return now
    return int(device.get("known_since") or device["signed_in_at"])


def remember_write(
    sub: str, address: str, caller: Caller, sids: Mapping[str, str], *, since: int, now: int
) -> writes.Put:
    """Return the write that remembers the caller's device, known since then, with the session of
    each client.
    """
    latest = dict(list(sids.items())[-_MOST_CLIENTS:])
    item = {
        "known_since": since,
        "signed_in_at": now,
        "expires_at": now + DEVICE_SECONDS,
        "sids": latest,
        "name": caller.device_id,
        "tag": keyring.tag(address, now),
    }
    return writes.Put(keys.device(sub, caller.device_id), item=item)


def forget_writes(device: values.Item) -> list[writes.Write]:
    """Return the writes that forget a device, and that its account knows it."""
    forgotten: list[writes.Write] = [writes.Delete(keys.key_of(device))]
    if device.get("name"):
        forgotten.append(writes.Delete(keys.budget(device["tag"], device["name"])))
    return forgotten


def is_device(item: values.Item) -> bool:
    """Return whether an item is a device."""
    return str(item["sk"]).startswith("SESSION-DEVICE#")
