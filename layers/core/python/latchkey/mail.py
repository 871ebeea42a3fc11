"""The mail queue: what is to be mailed, never what it says. Rendering and sending are letters.py
and postman.py.
"""

import contextlib
import re
from typing import Literal, TypeAlias

import msgspec

from latchkey import aws, errors, log, settings

LANGUAGES = ("en", "zh-CN")


class Order(msgspec.Struct, frozen=True):
    """The code of this verification is to be mailed, in this language."""

    verification_id: str
    language: str


NoticeKind: TypeAlias = Literal["password_changed", "email_changed", "account_deleted"]


class Notice(msgspec.Struct, frozen=True):
    """This happened to the account of the address; it may not have been its owner."""

    kind: NoticeKind
    address: str
    language: str


def notify(kind: NoticeKind, address: str, language: str) -> None:
    """Put a notice into the queue. What it tells of has happened already: a queue that refuses is
    logged, and the caller is answered.
    """
    with contextlib.suppress(errors.Unavailable):
        enqueue(Notice(kind, address, language))


def read(message: str) -> Order | Notice:
    """Return what a message of the queue asks for."""
    try:
        return msgspec.json.decode(message, type=Notice)
    except msgspec.ValidationError:
        return msgspec.json.decode(message, type=Order)


def enqueue(order: Order | Notice) -> None:
    """Put a mail into the queue. Raises Unavailable if the queue refuses."""
    try:
        aws.sqs().send_message(
            QueueUrl=settings.Queue.load().mail_queue_url,
            MessageBody=msgspec.json.encode(order).decode(),
        )
    except aws.FAULTS as error:
        log.fault("the mail queue refused a mail", error)
        raise errors.Unavailable from error


def language(user_locale: str | None, accepted: str) -> str:
    """Return the language of a mail: the user's, else the deployer's, else the best of an
    Accept-Language header.

    The SDK sends `zh-CN` unless the app set another `lang`.
    """
    fixed = settings.Queue.load().mail_language
    asked = user_locale or (accepted if fixed == "auto" else fixed)
    return next(filter(None, map(_known, _by_weight(asked))), LANGUAGES[0])


def _by_weight(accepted: str) -> list[str]:
    """Sort the ranges of an Accept-Language header (RFC 9110, section 12.5.4), the most wanted
    first.
    """
    ranges = []
    for part in accepted.split(","):
        name, _, rest = part.partition(";")
        weight = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", rest)
        ranges.append((float(weight[1]) if weight else 1.0, name.strip().lower().replace("_", "-")))
    return [name for weight, name in sorted(ranges, key=lambda found: -found[0]) if weight > 0]


def _known(tag: str) -> str | None:
    primary = tag.partition("-")[0]
    return next((known for known in LANGUAGES if known.lower().partition("-")[0] == primary), None)
