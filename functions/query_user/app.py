"""GET /auth/v1/user/query: who has this id, user name or address."""

from typing import Annotated

import msgspec

from latchkey import clock, errors, limits, sessions, users
from latchkey.http import Caller, Query, Text, entry

# BatchGetItem reads 100 items, two of which are the user and session that ask.
MOST_IDS = 50


class QueryUser(Query, frozen=True):
    """One of them, in full; ids may be several, separated by commas."""

    id: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    username: Text = ""
    email: Annotated[str, msgspec.Meta(max_length=512)] = ""
    phone_number: Text = ""


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """What users see of each other; the address only of themselves."""

    sub: str
    name: str
    picture: str | None = None
    email: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """All that were found."""

    total: int
    data: list[Found]


def query_user(query: QueryUser, caller: Caller) -> Answer:
    """Return those users who exist, in the order that was asked for."""
    now = clock.now()
    if query.id:
        ids = list(dict.fromkeys(query.id.split(",")))
        if len(ids) > MOST_IDS:
            raise errors.InvalidArgument(f"At most {MOST_IDS} ids at once.", field="id")
        me, found = sessions.signed_in_among(caller, ids, now=now)
    elif name := query.username or query.email:
        me, _ = sessions.signed_in(caller, now=now)
        if "@" in name:
            limits.spend(caller.source, now=now)
        one, _ = users.by_name(name, caller, now=now)
        found = [one] if one else []
    else:
        users.refuse_phone(query.phone_number)
        raise errors.InvalidArgument("One of id, username and email is needed.")
    return Answer(len(found), [_seen(user, me) for user in found])


def _seen(user: users.User, me: users.User) -> Found:
    name = user.name or user.username or ""
    return Found(user.sub, name, user.picture, user.email if user.sub == me.sub else None)


handler = entry("query_user", query_user, QueryUser)
