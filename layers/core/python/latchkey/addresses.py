"""E-mail addresses: one spelling for each mailbox."""

import re
import unicodedata

from latchkey import errors

# A dot-atom of RFC 5322, in lower case, with the letters, marks and digits of RFC 6532. It names
# the ASCII characters that are not allowed, because a set of all others takes 3.8 ms to compile.
_ATOM = r"[^\x00-\x20\x7f\"(),.:;<>@A-Z\[\\\]]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(\.{_ATOM})*")
# Host names of RFC 1123, at least two labels, the last not a number.
_DOMAIN = re.compile(
    r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)
# RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.3, in octets: a path has at most 256, its two brackets
# included.
_LONGEST_LOCAL_PART = 64
_LONGEST_ADDRESS = 254
# The scripts that are written together (UTS 39, section 5.2, "highly restrictive"), by the first
# word of a letter's name in Unicode.
_TOGETHER = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)
_PHONE = re.compile(r"\+[\d ]+", re.ASCII)


def canonical(text: str) -> str:
    """Return the one spelling of an address. Raises InvalidArgument if the text is no address."""
    address = canonical_or_none(text)
    if address is None:
        raise errors.InvalidArgument("This is not a valid e-mail address.", field="email")
    return address


def canonical_or_none(text: str) -> str | None:
    """Return the one spelling of an address, or None if the text is no address.

    It is in lower case, with the domain as A-labels (RFC 5890). Mail goes to this spelling, never
    to what was typed. A text that compatibility normalisation (NFKC) would change is refused:
    full-width letters, ligatures and the Kelvin sign look like another address, and no mailbox is
    spelt with them.
    """
    if len(text) > _LONGEST_ADDRESS:
        return None
    if not text.isascii() and unicodedata.normalize("NFKC", text) != text:
        return None
    local, _, domain = text.lower().rpartition("@")
    if not domain.isascii():
        domain = _a_labels(domain)
    address = f"{local}@{domain}"
    fits = len(local.encode()) <= _LONGEST_LOCAL_PART and len(address.encode()) <= _LONGEST_ADDRESS
    plain = local.isascii() or _is_plain(local)
    if fits and plain and _LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(domain):
        return address
    return None


def refuse_phone(text: str | None) -> None:
    """Raise LoginTypeDisabled for a phone number."""
    if text and _PHONE.match(text):
        raise errors.LoginTypeDisabled


def _is_plain(text: str) -> bool:
    """Return whether a text has only letters, marks and digits, in scripts that are written
    together.
    """
    if unicodedata.normalize("NFKC", text) != text:  # lower case may be another form
        return False
    scripts = set()
    for character in text:
        category = unicodedata.category(character)
        if not character.isascii() and category[0] not in "LM" and category != "Nd":
            return False
        if category[0] == "L" and category != "Lm":
            scripts.add(unicodedata.name(character, "?").split()[0].split("-")[0])
    return len(scripts) <= 1 or any(scripts <= together for together in _TOGETHER)


def _a_labels(domain: str) -> str:
    """Return an internationalised domain in ASCII (IDNA 2008, RFC 5891), or an empty text."""
    import idna  # Imported here because its tables are large and few addresses need them.

    try:
        return idna.encode(domain).decode() if _is_plain(domain.replace(".", "")) else ""
    except idna.IDNAError:
        return ""
