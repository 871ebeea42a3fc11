"""How often a source address may ask for codes, and for the pictures of captchas.

The limits of a mail address are kept with what was sent to it (sends.py), because one write must
change both.
"""

import ipaddress
from collections.abc import Callable

from latchkey import errors, settings
from latchkey.dynamodb import keys, store, writes

HOUR = 3600
# As many as codes by default (CODES_PER_SOURCE_PER_HOUR): an office behind one address needs fewer,
# and drawing them takes less than a second of processor time.
PICTURES_PER_HOUR = 100


def count_write(source: str, *, now: int) -> writes.Update:
    """Return the write that counts one code for an IP address. It fails with TooManyRequests once
    the hour's limit is reached.
    """
    most = settings.Codes.load().codes_per_source_per_hour
    return _count_write(keys.source_sends, "codes", source, most, now)


def count(source: str, *, now: int) -> None:
    """Count an answer that tells whether an address has an account. It costs as much of the limit
    as a mail does. Raises Conflict, which is answered as TooManyRequests.
    """
    store.write(count_write(source, now=now))


def count_picture(source: str, *, now: int) -> None:
    """Count a picture for an IP address before it is drawn. Raises Conflict, which is answered as
    TooManyRequests, after PICTURES_PER_HOUR.
    """
    store.write(_count_write(keys.source_pictures, "pictures", source, PICTURES_PER_HOUR, now))


def _count_write(
    key: Callable[[str, int], keys.Key], what: str, source: str, most: int, now: int
) -> writes.Update:
    hour = now // HOUR
    return writes.Update(
        key(_network(source), hour),
        when="attribute_not_exists(#sends) OR #sends < :most",
        values={"most": most},
        refusal=lambda: errors.TooManyRequests(
            f"Too many {what} were asked for from this network. Try again later.",
            retry_after=(hour + 1) * HOUR - now,
        ),
        sets={"expires_at": (hour + 1) * HOUR},
        adds={"sends": 1},
    )


def _network(source: str) -> str:
    """Return the network that counts as one source. An IPv6 subscriber holds a /64 (RFC 6177)."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if address.version == 4:
        return source
    return str(ipaddress.ip_network((address, 64), strict=False))
