"""What the formats of other systems have in common: times, user ids, PHC strings."""

from typing import Any

Row = dict[str, Any]


def row(**fields: object) -> Row:
    """Return a row without its empty fields."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def seconds(milliseconds: object) -> int | None:
    """Return the epoch seconds of milliseconds, as a number or a text."""
    try:
        return int(float(str(milliseconds))) // 1000 if milliseconds not in (None, "") else None
    except ValueError:
        return None


def true(value: object) -> bool:
    """Return whether a value says yes. Anything unclear says no."""
    return value is True or str(value).lower() in ("true", "t", "1", "yes")


def full_name(*parts: object) -> str:
    """Return a name of its parts."""
    return " ".join(str(part) for part in parts if part)


def b64(text: str) -> str:
    """Return base64 in the form of PHC strings: the usual alphabet without padding."""
    return text.strip().rstrip("=").translate(str.maketrans("-_", "+/"))


def ab64(text: str) -> str:
    """Return base64 in passlib's form, which has a dot for a plus."""
    return b64(text).replace("+", ".")
