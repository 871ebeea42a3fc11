"""What a source may do over all accounts: ask for codes and pictures, and fail.

A source is an IPv4 address or an IPv6 /64, the network of one subscriber (RFC 6177). Failures of a
/48 count together as well, because whoever rents servers easily gets one.

The counters of failures stand in no transaction but that of a success, which gives its try back.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from latchkey import audit, errors, networks, settings
from latchkey.dynamodb import keys, store, values, writes

HOUR = 3600
DAY = 86400
# Auth0's suspicious IP throttling also stops a source after 100 failed sign-ins a day: five times
# the default budget of an account.
FAILURES_PER_BUDGET = 5
# So many subscribers of a /48 can spend their budgets.
SUBSCRIBERS = 10
# As many as codes by default (CODES_PER_SOURCE_PER_HOUR): an office behind one address needs fewer,
# and drawing them takes less than a second of processor time.
PICTURES_PER_HOUR = 100


def subscriber(source: str) -> str:
    """Return the IPv4 address or the IPv6 /64 of an IP address."""
    return networks.of(source, ipv4=32, ipv6=64)


def site(source: str) -> str:
    """Return the IPv4 address or the IPv6 /48 of an IP address."""
    return networks.of(source, ipv4=32, ipv6=48)


def name_of(network: str) -> str:
    """Return a name of a network that an attribute can have."""
    return hashlib.blake2b(network.encode(), digest_size=6).hexdigest()


def count_code_write(source: str, *, now: int) -> writes.Update:
    """Return the write that counts one code for an IP address. It fails with TooManyRequests once
    the hour's limit is reached.
    """
    most = settings.Codes.load().codes_per_source_per_hour
    return _count_write(keys.source_sends, "codes", source, most, now)


def count_code(source: str, *, now: int) -> None:
    """Count an answer that tells whether an address has an account. It costs as much of the limit
    as a mail does. Raises Conflict, which is answered as TooManyRequests.
    """
    store.write(count_code_write(source, now=now))


def count_picture(source: str, *, now: int) -> None:
    """Count a picture for an IP address before it is drawn. Raises Conflict, which is answered as
    TooManyRequests, after PICTURES_PER_HOUR.
    """
    store.write(_count_write(keys.source_pictures, "pictures", source, PICTURES_PER_HOUR, now))


@dataclass(frozen=True)
class Failure:
    """A failure that was counted: the how many-th of its site on this day."""

    key: keys.Key
    subscriber: str
    number: int

    def refund_write(self) -> writes.Update:
        """Return the write that gives the failure back."""
        return writes.Update(self.key, adds={"total": -1, self.subscriber: -1})


def failures_key(source: str, *, now: int) -> keys.Key:
    """Return the key of the failures of an IP address on this day (UTC)."""
    return keys.source_failures(site(source), now // DAY)


def is_spent(item: values.Item | None, source: str) -> bool:
    """Return whether an IP address has spent its budget of failures, by the item of its key."""
    if item is None:
        return False
    most, most_of_site = _bounds(source)
    own, of_site = int(item.get(_attribute(source), 0)), int(item.get("total", 0))
    return own >= most or of_site >= most_of_site


def count_failure(source: str, *, now: int) -> Failure:
    """Count a failure of a stranger at an IP address, before anything is evaluated.

    Raises TooManyRequests if the budget of the source is spent, and Unavailable if it cannot be
    counted: then nothing is evaluated either.
    """
    own, (most, most_of_site) = _attribute(source), _bounds(source)
    count = writes.Update(
        failures_key(source, now=now),
        when=f"attribute_not_exists(#total) OR (#total < :most_of_site AND "
        f"(attribute_not_exists(#{own}) OR #{own} < :most))",
        values={"most": most, "most_of_site": most_of_site},
        sets={"expires_at": now + DAY},
        adds={"total": 1, own: 1},
    )
    try:
        counted = store.write(count)
    except writes.Conflict:
        audit.note(event="budget_spent")
        raise errors.TooManyRequests(
            "Too many failed attempts from this network. Sign in with a mailed code, or try again "
            "later.",
            retry_after=DAY - now % DAY,
        ) from None
    return Failure(count.key, own, counted["total"])


def _count_write(
    key: Callable[[str, int], keys.Key], what: str, source: str, most: int, now: int
) -> writes.Update:
    hour = now // HOUR
    return writes.Update(
        key(subscriber(source), hour),
        when="attribute_not_exists(#sends) OR #sends < :most",
        values={"most": most},
        refusal=lambda: errors.TooManyRequests(
            f"Too many {what} were asked for from this network. Try again later.",
            retry_after=(hour + 1) * HOUR - now,
        ),
        sets={"expires_at": (hour + 1) * HOUR},
        adds={"sends": 1},
    )


def _attribute(source: str) -> str:
    return f"n{name_of(subscriber(source))}"


def _bounds(source: str) -> tuple[int, int]:
    """Return the budgets of an IP address and of its site. On the local stack all devices have one
    loopback address, which is a site of its own there; no request of AWS's gateway comes from one.
    """
    most = FAILURES_PER_BUDGET * settings.Budget.load().failures_per_day
    of_site = SUBSCRIBERS * most
    return (of_site if networks.is_loopback(source) else most), of_site
