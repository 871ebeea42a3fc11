"""Networks: what a client stays in when its address changes."""

import ipaddress


def of(source: str) -> str:
    """Return the network of an IP address: an IPv4 /24, or an IPv6 /48, the size of a site
    (RFC 6177).
    """
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    prefix = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, prefix), strict=False))
