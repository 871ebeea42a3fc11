"""The most mails that this deployment sends in 24 hours, so that nobody spends the quota of its
sender: then nobody would get a code.

    strangers' codes, notices                                up to 70 % of the ceiling
    codes for known devices and for sessions of the owner    up to all of it

The mailer counts each mail by a conditional write before it sends it, in buckets of an hour. One
item is enough: at most twelve mailers write it (template.yaml), some hundred times a second, and a
partition takes 1,000 writes a second.

`send_code` only looks, so that nobody waits for a mail that will not come: it reads the counter
every 30 seconds, in a batch that it reads anyway. So up to 30 seconds after the ceiling is reached,
a code can still be asked for that the mailer then drops.
"""

import functools
from collections.abc import Mapping

from latchkey import errors, metrics, settings
from latchkey.dynamodb import keys, store, values, writes
from latchkey.limits import hours
from latchkey.limits.hours import HOUR

# The hour that has begun and 24 whole ones, so that at least 24 hours count.
BUCKETS = 25
STRANGERS_PERCENT = 70
READ_SECONDS = 30
# Another mailer can drop the buckets of old hours at the same moment.
_ATTEMPTS = 5


class _Seen:
    """What this container knows of the counter."""

    def __init__(self) -> None:
        self.read_at = 0
        self.item: values.Item = {}


@functools.cache
def _seen() -> _Seen:
    return _Seen()


def keys_to_read(*, now: int) -> list[keys.Key]:
    """Return what must be read before `check`: nothing if it was read a moment ago."""
    fresh = 0 <= now - _seen().read_at < READ_SECONDS
    return [] if fresh else [keys.MAILS]


def learn(items: Mapping[keys.Key, values.Item | None], *, now: int) -> None:
    """Take in what was read of `keys_to_read`."""
    if keys.MAILS in items:
        _seen().item, _seen().read_at = items[keys.MAILS] or {}, now


def check(*, known: bool, now: int) -> None:
    """Raise TooManyRequests if the mailer would drop a code. `known` says whether it is for a
    device that the account knows, or a session of the owner.
    """
    item, most = _seen().item, _most(known)
    if _mails(item, now) >= most:
        _measure(item, now)
        raise errors.TooManyRequests(
            "This service has mailed too much today. Try again later.",
            retry_after=hours.wait(item, most, BUCKETS, now),
        )


def count(*, known: bool, now: int) -> bool:
    """Count a mail before it is sent. Return whether it may be sent. Raises Unavailable."""
    most = _most(known)
    add = writes.Update(
        keys.MAILS,
        when="attribute_not_exists(#total) OR #total < :most",
        values={"most": most},
        sets={"expires_at": now + (BUCKETS + 1) * HOUR},
        adds={"total": 1, hours.bucket(now // HOUR): 1},
    )
    for _ in range(_ATTEMPTS):
        try:
            item = store.write(add)
        except writes.Conflict as conflict:
            item = conflict.item(add) or {}
            _drop_old(item, now)
            if _mails(item, now) < most:
                continue
            allowed = False
        else:
            _drop_old(item, now)
            allowed = True
        _measure(item, now)
        return allowed
    raise errors.Unavailable


def give_back(*, now: int) -> None:
    """Take back what `count` has counted at that time: the mail will be tried again."""
    store.write(writes.Update(keys.MAILS, adds={"total": -1, hours.bucket(now // HOUR): -1}))


def forget() -> None:
    """Forget what this container knows."""
    _seen.cache_clear()


def _most(known: bool) -> int:
    ceiling = settings.Ceiling.load().mails_per_day
    return ceiling if known else ceiling * STRANGERS_PERCENT // 100


def _mails(item: values.Item, now: int) -> int:
    return sum(hours.counting(item, BUCKETS, now).values())


def _drop_old(item: values.Item, now: int) -> None:
    """Drop the hours that no longer count, unless another mailer has dropped one. Nobody writes
    them any more, so what was read is still so.
    """
    counting = hours.counting(item, BUCKETS, now)
    old = {hour: mails for hour, mails in hours.stored(item).items() if hour not in counting}
    if not old:
        return
    drop = writes.Update(
        keys.MAILS,
        when=" AND ".join(f"attribute_exists(#{hours.bucket(hour)})" for hour in old),
        sets=dict.fromkeys(map(hours.bucket, old)),
        adds={"total": -sum(old.values())},
    )
    try:
        store.write(drop)
    except writes.Conflict:
        return


def _measure(item: values.Item, now: int) -> None:
    metrics.measure_ceiling(100 * _mails(item, now) / settings.Ceiling.load().mails_per_day)
