"""$default: answer every request that no other operation answers."""

import re

from latchkey import errors
from latchkey.bodies import NoBody
from latchkey.caller import Caller
from latchkey.http import entry

# The SDK's routes for phone numbers, third parties and anonymous sessions.
_OTHER_LOGINS = re.compile(
    r"/auth/v[12]/(signin/(anonymously|with/provider|custom|wechat)|provider/|user/provider/"
    r"|user/trans/|user/device/|device/code|qrcode/)"
)


def unknown_route(_: NoBody, caller: Caller) -> dict[str, str]:
    """Refuse in our own JSON: the SDK would take the gateway's for a success."""
    if _OTHER_LOGINS.match(caller.path):
        raise errors.LoginTypeDisabled
    raise errors.Unimplemented


handler = entry("unknown_route", unknown_route, NoBody, services=[])
