"""GET /auth/v1/verification/{verification_id}: tell what became of the mail with a code."""

from dataclasses import dataclass

from latchkey import clock, errors, settings
from latchkey.bodies import NoBody
from latchkey.caller import Caller
from latchkey.codes import verification
from latchkey.codes.verification import Delivery
from latchkey.http import entry
from latchkey.mail import delivery

_DESCRIPTIONS: dict[Delivery, str] = {
    "queued": "The message is waiting to be sent.",
    "sending": "The message is waiting to be sent.",
    "sent": "The message is on its way.",
    "delivered": "The message has reached the mailbox.",
    "bounced": "We could not reach this mailbox.",
    "complained": "The message was reported as unwanted, so no more are sent for some days.",
    "suppressed": "We could not reach this mailbox lately, so nothing was sent to it.",
    "failed": "The message could not be sent.",
}


@dataclass(frozen=True)
class DeliveryState:
    """What became of a mail. `description` is a sentence to show; `expires_in` is in seconds."""

    verification_id: str
    delivery: Delivery
    description: str
    expires_in: int


def get_verification(_: NoBody, caller: Caller) -> DeliveryState:
    """Tell anybody who has the id how far its mail has come. With strict account discovery, it is
    told in full only of a code that the user of the address has asked for in a session.
    Raises NotFound.
    """
    now = clock.now()
    found = verification.read(caller.path.rpartition("/")[2])
    if found is None or found.expires_at <= now:
        raise errors.NotFound("There is no such verification, or it has expired.")
    strict = settings.Discovery.load().strict
    to_user = found.owner != "" and (not strict or found.requester == found.owner)
    state = delivery.visible_state(found.delivery, to_user=to_user)
    return DeliveryState(found.id, state, _DESCRIPTIONS[state], found.expires_at - now)


handler = entry("get_verification", get_verification, NoBody, services=["dynamodb"])
