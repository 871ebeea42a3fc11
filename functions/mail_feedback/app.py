"""SES's events: what became of a mail after SES had accepted it."""

from typing import Any, Literal

import msgspec

from latchkey import clock, deliveries, log, users

_STATES: dict[str, deliveries.State] = {
    "Delivery": "delivered",
    "Bounce": "bounced",
    "Complaint": "complained",
    "Reject": "failed",
}


class Recipient(msgspec.Struct, rename="camel", frozen=True):
    """An address that an event is about."""

    email_address: str


class Bounce(msgspec.Struct, rename="camel", frozen=True):
    """`Permanent` for good, `Transient` for now: a full mailbox, a server that is down."""

    bounce_type: Literal["Permanent", "Transient", "Undetermined"]
    bounced_recipients: list[Recipient]


class Complaint(msgspec.Struct, rename="camel", frozen=True):
    """Somebody has pressed the button for spam."""

    complained_recipients: list[Recipient]


class Sent(msgspec.Struct, frozen=True):
    """The mail, with the tags that it was sent with (ses.py)."""

    tags: dict[str, list[str]]


class Event(msgspec.Struct, rename="camel", frozen=True):
    """The `detail` of an event of SES's configuration set."""

    event_type: str
    mail: Sent
    bounce: Bounce | None = None
    complaint: Complaint | None = None


def handler(event: dict[str, Any], _: object) -> None:
    """Write an event down; EventBridge repeats one that fails."""
    detail = msgspec.convert(event["detail"], Event)
    state = _STATES.get(detail.event_type)
    if state is None:  # DeliveryDelay, Send: nothing has been decided.
        return
    now = clock.now()
    if detail.bounce is not None and detail.bounce.bounce_type == "Permanent":
        _suppress(detail.bounce.bounced_recipients, "bounced", now)
    if detail.complaint is not None:
        _suppress(detail.complaint.complained_recipients, "complained", now)
    ids = detail.mail.tags.get("id", [])
    news = [deliveries.record(verification_id, state) for verification_id in ids]
    # A notice has no verification; an event that comes twice counts once.
    if state != "delivered" and (not ids or any(news)):
        kind = "".join(detail.mail.tags.get("kind", []))
        log.info("mail", delivery=state, kind=kind, verification_id="".join(ids))


def _suppress(
    recipients: list[Recipient], reason: Literal["bounced", "complained"], now: int
) -> None:
    for recipient in recipients:
        # An event may name the address with its person: "Ada <ada@example.com>".
        address = users.canonical(recipient.email_address.rpartition("<")[2].rstrip(">"))
        if address is not None:
            deliveries.suppress(address, reason, now=now)
