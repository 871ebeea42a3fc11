"""GET /auth/v1/user/security/history: what happened to the account."""

import msgspec

from latchkey import clock, errors, history, sessions
from latchkey.http import Caller, Query, Text, entry

USUAL, MOST = 20, 100


class SecurityHistory(Query, frozen=True):
    """The SDK's names; `limit` may be the text `undefined`."""

    action: Text | None = msgspec.field(name="query[action]", default=None)
    other_than: Text | None = msgspec.field(name="ne_query[action]", default=None)
    limit: Text = ""
    page_token: Text = ""


def security_history(query: SecurityHistory, caller: Caller) -> history.Page:
    """Return the newest entries, or those after the page that the token is from."""
    now = clock.now()
    most = _most(query.limit)
    after = history.mark_of(query.page_token)
    user, _ = sessions.signed_in(caller, now=now)
    return history.read(
        user.sub, only=query.action, without=query.other_than, most=most, after=after, now=now
    )


def _most(limit: str) -> int:
    if limit in ("", "undefined"):
        return USUAL
    if not (limit.isascii() and limit.isdigit() and int(limit)):
        raise errors.InvalidArgument("The limit must be a number from 1 on.", field="limit")
    return min(int(limit), MOST)


handler = entry("security_history", security_history, SecurityHistory)
