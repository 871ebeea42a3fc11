"""What operators may read: users, their sessions and history, suppressions and keys. No route."""

from typing import Annotated

from pydantic import Field

from latchkey import clock
from latchkey.operators import listing, showing
from latchkey.operators.entry import entry

Reading = Annotated[
    listing.ListUsers
    | showing.ShowUser
    | showing.ReadHistory
    | showing.ListSuppressions
    | showing.ListKeys,
    Field(discriminator="act"),
]


def operator_read(asked: Reading) -> object:
    """Return what is asked for. Raises NotFound and InvalidArgument."""
    now = clock.now()
    match asked:
        case listing.ListUsers():
            return listing.list_users(asked)
        case showing.ShowUser():
            return showing.show(asked, now=now)
        case showing.ReadHistory():
            return showing.read_history(asked, now=now)
        case showing.ListSuppressions():
            return showing.list_suppressions(now=now)
        case showing.ListKeys():
            return showing.list_keys(now=now)


handler = entry(operator_read, Reading)
