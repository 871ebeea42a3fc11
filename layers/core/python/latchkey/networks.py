"""Networks: what a client stays in when its address changes, and what limits count by."""

import ipaddress


def of(source: str, *, ipv4: int = 24, ipv6: int = 48) -> str:
    """Return the network of an IP address, of so many bits: an IPv6 /48 is the size of a site, a
    /64 that of a subscriber (RFC 6177).
    """
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    prefix = ipv4 if address.version == 4 else ipv6
    return str(ipaddress.ip_network((address, prefix), strict=False))


def is_loopback(source: str) -> bool:
    """Return whether an IP address is one of the machine itself."""
    try:
        return ipaddress.ip_address(source).is_loopback
    except ValueError:
        return False
