"""The mail queue: each message is a mail to render and send."""

import time
from typing import Any

import msgspec

from latchkey import (
    clock,
    deliveries,
    errors,
    letters,
    log,
    mail,
    postman,
    senders,
    table,
    users,
    verifications,
)

# After so long no further mail of a batch is begun: each of the two senders may take 25 s for it
# (smtp.py), and the function ends after 90 s.
BATCH_SECONDS = 30
# A code that is to come with less left is not tried again: its reader needs that long to type it.
FEWEST_SECONDS = 20
# The pause after a fault of ours; 40 of them (template.yaml) end in the dead-letter queue.
FAULT_SECONDS = 60


def handler(event: dict[str, Any], _: object) -> dict[str, list[dict[str, str]]]:
    """Send a batch, and report the messages that are to come again (a partial batch response).

    What has failed before comes last, and what time does not allow goes to another container: a
    mail that does not get through delays no other by more than its own time-out, once.
    """
    started = time.monotonic()
    again = []
    for record in sorted(event["Records"], key=_tries):
        if time.monotonic() - started > BATCH_SECONDS:
            mail.postpone(record["receiptHandle"], pause=0)
        elif _done(record):
            continue
        again.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": again}


def _tries(record: dict[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


def _done(record: dict[str, Any]) -> bool:
    """Deal with one message, and say whether it is dealt with; a fault of one must not touch its
    neighbours.
    """
    now = clock.now()
    try:
        order = msgspec.json.decode(record["body"], type=mail.Order)
        if order.notice is not None:
            left = _send_notice(order.notice, order.language, now)
        else:
            left = _send_code(order, now)
    except errors.AuthError as cause:
        log.fault("mail not sent yet", cause)
        left = FAULT_SECONDS
    except Exception as cause:
        log.fault("unhandled exception", cause, operation="send_mail")
        mail.postpone(record["receiptHandle"], pause=FAULT_SECONDS)
        return False
    if left:
        pause = mail.pause(_tries(record), seconds_left=left)
        mail.postpone(record["receiptHandle"], pause=pause)
    return not left


def _send_code(order: mail.Order, now: int) -> int:
    """Mail a code that is still of use and has not been mailed; another delivery of the message
    mails the same one. Return how many seconds there are to try again, 0 for never.
    """
    [item] = table.get(table.verification(order.verification_id))
    if item is None:
        log.info("mail dropped: its code is gone", verification_id=order.verification_id)
        return 0
    verification = msgspec.convert(item, verifications.Verification)
    if verification.delivery != "queued":
        return 0
    if verification.expires_at <= now or verification.state != "pending":
        log.info("mail dropped: its code is dead", verification_id=verification.id)
        deliveries.record(verification.id, "failed")
        return 0
    if deliveries.suppressed(verification.address, now=now):
        deliveries.record(verification.id, "suppressed")
        log.info("mail", delivery="suppressed", verification_id=verification.id)
        return 0
    letter = letters.code(verification, order.language, now=now)
    left = verification.expires_at - now
    state = _send(letter, now, left if left >= FEWEST_SECONDS else 0)
    if state == "queued":
        return left
    deliveries.record(verification.id, state)
    seconds = clock.now() - verification.created_at
    log.info(
        "mail",
        delivery=state,
        kind=letter.kind,
        language=letter.language,
        seconds=seconds,
        verification_id=verification.id,
    )
    return 0


def _send_notice(notice: mail.Notice, language: str, now: int) -> int:
    """Mail a notice to the user's address of now, unless it names another. Return as above."""
    address, left = notice.address, notice.at + mail.NOTICE_SECONDS - now
    if not address:
        [item] = table.get(table.user(notice.sub))
        if item is None:
            return 0
        user = users.of(item)
        address = user.email
        language = mail.known_language(user.locale or "") or language
    if left <= 0 or deliveries.suppressed(address, now=now):
        log.info("mail dropped: too late, or its address is suppressed", kind=notice.kind)
        return 0
    letter = letters.notice(notice, language, to=address)
    state = _send(letter, now, left)
    if state == "queued":
        return left
    seconds = clock.now() - notice.at
    log.info("mail", delivery=state, kind=letter.kind, language=letter.language, seconds=seconds)
    return 0


def _send(letter: letters.Letter, now: int, seconds_left: int) -> deliveries.State:
    """Hand a letter over and return what became of it: `queued` if it is to be tried again."""
    try:
        postman.send(letter)
    except senders.Undeliverable as fault:
        if not fault.no_mailbox:
            return "failed"
        deliveries.suppress(letter.to, "bounced", now=now)
        return "bounced"
    except senders.NotSent:
        return "queued" if seconds_left else "failed"
    return "sent"
