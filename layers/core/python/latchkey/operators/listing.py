"""List users for operators, in the orders of the index Directory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from latchkey.dynamodb import directory, keys, store, values
from latchkey.operators import cursors
from latchkey.operators.entry import Act
from latchkey.users import user
from latchkey.users.profile import iso
from latchkey.users.user import User

MOST = 100
# A page reads so many entries at most, however few of them fulfil its conditions.
MOST_READ = 2000

Seconds = Annotated[int, Field(ge=0, le=99_999_999_999)]
"""Since 1970."""


class ListUsers(Act):
    """List users in an order: by address or user name from a prefix on, or by when they were
    created. What `status`, `group` and `seen_*` leave out is read all the same.
    """

    act: Literal["users.list"]
    order: keys.Order = "created"
    prefix: Annotated[str, Field(max_length=320)] = ""
    newest_first: bool = False
    created_from: Seconds = 0
    created_to: Seconds = 99_999_999_999
    seen_from: Seconds = 0
    seen_to: Seconds = 99_999_999_999
    status: user.Status | None = None
    group: Annotated[str, Field(max_length=128)] = ""
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50
    cursor: cursors.Cursor = ""


@dataclass(frozen=True)
class Listed:
    """A user in a list. The times are ISO 8601."""

    sub: str
    email: str
    username: str | None
    name: str | None
    status: str
    email_verified: bool
    has_password: bool
    groups: Sequence[str]
    created_at: str
    last_sign_in_at: str
    sign_ins: int


@dataclass(frozen=True)
class UserPage:
    """Users, and the cursor of the next page: empty after the last one."""

    users: list[Listed]
    cursor: str


def list_users(asked: ListUsers) -> UserPage:
    """Return a page of users. Raises InvalidArgument for a cursor that is none."""
    wanted = _range(asked)
    after = cursors.read(asked.cursor, wanted)
    found: list[Listed] = []
    read = 0
    while True:
        items, after = directory.read(wanted, after=after, most=asked.limit - len(found))
        read += len(items)
        found += [listed(one) for one in _users(items) if _fulfils(one, asked)]
        if after is None or len(found) >= asked.limit or read >= MOST_READ:
            return UserPage(found, cursors.made(after))


def listed(found: User) -> Listed:
    """Return a user as a list has it."""
    return Listed(
        sub=found.sub,
        email=found.email,
        username=found.username,
        name=found.name,
        status=found.status,
        email_verified=found.email_verified,
        has_password=found.password_hash is not None,
        groups=list(found.groups),
        created_at=iso(found.created_at),
        last_sign_in_at=iso(found.last_sign_in_at),
        sign_ins=found.sign_ins,
    )


def _range(asked: ListUsers) -> directory.Range:
    if asked.order == "created":
        return directory.Range(
            "created",
            f"{asked.created_from:012d}",
            f"{asked.created_to:012d}#\U0010ffff",
            asked.newest_first,
        )
    return directory.beginning_with(
        asked.order, asked.prefix.lower(), newest_first=asked.newest_first
    )


def _users(items: Sequence[values.Item]) -> list[User]:
    if not items:
        return []
    return [user.of(item) for item in store.get(*(keys.user(i["sub"]) for i in items)) if item]


def _fulfils(one: User, asked: ListUsers) -> bool:
    return (
        asked.created_from <= one.created_at <= asked.created_to
        and asked.seen_from <= one.last_sign_in_at <= asked.seen_to
        and asked.status in (None, one.status)
        and (not asked.group or asked.group in one.groups)
    )
