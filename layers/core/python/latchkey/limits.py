"""How often codes may be asked for, per source address.

The limits of a mail address are kept with what was sent to it (verifications.py), because one write
must hold both.
"""

import ipaddress

from latchkey import errors, settings, table

HOUR = 3600


def count_source(source: str, *, now: int) -> table.Write:
    """Return the write that counts a code for an IP address, and fails once the hour's limit is
    reached.
    """
    hour = now // HOUR
    return table.Update(
        table.source_sends(_network(source), hour),
        "attribute_not_exists(#sends) OR #sends < :most",
        {"most": settings.Codes.load().codes_per_source_per_hour},
        refusal=lambda: errors.TooManyRequests(
            "Too many codes were asked for from this network. Try again later.",
            retry_after=(hour + 1) * HOUR - now,
        ),
        sets={"expires_at": (hour + 1) * HOUR},
        adds={"sends": 1},
    )


def spend(source: str, *, now: int) -> None:
    """Count an answer that tells who has an account: it costs as much as a mail. Raises
    TooManyRequests.
    """
    try:
        table.write(count_source(source, now=now))
    except table.Conflict as conflict:
        raise conflict.refusal from None


def _network(source: str) -> str:
    """An IPv6 subscriber holds a /64 (RFC 6177), so its addresses count as one."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    return (
        source if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
    )
