"""The security history: what happened to an account in the last 90 days, for its user to read.

Failures are told too. They are no entries of their own, but read from the budget when the history
is read (limits/failures.py): of the last 24 hours, on the first page.
"""

import re
from dataclasses import dataclass

from latchkey import errors, ids
from latchkey.caller import Caller
from latchkey.dynamodb import keys, store, values, writes
from latchkey.limits import failures
from latchkey.limits.failures import Failures
from latchkey.limits.hours import HOUR
from latchkey.users.profile import iso

# How long an entry is kept.
HISTORY_SECONDS = 90 * 86400
PAGE_TOKEN = "[0-9]{12}-[a-z2-7]{26}"  # noqa: S105 - a form
# Of a page that begins with the newest entry, but has no failures.
_FIRST_ENTRY = f"{'9' * 12}-{'a' * 26}"
FAILED = "WRONG_PASSWORD_OR_CODE"
# How many entries a page with a filter looks at, if fewer are asked for: two read units' worth.
LEAST_LOOKED_AT = 20
_WHERE = {
    "strangers": "on devices that this account does not know",
    "device": "on devices that this account knows",
    "session": "by somebody who is signed in",
}
_REFUSED = {
    "strangers": "Passwords are refused on such devices for now, and mailed codes are longer.",
    "device": "Passwords are refused on such a device for now, and mailed codes are longer.",
    "session": "Passwords are refused in such a session for now.",
}


@dataclass(frozen=True)
class Entry:
    """Something that happened. `created_at` is ISO 8601."""

    id: str
    action: str
    created_at: str
    ip: str
    user_agent: str
    client_id: str
    device_id: str
    """The name of the device (devices.py)."""
    meta: dict[str, str | int | bool]
    """`from` says how a sign-in was made: `pwd` or `otp` (RFC 8176), or nothing. Of failures also
    how many, in which kind of lane, from when to when, and whether more are refused.
    """
    description: str | None = None
    """Of failures: the same as a sentence."""


@dataclass(frozen=True)
class Page:
    """Entries, newest first, and the token of the next page, if there is one. `device_id` is the
    name of the asking device, so that a client can tell which entries are its own.
    """

    data: list[Entry]
    device_id: str
    page_token: str | None = None


def add_write(
    action: str,
    sub: str,
    caller: Caller,
    *,
    client_id: str,
    now: int,
    sid: str = "",
    amr: str = "",
) -> writes.Put:
    """Return the write that adds an entry."""
    event_id = ids.new_id()
    return writes.Put(
        keys.event(sub, now, event_id),
        item={
            "id": event_id,
            "action": action,
            "at": now,
            "sid": sid,
            "amr": amr,
            "client_id": client_id,
            "device_id": caller.device_id,
            "ip": caller.source,
            "user_agent": caller.user_agent,
            "expires_at": now + HISTORY_SECONDS,
        },
    )


def read(
    sub: str,
    address: str,
    caller: Caller,
    *,
    only: str | None,
    without: str | None,
    most: int,
    page_token: str,
    now: int,
) -> Page:
    """Return at most `most` entries of one action, or of all but one, newest first. The first page
    also has the failures at the user's address. The page token must be checked.

    What is asked for is picked here and not by DynamoDB, which would read on and on for an action
    that is rare. So a page looks at `most` entries, or at LEAST_LOOKED_AT, and may have less than
    is asked for, even nothing, with a token for those that are older.
    """
    failed: list[Entry] = []
    if not page_token and only in (None, "", FAILED) and without != FAILED:
        failed = [_failed_entry(lanes, now) for lanes in failures.read(address, now=now)][:most]
    if only == FAILED:  # which are no entries
        return Page(failed, caller.device_id)
    room = most - len(failed)
    looked_at = max(room, LEAST_LOOKED_AT) if only or without else room
    asked: list[Entry] = []
    end, token = _FIRST_ENTRY, None
    found = store.query(
        keys.events(sub), newest_first=True, after=_end_of(sub, page_token), page=looked_at + 1
    )
    for number, item in enumerate(found):
        if item["expires_at"] <= now:
            break
        if number == looked_at or len(asked) == room:
            token = end
            break
        end = keys.cursor(item).replace("#", "-")
        if (not only or item["action"] == only) and (not without or item["action"] != without):
            asked.append(_entry(item))
    entries = sorted([*failed, *asked], key=lambda one: one.created_at, reverse=True)
    return Page(entries, caller.device_id, token)


def check_page_token(page_token: str) -> None:
    """Raise InvalidArgument if a page token is neither empty nor one of ours."""
    if page_token and not re.fullmatch(PAGE_TOKEN, page_token):
        raise errors.InvalidArgument("The page_token is of no page.", field="page_token")


def _end_of(sub: str, page_token: str) -> keys.Key | None:
    """Return the key of the last entry of the page before."""
    return keys.event_at(sub, page_token.replace("-", "#")) if page_token else None


def _entry(item: values.Item) -> Entry:
    return Entry(
        id=item["id"],
        action=item["action"],
        created_at=iso(item["at"]),
        ip=item["ip"],
        user_agent=item["user_agent"],
        client_id=item["client_id"],
        device_id=item["device_id"],
        meta={"from": item["amr"]},
    )


def _failed_entry(failed: Failures, now: int) -> Entry:
    end = min(now, failed.last_hour + HOUR)
    what = "wrong password or code" if failed.count == 1 else "wrong passwords or codes"
    sentences = [
        f"{failed.count} {what} in the last 24 hours, {_WHERE[failed.kind]}.",
        f"The last came between {_clock(failed.last_hour)} and {_clock(end)} UTC.",
        *([_REFUSED[failed.kind]] if failed.spent else []),
    ]
    return Entry(
        id=f"failed-{failed.kind}",
        action=FAILED,
        created_at=iso(end),
        ip="",
        user_agent="",
        client_id="",
        device_id=failed.device,
        meta={
            "from": "",
            "lane": failed.kind,
            "count": failed.count,
            "since": iso(failed.first_hour),
            "until": iso(end),
            "refused": failed.spent,
        },
        description=" ".join(sentences),
    )


def _clock(at: int) -> str:
    """Return hours and minutes of a time."""
    return iso(at)[11:16]
