"""Events of SES: record what became of a mail after SES had accepted it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from latchkey import addresses, clock, log, metrics
from latchkey.codes.verification import Delivery
from latchkey.mail import delivery

_STATES: dict[str, Delivery] = {
    "Delivery": "delivered",
    "Bounce": "bounced",
    "Complaint": "complained",
    "Reject": "failed",
}


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class Recipient(_Camel):
    """An address that an event is about."""

    email_address: str


class Bounce(_Camel):
    """`Permanent` means for good. `Transient` means for now: a full mailbox, a server that is
    down.
    """

    bounce_type: Literal["Permanent", "Transient", "Undetermined"]
    bounced_recipients: list[Recipient]


class Complaint(_Camel):
    """A reader has reported the mail as spam."""

    complained_recipients: list[Recipient]


class SentMail(_Camel):
    """The mail, with the tags that it was sent with (mail/ses.py)."""

    tags: dict[str, list[str]]


class Detail(_Camel):
    """The `detail` of an event of SES's configuration set."""

    event_type: str
    mail: SentMail
    bounce: Bounce | None = None
    complaint: Complaint | None = None


class FeedbackEvent(BaseModel):
    """The event as EventBridge hands it over."""

    detail: Detail


@log.logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], _: object) -> None:
    """Record an event. EventBridge repeats an event for which this fails."""
    detail = FeedbackEvent.model_validate(event).detail
    state = _STATES.get(detail.event_type)
    if state is None:  # DeliveryDelay, Send: nothing is decided yet
        return
    now = clock.now()
    if detail.bounce is not None and detail.bounce.bounce_type == "Permanent":
        _suppress(detail.bounce.bounced_recipients, "bounced", now)
    if detail.complaint is not None:
        _suppress(detail.complaint.complained_recipients, "complained", now)
    ids = detail.mail.tags.get("id", [])
    changed = [delivery.record(verification_id, state) for verification_id in ids]
    # A notice has no verification. An event that comes twice counts once.
    if state != "delivered" and (not ids or any(changed)):
        kind = "".join(detail.mail.tags.get("kind", []))
        log.info("mail", delivery=state, kind=kind, verification_id="".join(ids))
        metrics.count_mail(state)


def _suppress(recipients: list[Recipient], reason: delivery.Reason, now: int) -> None:
    for recipient in recipients:
        # An event may name the address with its owner: "Ada <ada@example.com>".
        bare = recipient.email_address.rpartition("<")[2].rstrip(">")
        address = addresses.canonical_or_none(bare)
        if address is not None:
            delivery.suppress(address, reason, now=now)
