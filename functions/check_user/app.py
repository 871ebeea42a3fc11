"""GET /auth/v1/checkIfUserExist and GET /auth/v1/checkUsername: whether a name is somebody's."""

from typing import Annotated

import msgspec

from latchkey import clock, errors, limits, users
from latchkey.http import Caller, Query, Routes, entry


class CheckUser(Query, frozen=True):
    """An address or a user name."""

    username: Annotated[str, msgspec.Meta(max_length=512)]


class Existence(msgspec.Struct, frozen=True):
    """Whether the name is a user's."""

    exist: bool


def check_if_user_exist(query: CheckUser, caller: Caller) -> Existence:
    """Say whether the address or the user name belongs to somebody. For an address this costs as
    much of the source's limit as a mail does.
    """
    users.refuse_phone(query.username)
    if "@" in query.username:
        limits.spend(caller.source, now=clock.now())
    return Existence(users.exists(query.username))


def check_username(query: CheckUser, _: Caller) -> dict[str, str]:
    """Refuse a user name that is malformed or taken."""
    users.check_username(query.username)
    if users.exists(query.username):
        raise errors.UsernameTaken
    return {}


handler = Routes(
    {
        "GET /auth/v1/checkIfUserExist": entry("check_user", check_if_user_exist, CheckUser),
        "GET /auth/v1/checkUsername": entry("check_user", check_username, CheckUser),
    }
)
