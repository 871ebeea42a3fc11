"""Counts that items keep in buckets of an hour, as attributes `h<hours since 1970>`."""

from collections.abc import Mapping

HOUR = 3600


def bucket(hour: int) -> str:
    """Return the attribute of an hour since 1970."""
    return f"h{hour}"


def stored(item: Mapping[str, int]) -> dict[int, int]:
    """Return the count of each hour that an item has."""
    return {int(name[1:]): count for name, count in item.items() if name[1:].isdigit()}


def counting(item: Mapping[str, int], buckets: int, now: int) -> dict[int, int]:
    """Return the count of each of the last hours, of so many with the one that has begun."""
    oldest = now // HOUR - buckets + 1
    return {hour: count for hour, count in stored(item).items() if hour >= oldest}


def wait(item: Mapping[str, int], most: int, buckets: int, now: int) -> int:
    """Return the seconds until enough hours no longer count for one more, of at most `most`."""
    found = counting(item, buckets, now)
    left = sum(found.values())
    for hour, count in sorted(found.items()):
        left -= count
        if left < most:
            return (hour + buckets) * HOUR - now
    return HOUR
