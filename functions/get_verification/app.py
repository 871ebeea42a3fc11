"""GET /auth/v1/verification/{verification_id}: what became of the mail with a code."""

import msgspec

from latchkey import clock, deliveries, verifications
from latchkey.http import Caller, NoBody, entry

_DESCRIPTIONS: dict[deliveries.State, str] = {
    "queued": "The message is waiting to be sent.",
    "sent": "The message is on its way.",
    "delivered": "The message has reached the mailbox.",
    "bounced": "We could not reach this mailbox.",
    "complained": "The message was reported as unwanted, so no more are sent for some days.",
    "suppressed": "We could not reach this mailbox lately, so nothing was sent to it.",
    "failed": "The message could not be sent.",
}


class Delivery(msgspec.Struct, frozen=True):
    """`expires_in` is in seconds; `description` is a sentence to show."""

    verification_id: str
    delivery: deliveries.State
    description: str
    expires_in: int


def get_verification(_: NoBody, caller: Caller) -> Delivery:
    """Tell whoever holds the id how far its mail has come."""
    now = clock.now()
    found = verifications.read(caller.path.rpartition("/")[2], now=now)
    state = deliveries.told(found.delivery, to_user=found.owner != "")
    return Delivery(found.id, state, _DESCRIPTIONS[state], found.expires_at - now)


handler = entry("get_verification", get_verification, NoBody)
