"""DELETE /auth/v1/user/authorized/devices/{device_id}: sign a device out."""

from latchkey import clock
from latchkey.bodies import Query, Text
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.sessions import end


class RevokeDevice(Query):
    """The device, by the name that the security history shows or by its id."""

    device_id: Text


def revoke_device(query: RevokeDevice, caller: Caller) -> dict[str, str]:
    """End the sessions of the user on that device. There may be none."""
    end.revoke_all(caller, device_id=query.device_id, now=clock.now())
    return {}


handler = entry("revoke_device", revoke_device, RevokeDevice, services=["dynamodb"])
