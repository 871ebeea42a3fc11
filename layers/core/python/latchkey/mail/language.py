"""The language of a mail."""

import re

from latchkey import settings

LANGUAGES = ("en", "zh-CN", "ja", "es", "de", "fr")


def choose(user_locale: str | None, accepted: str) -> str:
    """Return the language of the user, else the one that the deployer fixed, else the best of an
    Accept-Language header, else English.

    The SDK sends `zh-CN` unless the app has set another `lang`.
    """
    fixed = settings.Mailing.load().mail_language
    asked = [user_locale or "", *_by_weight(accepted if fixed == "auto" else fixed)]
    return next(filter(None, map(known, asked)), LANGUAGES[0])


def known(tag: str) -> str | None:
    """Return our language for a language tag, by the tag's first part (RFC 4647); else None."""
    primary = tag.lower().replace("_", "-").partition("-")[0]
    return next((one for one in LANGUAGES if one.lower().partition("-")[0] == primary), None)


def _by_weight(accepted: str) -> list[str]:
    """Return the ranges of an Accept-Language header, the most wanted first (RFC 9110, section
    12.5.4).
    """
    ranges = []
    for part in accepted.split(","):
        name, _, rest = part.partition(";")
        weight = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", rest)
        ranges.append((float(weight[1]) if weight else 1.0, name.strip()))
    return [name for weight, name in sorted(ranges, key=lambda found: -found[0]) if weight > 0]
