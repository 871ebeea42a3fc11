"""$default: answer every request that no other operation answers."""

import re
from typing import Any

from latchkey import errors
from latchkey.bodies import Event, NoBody
from latchkey.caller import Caller
from latchkey.http import Response, entry

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


_refuse = entry("unknown_route", unknown_route, NoBody, services=[])


def handler(event: Event, context: Any) -> Response:
    """Answer a preflight if the gateway has not, because a browser needs a success: the gateway
    adds the headers of CORS. Refuse any other request.
    """
    if event["requestContext"]["http"]["method"] == "OPTIONS":
        return {"statusCode": 204}
    return _refuse(event, context)
