"""The security history: what happened to an account, for its user to read, for 90 days."""

import re
from typing import Any

import msgspec

from latchkey import errors, ids, table, users
from latchkey.http import Caller

# How long the security history reaches back.
HISTORY_SECONDS = 90 * 86400
_PAGE_TOKEN = re.compile(r"\d{12}-[a-z2-7]{26}", re.ASCII)


class Origin(msgspec.Struct, frozen=True):
    """How a sign-in was made: `pwd` or `otp` (RFC 8176), or nothing."""

    origin: str = msgspec.field(name="from")


class Entry(msgspec.Struct, frozen=True, rename={"origin": "meta"}):
    """Something that happened; `created_at` is ISO 8601."""

    id: str
    action: str
    created_at: str
    ip: str
    user_agent: str
    client_id: str
    device_id: str
    origin: Origin


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """Entries, newest first, and what to ask for the next page with, if there is one."""

    data: list[Entry]
    page_token: str | None = None


def record(
    action: str,
    sub: str,
    caller: Caller,
    *,
    client_id: str,
    now: int,
    sid: str = "",
    amr: str = "",
) -> table.Put:
    """Return the write of an entry."""
    event_id = ids.new_id()
    return table.Put(
        table.event(sub, now, event_id),
        "",
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
    sub: str, *, only: str | None, without: str | None, most: int, after: str | None, now: int
) -> Page:
    """Return at most `most` entries, of one action or of all but one; with `after`, older ones than
    that mark.
    """
    tests = {"only": "#action = :only", "without": "#action <> :without"}
    asked = {"only": only, "without": without}
    values: dict[str, Any] = {name: action for name, action in asked.items() if action}
    found: list[table.Item] = []
    for item in table.under(
        table.events(sub),
        newest_first=True,
        after=table.event_marked(sub, after) if after else None,
        only=" AND ".join(tests[name] for name in values),
        values=values,
        page=None if values else most + 1,
    ):
        if item["expires_at"] <= now:
            break
        found.append(item)
        if len(found) > most:
            break
    more = len(found) > most
    token = table.mark(found[most - 1]).replace("#", "-") if more else None
    return Page([_entry(item) for item in found[:most]], token)


def mark_of(page_token: str) -> str | None:
    """Return the mark that a page ended at; None for the first page. Raises InvalidArgument."""
    if not page_token:
        return None
    if not _PAGE_TOKEN.fullmatch(page_token):
        raise errors.InvalidArgument("The page_token is of no page.", field="page_token")
    return page_token.replace("-", "#")


def _entry(item: table.Item) -> Entry:
    return Entry(
        id=item["id"],
        action=item["action"],
        created_at=users.iso(item["at"]),
        ip=item["ip"],
        user_agent=item["user_agent"],
        client_id=item["client_id"],
        device_id=item["device_id"],
        origin=Origin(item["amr"]),
    )
