"""Pictures of users: URLs that are shown to other users."""

import re
import urllib.parse

# No space, and none of the characters that RFC 3986 leaves out: browsers read a backslash as a
# slash, and quotes end an attribute. An `@` before the path would begin with credentials.
_IN_URL = r"[^\s\"<>\\^`{|}]"
_PICTURE = re.compile(rf"https://(?![^/?#]*@)(?=[^/?#]){_IN_URL}+", re.IGNORECASE)


def is_picture(text: str) -> bool:
    """Return whether a text is an https URL without user name and password."""
    if not (_PICTURE.fullmatch(text) and text.isprintable()):
        return False
    try:
        parts = urllib.parse.urlsplit(text)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port or an IPv6 address that is none
        return False


def shown(stored: str | None) -> str | None:
    """Return a stored picture, or None if it was stored before pictures were checked and is not an
    https URL: a `javascript:` URL, say.
    """
    return stored if stored and is_picture(stored) else None
