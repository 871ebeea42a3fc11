"""An operator's function without a route: let an address that bounced or complained have mails."""

import msgspec

from latchkey import clock, deliveries, users


class Lift(msgspec.Struct, frozen=True):
    """Whose suppression ends."""

    address: str


def handler(event: object, _: object) -> dict[str, object]:
    """Lift the suppression, and say why there was one. Raises InvalidArgument."""
    address = users.canonical_address(msgspec.convert(event, Lift).address)
    found = deliveries.lift(address, now=clock.now())
    return {"address": address, "was": found.reason if found else "not suppressed"}
