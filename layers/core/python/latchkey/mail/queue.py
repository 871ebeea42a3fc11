"""The two queues of mails: one for codes and one for notices, so that notices delay no code.

Their messages say what to mail; they hold no code and no text.
"""

import json
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from latchkey import aws, errors, ids, log, settings

# How long a notice is worth sending. After that, the user finds the event in the security history.
NOTICE_SECONDS = 4 * 3600
# The pause between two tries doubles up to this, so that after an outage of an hour mail goes out
# within a quarter of one.
_LONGEST_PAUSE_SECONDS = 900

NoticeKind: TypeAlias = Literal[
    "password_changed", "address_changed", "new_device", "account_deleted", "token_theft"
]


@dataclass(frozen=True)
class Notice:
    """Something that happened to an account, which its user is told about.

    It holds the id of the user. It holds an address only if the account no longer has it:
    `address_changed` goes to the old address, `account_deleted` to the last one. It quotes nothing
    that a caller wrote: browser and system are names from our own list, so nobody can write to a
    user in our name.
    """

    kind: NoticeKind
    sub: str
    at: int
    ip: str = ""
    browser: str = ""
    system: str = ""
    address: str = ""
    id: str = field(default_factory=ids.new_id)
    """Tells a notice that comes again from another one of the same kind."""


@dataclass(frozen=True)
class Message:
    """A mail to send: the code of a verification, or a notice."""

    verification_id: str = ""
    language: str = "en"
    """That of the request."""
    notice: Notice | None = None


def enqueue(message: Message) -> None:
    """Put a message into its queue. Raises Unavailable if the queue refuses it."""
    body = _given(message) | ({"notice": _given(message.notice)} if message.notice else {})
    url = _notice_queue() if message.notice else _mail_queue()
    try:
        aws.sqs().send_message(QueueUrl=url, MessageBody=json.dumps(body))
    except aws.FAULTS as error:
        log.fault("the mail queue refused a mail", error)
        raise errors.Unavailable from error


def pause(tries: int, *, seconds_left: int) -> int:
    """Return how many seconds a mail waits after so many tries: 5, 10, 20, ... but at most half of
    the time in which it is still worth sending.
    """
    doubled: int = settings.Mailing.load().mail_retry_seconds * 2 ** min(tries - 1, 10)
    return max(1, min(doubled, _LONGEST_PAUSE_SECONDS, seconds_left // 2))


def postpone(receipt: str, source: str, *, seconds: int) -> None:
    """Let a message come again after so many seconds, in the queue with the ARN `source`, which it
    came from. Another container may get it.
    """
    urls = {url.rpartition("/")[2]: url for url in (_mail_queue(), _notice_queue())}
    try:
        aws.sqs().change_message_visibility(
            QueueUrl=urls[source.rpartition(":")[2]],
            ReceiptHandle=receipt,
            VisibilityTimeout=seconds,
        )
    except aws.FAULTS as error:
        # It comes again all the same, after the queue's own time-out.
        log.fault("the mail queue did not postpone a mail", error)


def _mail_queue() -> str:
    return settings.MailQueue.load().mail_queue_url


def _notice_queue() -> str:
    return settings.NoticeQueue.load().notice_queue_url


def _given(record: Message | Notice) -> dict[str, object]:
    """Return the fields that have a value."""
    return {name: value for name, value in vars(record).items() if value}
