"""Networks: where a client is, what it stays in when its address changes, what limits count by."""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping

from latchkey import settings


def client_address(headers: Mapping[str, str], peer: str) -> str:
    """Return the IP address of the client: that of the peer, or, if the peer shows the secret of
    our CloudFront distribution, the one that CloudFront saw. Anybody can send the header with it.

    cloudfront-viewer-address is the address, a colon and the port, also for IPv6.
    """
    secret = headers.get("x-origin-secret")
    if not secret:
        return peer
    digest = hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
    if not hmac.compare_digest(digest, settings.Origin.load().origin_secret_hash):
        return peer
    viewer = headers.get("cloudfront-viewer-address", "").rpartition(":")[0].strip("[]")
    try:
        return str(ipaddress.ip_address(viewer))
    except ValueError:
        return peer


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
