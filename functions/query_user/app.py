"""GET /auth/v1/user/query: find users by id, user name or address."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from latchkey import addresses, clock, errors, pictures, settings
from latchkey.bodies import Email, Query, Text
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.limits import sources
from latchkey.sessions import signed_in
from latchkey.users import find
from latchkey.users.user import User

# More than an id of ours has. DynamoDB refuses keys beyond 2 KB.
LONGEST_ID = 64
# BatchGetItem reads 100 items. Two of them are the asking user and session.
MOST_IDS = 50


class QueryUser(Query):
    """One of these, in full. Several ids are separated by commas."""

    id: Annotated[
        str,
        Field(
            max_length=4096,
            json_schema_extra={
                "pattern": f"^[^,]{{0,{LONGEST_ID}}}(,[^,]{{0,{LONGEST_ID}}}){{0,{MOST_IDS - 1}}}$"
            },
        ),
    ] = ""
    username: Text = ""
    email: Email = ""
    phone_number: Text = ""


@dataclass(frozen=True)
class VisibleUser:
    """What users see of each other. They see only their own address."""

    sub: str
    name: str
    picture: str | None = None
    email: str | None = None


@dataclass(frozen=True)
class UserList:
    """The users that were found."""

    total: int
    data: list[VisibleUser]


def query_user(query: QueryUser, caller: Caller) -> UserList:
    """Return the users who exist, in the order that was asked for. With strict account discovery,
    only the asking user is found by address. Raises LoginTypeDisabled and TooManyRequests.
    """
    now = clock.now()
    if query.id:
        ids = list(dict.fromkeys(query.id.split(",")))
        if len(ids) > MOST_IDS:
            raise errors.InvalidArgument(f"At most {MOST_IDS} ids at once.", field="id")
        if any(len(one) > LONGEST_ID for one in ids):
            raise errors.InvalidArgument(
                f"Expected ids of length <= {LONGEST_ID}, separated by commas.", field="id"
            )
        asking, found = signed_in.read_with_users(caller, ids, now=now)
    elif name := query.username or query.email:
        asking, _ = signed_in.read(caller, now=now)
        found = _by_name(name, asking, caller, now)
    else:
        addresses.refuse_phone(query.phone_number)
        raise errors.InvalidArgument("One of id, username and email is needed.")
    return UserList(len(found), [_visible(user, asking) for user in found])


def _by_name(name: str, asking: User, caller: Caller, now: int) -> list[User]:
    if "@" in name:
        if settings.Discovery.load().strict:
            return [asking] if addresses.canonical_or_none(name) == asking.email else []
        sources.count_code(caller.source, now=now)
    found = find.by_name(name, caller, now=now).user
    return [found] if found else []


def _visible(user: User, asking: User) -> VisibleUser:
    name = user.name or user.username or ""
    own_address = user.email if user.sub == asking.sub else None
    return VisibleUser(user.sub, name, pictures.shown(user.picture), own_address)


handler = entry("query_user", query_user, QueryUser, services=["dynamodb"])
