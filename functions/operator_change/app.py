"""What operators may do to users, sessions and suppressions. No route."""

from typing import Annotated

from pydantic import Field

from latchkey import clock
from latchkey.operators import changes, changing
from latchkey.operators.entry import entry

Change = Annotated[
    changes.CreateUser
    | changes.OnUser
    | changes.SetEmail
    | changes.SetGroups
    | changes.EndSession
    | changes.LiftSuppression,
    Field(discriminator="act"),
]


def operator_change(asked: Change) -> changing.Done:
    """Do what is asked. Raises NotFound, InvalidArgument, WeakPassword, AddressTaken, UsernameTaken
    and Aborted.
    """
    now = clock.now()
    match asked:
        case changes.CreateUser():
            return changing.create(asked, now=now)
        case changes.OnUser():
            return changing.on_user(asked, now=now)
        case changes.SetEmail():
            return changing.set_email(asked, now=now)
        case changes.SetGroups():
            return changing.set_groups(asked, now=now)
        case changes.EndSession():
            return changing.end_session(asked, now=now)
        case changes.LiftSuppression():
            return changing.lift_suppression(asked, now=now)


handler = entry(operator_change, Change)
