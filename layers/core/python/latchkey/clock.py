"""The only caller of the system clock."""

import time


def now() -> int:
    """Seconds since 1970 in UTC, whole: the unit of JWT (RFC 7519, NumericDate) and of DynamoDB's
    TTL.
    """
    return int(time.time())
