"""The failures of an account, for its owner to read: what the lanes of its budget hold.

So a failure costs no write but the one that counts it, and nobody can fill a history with failures.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from latchkey.dynamodb import keys, store, values
from latchkey.keys import keyring
from latchkey.limits import budget
from latchkey.limits.hours import HOUR


@dataclass(frozen=True)
class Failures:
    """The failures of the last WINDOW_HOURS in all lanes of a kind. Only their hours are known."""

    kind: budget.Kind
    count: int
    first_hour: int
    """When the hour of the first one began, in seconds since 1970."""
    last_hour: int
    spent: bool
    """Whether one of the lanes is spent, so that tries are refused."""
    device: str
    """The name of the device if all were on one that the account knows, else empty."""


def read(address: str, *, now: int) -> list[Failures]:
    """Return the failures of an account by the kind of the lane: at most one entry for each."""
    since = now - budget.WINDOW_HOURS * HOUR
    lanes: dict[budget.Kind, list[values.Item]] = defaultdict(list)
    for tag in keyring.tags_since(address, since, now=now):
        for item in store.query(keys.budgets(tag), only="#total > :none", values={"none": 0}):
            if budget.failures(item, now=now) > 0:
                lanes[budget.Lane(tag, item["sk"]).kind].append(item)
    return [_sum(kind, items, now) for kind, items in lanes.items()]


def _sum(kind: budget.Kind, items: Sequence[values.Item], now: int) -> Failures:
    hours = [hour for item in items for hour, n in budget.by_hour(item, now).items() if n > 0]
    names = {item["sk"] for item in items}
    return Failures(
        kind,
        count=sum(budget.failures(item, now=now) for item in items),
        first_hour=min(hours) * HOUR,
        last_hour=max(hours) * HOUR,
        spent=budget.is_spent(items, now=now),
        device=names.pop() if kind == "device" and len(names) == 1 else "",
    )
