"""The requests of operators that change something."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from latchkey.operators.entry import Act
from latchkey.operators.showing import Name

Group = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]{1,64}$")]
Groups = Annotated[list[Group], Field(max_length=50)]


class CreateUser(Act):
    """Create a user. A password needs `verified`: the operator vouches for the address."""

    act: Literal["users.create"]
    email: Annotated[str, Field(max_length=320)]
    username: Annotated[str, Field(max_length=24)] | None = None
    name: Annotated[str, Field(max_length=256)] | None = None
    password: SecretStr | None = None
    verified: bool = False
    groups: Groups = Field(default_factory=list)


class OnUser(Act):
    """Do something that needs no more than to know whom."""

    act: Literal[
        "users.disable",
        "users.enable",
        "users.delete",
        "users.sign-out",
        "users.unlock",
        "users.require-reset",
    ]
    user: Name


class SetEmail(Act):
    """Give a user another address."""

    act: Literal["users.set-email"]
    user: Name
    email: Annotated[str, Field(max_length=320)]
    verified: bool = False


class SetGroups(Act):
    """Put a user into exactly these groups."""

    act: Literal["users.set-groups"]
    user: Name
    groups: Groups


class EndSession(Act):
    """End one session of a user."""

    act: Literal["sessions.end"]
    user: Name
    sid: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]


class LiftSuppression(Act):
    """Send mail again to an address that bounced or complained."""

    act: Literal["suppressions.lift"]
    email: Annotated[str, Field(max_length=320)]
