"""What the log tells of attacks: facts that rules note, and that http.py writes into the line of
the request.

    field     what
    tried     `password` or `code`: what was tried, or refused without a look
    wrong     0 or 1, if the try was evaluated
    account   the tag of the account's address, or of what was typed as one
    lane      the kind of the lane that the try counts in: `strangers`, `device` or `session`
    network   the caller's: an IPv4 /24, or an IPv6 /48
    event     what happened, in one word of `Event`

Metric filters count tries and events (template.yaml), so they cost no line and no call.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Literal, TypeAlias, TypedDict, Unpack, cast

from latchkey import errors, networks

Event: TypeAlias = Literal[
    "budget_spent",  # a try was refused because its lane is spent
    "too_many_guesses",  # a try was refused because the code was guessed too often
    "token_theft",  # a used refresh token came again, and its session has ended
    "new_account",
]


class Facts(TypedDict, total=False):
    """What is known of a request."""

    tried: Literal["password", "code"]
    account: str
    lane: str
    event: Event


_NOTHING: Mapping[str, object] = MappingProxyType({})
_noted: ContextVar[Mapping[str, object]] = ContextVar("noted", default=_NOTHING)


def start() -> None:
    """Forget what was noted of the request before."""
    _noted.set(_NOTHING)


def note(**facts: Unpack[Facts]) -> None:
    """Note facts of the request. A later fact replaces an earlier one of the same name."""
    _noted.set({**_noted.get(), **facts})


def fields(source: str, refusal: errors.AuthError | None) -> dict[str, object]:
    """Return the fields for the line of the request. There are none if nothing was tried and
    nothing happened, because a log must not follow users around. `source` is the caller's IP
    address, `refusal` what the caller is told.
    """
    noted = dict(_noted.get())
    if not {"tried", "event"} & noted.keys():
        return {}
    if "tried" in noted:
        noted |= _judged(refusal, cast("Event | None", noted.get("event")))
    return noted | {"network": networks.of(source)}


def _judged(refusal: errors.AuthError | None, event: Event | None) -> dict[str, object]:
    """Return whether a try was wrong, or why it was not evaluated. A right try that is refused for
    another reason, such as a weak new password, is neither.
    """
    match refusal:
        case None:
            return {"wrong": 0}
        case errors.BadCredentials() | errors.WrongPassword() | errors.WrongCode():
            return {"wrong": 1}
        case errors.TooManyGuesses() if event is None:
            return {"event": "too_many_guesses"}
        case _:
            return {}
