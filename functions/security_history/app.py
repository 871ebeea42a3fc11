"""GET /auth/v1/user/security/history: list what happened to the account."""

from typing import Annotated

from pydantic import Field, WithJsonSchema

from latchkey import clock, errors
from latchkey.bodies import Query, Text
from latchkey.caller import Caller
from latchkey.described import blank_or
from latchkey.http import entry
from latchkey.sessions import signed_in
from latchkey.users import history

DEFAULT_LIMIT, MOST = 20, 100


class SecurityHistory(Query):
    """The SDK's fields. It may send the text `undefined` as `limit`."""

    action: Text | None = Field(None, alias="query[action]")
    other_than: Text | None = Field(None, alias="ne_query[action]")
    limit: Annotated[
        Text,
        WithJsonSchema(
            {
                "type": "integer",
                "minimum": 1,
                "description": f"{DEFAULT_LIMIT} if it is missing, and never more than {MOST}.",
            }
        ),
    ] = ""
    page_token: Annotated[Text, blank_or(history.PAGE_TOKEN)] = ""


def security_history(query: SecurityHistory, caller: Caller) -> history.Page:
    """Return the newest entries, or those after the page that the token is from."""
    now = clock.now()
    most = _most(query.limit)
    history.check_page_token(query.page_token)
    user, _ = signed_in.read(caller, now=now)
    return history.read(
        user.sub,
        user.email,
        caller,
        only=query.action,
        without=query.other_than,
        most=most,
        page_token=query.page_token,
        now=now,
    )


def _most(limit: str) -> int:
    if limit in ("", "undefined"):
        return DEFAULT_LIMIT
    if not (limit.isascii() and limit.isdigit() and int(limit)):
        raise errors.InvalidArgument("The limit must be a number from 1 on.", field="limit")
    return min(int(limit), MOST)


handler = entry("security_history", security_history, SecurityHistory)
