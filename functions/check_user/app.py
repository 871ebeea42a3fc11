"""GET /auth/v1/checkIfUserExist and GET /auth/v1/checkUsername: ask whether a name is taken."""

from dataclasses import dataclass
from typing import Annotated

from latchkey import addresses, clock, described, errors, settings
from latchkey.bodies import Email, Query
from latchkey.caller import Caller
from latchkey.http import Routes, entry
from latchkey.limits import sources
from latchkey.users import find
from latchkey.users.user import check_username


class CheckUser(Query):
    """An address or a user name."""

    username: Email


class CheckUsername(Query):
    """A user name."""

    username: Annotated[Email, described.USERNAME]


@dataclass(frozen=True)
class Existence:
    """Whether the name belongs to a user."""

    exist: bool


def check_if_user_exist(query: CheckUser, caller: Caller) -> Existence:
    """Tell whether an address or a user name belongs to a user. For an address this costs as much
    of the source's limit as a mail does. With strict account discovery, every address is said to be
    free. Raises LoginTypeDisabled and TooManyRequests.
    """
    addresses.refuse_phone(query.username)
    if "@" in query.username:
        if settings.Discovery.load().strict:
            return Existence(exist=False)
        sources.count_code(caller.source, now=clock.now())
    return Existence(find.exists(query.username))


def check_free(query: CheckUsername, _: Caller) -> dict[str, str]:
    """Refuse a user name that is malformed or taken. Raises UsernameTaken."""
    check_username(query.username)
    if find.exists(query.username):
        raise errors.UsernameTaken
    return {}


handler = Routes(
    {
        "GET /auth/v1/checkIfUserExist": entry(
            "check_user", check_if_user_exist, CheckUser, services=["dynamodb"]
        ),
        "GET /auth/v1/checkUsername": entry(
            "check_user", check_free, CheckUsername, services=["dynamodb"]
        ),
    }
)
