"""DELETE /auth/v1/user/authorized/devices/{device_id}: sign a device out."""

from latchkey import clock, sessions
from latchkey.http import Caller, Query, Text, entry


class RevokeDevice(Query, frozen=True):
    """The device as the security history names it."""

    device_id: Text


def revoke_device(query: RevokeDevice, caller: Caller) -> dict[str, str]:
    """End the sessions of the user on that device; there may be none."""
    sessions.end_all(caller, device_id=query.device_id, now=clock.now())
    return {}


handler = entry("revoke_device", revoke_device, RevokeDevice)
