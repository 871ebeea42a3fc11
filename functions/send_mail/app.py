"""The mail queue: each message is a mail to render and send."""

import contextlib
from typing import Any

import msgspec

from latchkey import clock, errors, letters, log, mail, postman, table, verifications


def handler(event: dict[str, Any], _: object) -> dict[str, list[dict[str, str]]]:
    """Send a batch, and report the messages that are to come again (a partial batch response)."""
    again = [record["messageId"] for record in event["Records"] if not _done(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


def _done(record: dict[str, Any]) -> bool:
    """Deal with one message, and say whether it is dealt with; a fault of one must not touch its
    neighbours.
    """
    try:
        order = mail.read(record["body"])
        if isinstance(order, mail.Notice):
            _tell(order)
        else:
            _deliver(order, clock.now())
    except postman.TryLater as cause:
        log.fault("mail not accepted yet", cause, reply=str(cause))
        return False
    except errors.AuthError as cause:
        log.fault("mail not sent yet", cause)
        return False
    except Exception as cause:
        log.fault("unhandled exception", cause, operation="send_mail")
        return False
    return True


def _tell(notice: mail.Notice) -> None:
    try:
        postman.send(letters.notice(notice))
    except postman.Undeliverable as cause:
        log.info("notice refused for good", kind=notice.kind, reply=str(cause))


def _deliver(order: mail.Order, now: int) -> None:
    """Mail a code that is still of use and has not been mailed; another delivery of the message
    mails the same one.
    """
    place = table.verification(order.verification_id)
    [item] = table.get(place)
    if item is None or item["expires_at"] <= now or item["state"] != "pending":
        log.info("mail dropped: its code is dead", verification_id=order.verification_id)
        return
    verification = msgspec.convert(item, verifications.Verification)
    if verification.delivery != "queued":
        return
    try:
        postman.send(letters.code(verification, order.language, now=now))
        state = "sent"
    except postman.Undeliverable as cause:
        log.info("mail refused for good", verification_id=order.verification_id, reply=str(cause))
        state = "failed"
    with contextlib.suppress(table.Conflict):  # DynamoDB has deleted a code that died meanwhile.
        table.write(table.Update(place, table.PRESENT, sets={"delivery": state}))
    log.info("mail", verification_id=order.verification_id, delivery=state)
