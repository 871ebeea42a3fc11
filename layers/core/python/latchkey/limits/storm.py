"""The wrong codes of the whole deployment: when they outrun the right ones, somebody sprays guesses
over many accounts from many networks. Then the codes of all strangers are long, until calm returns.

    calm      wrong <= FLOOR_PER_BUDGET budgets + a fifth of the right ones, in a day

Only strangers' guesses at short codes count as wrong, and of a source only the first
COUNTED_PER_SOURCE a day: a single source cannot raise the storm. A right code counts once a day for
an account that is older than a day, so an attacker cannot buy calm by signing in all the time.

The counters are sharded, so no item is hot, and are written in no transaction. A container reads
all of them once a minute. It sees what it counts itself at once, so while it evaluates guesses it
cannot miss a storm that these raise.
"""

import functools

from latchkey import errors, ids, metrics, settings
from latchkey.dynamodb import keys, store, values, writes

DAY = 86400
# The day is counted in windows of six hours, so it lasts 24 to 30 hours.
WINDOW = 6 * 3600
WINDOWS = 5
# A partition takes 1,000 writes a second, and the API 500 requests by default.
SHARDS = 4
# With the default budget of 20: 100 wrong codes a day, as many as a source may have.
FLOOR_PER_BUDGET = 5
COUNTED_PER_SOURCE = 20
# People copy digits: far fewer than one code in five is mistyped.
RIGHT_PER_WRONG = 5
_READ_EVERY_SECONDS = 60


class _Seen:
    """What this container knows of the counters."""

    def __init__(self) -> None:
        self.read_at = 0
        self.failed = False
        self.items: dict[keys.Key, values.Item] = {}


@functools.cache
def _seen() -> _Seen:
    return _Seen()


def is_on(*, now: int) -> bool:
    """Return whether strangers' codes must be long. It takes one call, once a minute."""
    wanted = keys_to_read(now=now)
    if wanted:
        try:
            learn(dict(zip(wanted, store.get(*wanted), strict=True)), now=now)
        except errors.Unavailable:
            _seen().failed = True
    return _is_on(now)


def keys_to_read(*, now: int) -> list[keys.Key]:
    """Return the keys that must be read before the state is known again."""
    return [] if _is_fresh(now) else _all_keys(now)


def learn(items: dict[keys.Key, values.Item | None], *, now: int) -> None:
    """Take in what was read of `keys_to_read`."""
    seen = _seen()
    wanted = _all_keys(now)
    if all(key in items for key in wanted):
        seen.items = {key: items[key] or {} for key in wanted}
        seen.read_at, seen.failed = now, False
        if _is_on(now):
            metrics.count_storm()


def count_wrong(number_of_source: int, *, now: int) -> None:
    """Count a wrong code: the how many-th of its source on this day. If it cannot be counted, this
    container takes it for a storm.
    """
    if number_of_source <= COUNTED_PER_SOURCE:
        _count("wrong", now)


def count_right(*, now: int) -> None:
    """Count a right code of an account that is older than a day, at most once a day."""
    _count("right", now)


def forget() -> None:
    """Forget what this container knows."""
    _seen.cache_clear()


def _count(kind: str, now: int) -> None:
    key = keys.storm(ids.shard(SHARDS), now // WINDOW)
    expiry = (now // WINDOW + WINDOWS) * WINDOW
    try:
        item = store.write(writes.Update(key, sets={"expires_at": expiry}, adds={kind: 1}))
    except errors.Unavailable:
        if kind == "wrong":
            _seen().failed = True
            _seen().read_at = now
    else:
        _seen().items[key] = item


def _is_on(now: int) -> bool:
    seen = _seen()
    counting = [seen.items.get(key, {}) for key in _all_keys(now)]
    wrong = sum(item.get("wrong", 0) for item in counting)
    right = sum(item.get("right", 0) for item in counting)
    floor = FLOOR_PER_BUDGET * settings.Budget.load().failures_per_day
    return seen.failed or wrong > floor + right // RIGHT_PER_WRONG


def _is_fresh(now: int) -> bool:
    return 0 <= now - _seen().read_at < _READ_EVERY_SECONDS


def _all_keys(now: int) -> list[keys.Key]:
    last = now // WINDOW
    windows = range(last - WINDOWS + 1, last + 1)
    return [keys.storm(shard, window) for window in windows for shard in range(SHARDS)]
