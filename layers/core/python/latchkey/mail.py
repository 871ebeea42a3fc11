"""The mail queue: what is to be mailed, never what it says. Rendering and sending are letters.py
and postman.py.
"""

import re
from typing import Literal

import msgspec

from latchkey import aws, errors, log, settings
from latchkey.http import Caller

LANGUAGES = ("en", "zh-CN", "ja", "es", "de", "fr")

# How long a notice is worth sending: who reads of a new device after half a day acts no later
# than who finds it in the history.
NOTICE_SECONDS = 4 * 3600
# Pauses between two tries double up to this: a server that was down for an hour is noticed
# within a quarter of one.
_LONGEST_PAUSE = 900

NoticeKind = Literal[
    "password_changed", "address_changed", "new_device", "account_deleted", "token_theft"
]


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened to an account, which its user is told about at once.

    The queue holds the id of a user, not an address, unless the account has it no longer: that of
    `address_changed`, which goes to the old one, and of `account_deleted`. Nothing in it is what
    somebody else wrote: a device is one of a few words, so that no stranger can speak to the user
    in our name.
    """

    kind: NoticeKind
    sub: str
    at: int
    ip: str = ""
    browser: str = ""
    system: str = ""
    address: str = ""


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """A mail to send: the code of this verification, or a notice. `language` is that of the
    request.
    """

    verification_id: str = ""
    language: str = "en"
    notice: Notice | None = None


def enqueue(order: Order) -> None:
    """Put a mail into the queue. Raises Unavailable if the queue refuses."""
    try:
        aws.sqs().send_message(
            QueueUrl=settings.Queue.load().mail_queue_url,
            MessageBody=msgspec.json.encode(order).decode(),
        )
    except aws.FAULTS as error:
        log.fault("the mail queue refused a mail", error)
        raise errors.Unavailable from error


def notify(
    kind: NoticeKind,
    sub: str,
    caller: Caller,
    *,
    now: int,
    address: str = "",
    locale: str | None = None,
) -> None:
    """Put a notice to a user into the queue; call it once the event has happened.

    Give `address` and `locale` where the account has them no longer. A refusal of the queue is
    logged, with an alarm, and raised to nobody: what happened has happened, and the security
    history tells of it too.
    """
    browser, system = device(caller.user_agent)
    notice = Notice(kind, sub, now, caller.source, browser, system, address)
    try:
        enqueue(Order(language=language(locale, caller.languages), notice=notice))
    except errors.Unavailable:
        return


def pause(tries: int, *, seconds_left: int) -> int:
    """Return how long a mail waits after so many tries: 5, 10, 20, ... s, and never past half of
    the time in which it is still worth sending.
    """
    doubled: int = settings.Queue.load().mail_retry_seconds * 2 ** min(tries - 1, 10)
    return max(1, min(doubled, _LONGEST_PAUSE, seconds_left // 2))


def postpone(receipt: str, *, pause: int) -> None:
    """Let a message come again after so many seconds; another container may then have it."""
    try:
        aws.sqs().change_message_visibility(
            QueueUrl=settings.Queue.load().mail_queue_url,
            ReceiptHandle=receipt,
            VisibilityTimeout=pause,
        )
    except aws.FAULTS as error:
        # It comes again all the same, after the queue's own time-out.
        log.fault("the mail queue did not postpone a mail", error)


def language(user_locale: str | None, accepted: str) -> str:
    """Return the language of a mail: the user's, else the deployer's, else the best of an
    Accept-Language header.

    The SDK sends `zh-CN` unless the app set another `lang`.
    """
    fixed = settings.Queue.load().mail_language
    asked = [user_locale or "", *_by_weight(accepted if fixed == "auto" else fixed)]
    return next(filter(None, map(known_language, asked)), LANGUAGES[0])


def known_language(tag: str) -> str | None:
    """Return the language of ours that a tag asks for, by its first part (RFC 4647)."""
    primary = tag.lower().replace("_", "-").partition("-")[0]
    return next((known for known in LANGUAGES if known.lower().partition("-")[0] == primary), None)


# The first that is found is meant: most agents name several.
_BROWSERS = {
    "micromessenger": "WeChat",
    "edg": "Edge",
    "opr/": "Opera",
    "firefox/": "Firefox",
    "fxios/": "Firefox",
    "chrome/": "Chrome",
    "crios/": "Chrome",
    "safari/": "Safari",
}
_SYSTEMS = {
    "android": "Android",
    "iphone": "iPhone",
    "ipad": "iPad",
    "windows": "Windows",
    "mac os x": "macOS",
    "linux": "Linux",
}


def device(user_agent: str) -> tuple[str, str]:
    """Return browser and system by name, each empty if it is none of those that we know."""
    agent = user_agent.lower()
    return (
        next((name for sign, name in _BROWSERS.items() if sign in agent), ""),
        next((name for sign, name in _SYSTEMS.items() if sign in agent), ""),
    )


def _by_weight(accepted: str) -> list[str]:
    """Sort the ranges of an Accept-Language header (RFC 9110, section 12.5.4), the most wanted
    first.
    """
    ranges = []
    for part in accepted.split(","):
        name, _, rest = part.partition(";")
        weight = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", rest)
        ranges.append((float(weight[1]) if weight else 1.0, name.strip()))
    return [name for weight, name in sorted(ranges, key=lambda found: -found[0]) if weight > 0]
