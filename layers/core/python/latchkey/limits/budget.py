"""The budget of failures of an account: how many wrong passwords and codes are evaluated in a day.

Failures count in lanes. All strangers, that is devices that the account does not know, share one
lane, so a guesser can spend it; each device that the account knows has its own, so that its owner
does not notice, and so does each session. A name without an account has the same lanes.

A try is counted by a conditional write before anything is hashed or compared, so no number of
parallel tries outruns the budget. A try that was right is given back. A stranger's try counts in
the budget of its source as well (sources.py).
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from latchkey import audit, errors, settings
from latchkey.caller import Caller
from latchkey.dynamodb import keys, store, values, writes
from latchkey.keys import keyring
from latchkey.limits import hours, sources
from latchkey.limits.hours import HOUR

# How long an account knows a device after its last sign-in: the longest that browsers keep a cookie
# (RFC 6265bis, section 5.6).
DEVICE_SECONDS = 400 * 86400
# A failure counts for this many hours, in buckets of an hour.
WINDOW_HOURS = 24
STRANGERS = "-"
# What a lane belongs to: all strangers, a device that the account knows, or a session.
Kind: TypeAlias = Literal["strangers", "device", "session"]
# A lane that is cleared of old failures can be spent again by others at that moment.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Lane:
    """A lane of an account. `tag` names the account's address, or what was typed as one."""

    tag: str
    name: str = STRANGERS
    """The name of a device that the account knows, `session <sid>`, or STRANGERS."""

    @property
    def key(self) -> keys.Key:
        """Return where the failures are counted."""
        return keys.budget(self.tag, self.name)

    @property
    def kind(self) -> Kind:
        """Return what the lane belongs to."""
        if self.name == STRANGERS:
            return "strangers"
        return "session" if self.name.startswith("session ") else "device"

    def note_try(self, what: Literal["password", "code"]) -> None:
        """Note for the log that something is tried in this lane."""
        audit.note(tried=what, account=self.tag, lane=self.kind)


@dataclass(frozen=True)
class Try:
    """A try that was counted, in the bucket of an hour since 1970."""

    lane: Lane
    hour: int
    source: sources.Failure | None = None
    """Where a stranger's try counts as well."""

    def refund_writes(self) -> list[writes.Update]:
        """Return the writes that give the try back."""
        own = [self._own_refund_write()]
        return own + ([self.source.refund_write()] if self.source else [])

    def known_writes(self, known: writes.Update | None) -> list[writes.Update]:
        """Return the same, where `known` changes the item of a lane too: an item can stand only
        once in a transaction.
        """
        refund, *others = self.refund_writes()
        if known is None or known.key != refund.key:
            return [*([known] if known else []), refund, *others]
        return [replace(known, adds=refund.adds), *others]

    def _own_refund_write(self) -> writes.Update:
        return writes.Update(self.lane.key, adds={"total": -1, hours.bucket(self.hour): -1})

    @contextlib.contextmanager
    def refunded_on(self, *refusals: type[errors.AuthError]) -> Iterator[None]:
        """Give the try back at once if the request is refused for one of these reasons, which are
        no failure.
        """
        try:
            yield
        except refusals:
            store.write(*self.refund_writes())
            raise


def lane_of(account: str, caller: Caller, *, known: bool, now: int) -> Lane:
    """Return the lane of a sign-in. `known` says whether the account knows the caller's device,
    which counts only if nobody else can know the device's id.
    """
    tag = keyring.tag(account, now)
    return Lane(tag, caller.device_id if known and caller.device_is_secret else STRANGERS)


def lane_of_session(account: str, sid: str, *, now: int) -> Lane:
    """Return the lane of a session."""
    return Lane(keyring.tag(account, now), f"session {sid}")


def count(lane: Lane, caller: Caller, *, free: int | None = None, now: int) -> Try:
    """Count a try before it is evaluated. Raises TooManyRequests if the lane is spent, or that of
    the caller's source where it counts too, and CaptchaRequired if only so many failures are `free`
    and there were as many.
    """
    counted = _count(lane, free, now)
    if lane.name != STRANGERS:
        return counted
    with counted.refunded_on(errors.TooManyRequests, errors.Unavailable):
        return replace(counted, source=sources.count_failure(caller.source, now=now))


def failures(item: Mapping[str, int] | None, *, now: int) -> int:
    """Return how many failures of a lane's item still count."""
    return sum(by_hour(item or {}, now).values())


def is_spent(items: Iterable[values.Item | None], *, now: int) -> bool:
    """Return whether a lane, stored in one of these items, is spent."""
    most = settings.Budget.load().failures_per_day
    return any(failures(item, now=now) >= most for item in items)


def known_writes(
    address: str, caller: Caller, tried: Try | None, *, now: int
) -> list[writes.Update]:
    """Return the writes of a success: give the try back, and let the account know the caller's
    device for DEVICE_SECONDS, if nobody else can know the device's id.
    """
    known = None
    if caller.device_is_secret:
        until = {"known_until": now + DEVICE_SECONDS, "expires_at": now + DEVICE_SECONDS}
        known = writes.Update(Lane(keyring.tag(address, now), caller.device_id).key, sets=until)
    if tried:
        return tried.known_writes(known)
    return [known] if known else []


def knows(items: Iterable[values.Item | None], *, now: int) -> bool:
    """Return whether an account knows a device, whose lane is stored in one of these items."""
    return any(item is not None and item.get("known_until", 0) > now for item in items)


def _count(lane: Lane, free: int | None, now: int) -> Try:
    hour, most = now // HOUR, settings.Budget.load().failures_per_day
    bound = most if free is None else free
    # The item of a device also says until when the account knows it.
    kept = DEVICE_SECONDS if lane.kind == "device" else (WINDOW_HOURS + 1) * HOUR
    count_try = writes.Update(
        lane.key,
        when="attribute_not_exists(#total) OR #total < :most",
        values={"most": bound},
        sets={"expires_at": now + kept},
        adds={"total": 1, hours.bucket(hour): 1},
    )
    for _ in range(_ATTEMPTS):
        try:
            store.write(count_try)
        except writes.Conflict as conflict:
            item = conflict.item(count_try) or {}
            if failures(item, now=now) >= most:
                audit.note(event="budget_spent")
                raise errors.TooManyRequests(
                    "Too many failed attempts. Sign in with a mailed code, or try again later.",
                    retry_after=hours.wait(item, most, WINDOW_HOURS, now),
                ) from None
            if failures(item, now=now) >= bound:
                raise errors.CaptchaRequired from None
            _clear_old(lane, item, now)
        else:
            return Try(lane, hour)
    raise errors.Unavailable


def clear_write(item: values.Item) -> writes.Write:
    """Return the write that forgets the failures of a lane. Whether the account knows the device of
    the lane stays.
    """
    if "known_until" not in item:
        return writes.Delete(keys.key_of(item))
    buckets = dict.fromkeys(hours.bucket(hour) for hour in hours.stored(item))
    return writes.Update(keys.key_of(item), sets={"total": 0, **buckets})


def by_hour(item: Mapping[str, int], now: int) -> dict[int, int]:
    """Return the failures of each hour since 1970 that still counts."""
    return hours.counting(item, WINDOW_HOURS, now)


def _clear_old(lane: Lane, item: values.Item, now: int) -> None:
    """Drop the failures that no longer count, unless another request has changed the lane."""
    counting = by_hour(item, now)
    old = [hours.bucket(hour) for hour in hours.stored(item) if hour not in counting]
    clear = writes.Update(
        lane.key,
        when="#total = :seen",
        values={"seen": item.get("total", 0)},
        sets={"total": sum(counting.values()), **dict.fromkeys(old)},
    )
    try:
        store.write(clear)
    except writes.Conflict:
        return  # The next attempt sees what has changed.
