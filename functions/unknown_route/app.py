"""$default: every request that no other operation answers."""

from latchkey import errors
from latchkey.http import Caller, NoBody, entry


def unknown_route(_body: NoBody, _caller: Caller) -> dict[str, str]:
    """Refuse, in our own JSON: the SDK would take the gateway's own for a success."""
    raise errors.Unimplemented


handler = entry("unknown_route", unknown_route, NoBody)
