"""How often a source address may ask for codes.

The limits of a mail address are kept with what was sent to it (sends.py), because one write must
change both.
"""

import ipaddress

from latchkey import errors, settings
from latchkey.dynamodb import keys, store, writes

HOUR = 3600


def count_write(source: str, *, now: int) -> writes.Update:
    """Return the write that counts one code for an IP address. It fails with TooManyRequests once
    the hour's limit is reached.
    """
    hour = now // HOUR
    return writes.Update(
        keys.source_sends(_network(source), hour),
        when="attribute_not_exists(#sends) OR #sends < :most",
        values={"most": settings.Codes.load().codes_per_source_per_hour},
        refusal=lambda: errors.TooManyRequests(
            "Too many codes were asked for from this network. Try again later.",
            retry_after=(hour + 1) * HOUR - now,
        ),
        sets={"expires_at": (hour + 1) * HOUR},
        adds={"sends": 1},
    )


def count(source: str, *, now: int) -> None:
    """Count an answer that tells whether an address has an account. It costs as much of the limit
    as a mail does. Raises Conflict, which is answered as TooManyRequests.
    """
    store.write(count_write(source, now=now))


def _network(source: str) -> str:
    """Return the network that counts as one source. An IPv6 subscriber holds a /64 (RFC 6177)."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if address.version == 4:
        return source
    return str(ipaddress.ip_network((address, 64), strict=False))
