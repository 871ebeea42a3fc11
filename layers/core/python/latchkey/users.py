"""People: one per mail address, and one per user name."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import msgspec

from latchkey import errors, ids, passwords, table

# A dot-atom of RFC 5322, with the letters, marks and digits of RFC 6532.
_LOCAL_PART = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
    r"(\.[a-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+)*"
)
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
# The rule in the SDK's own comments.
_USERNAME = re.compile(r"[A-Za-z0-9_-]{5,24}", re.ASCII)
_PHONE = re.compile(r"\+[\d ]+", re.ASCII)

Name = Annotated[str, msgspec.Meta(max_length=64)]
Picture = Annotated[str, msgspec.Meta(max_length=1024)]


class User(msgspec.Struct, frozen=True):
    """A person who has proven the address. Times are epoch seconds; `version` goes up when a
    credential changes.
    """

    sub: str
    email: str
    created_at: int
    updated_at: int
    last_sign_in_at: int
    version: int = 1
    username: str | None = None
    password_hash: str | None = None
    name: str | None = None
    gender: str | None = None
    picture: str | None = None
    locale: str | None = None


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a user is told about themselves; times are ISO 8601 in UTC."""

    sub: str
    uid: str
    email: str
    created_at: str
    updated_at: str
    last_sign_in_at: str
    has_password: bool = msgspec.field(name="hasPassword")
    groups: list[str]
    email_verified: bool
    username: str | None = None
    name: str | None = None
    gender: str | None = None
    picture: str | None = None
    locale: str | None = None


def canonical_address(text: str) -> str:
    """Return the one spelling of an address. Raises InvalidArgument if it is none."""
    address = canonical(text)
    if address is None:
        raise errors.InvalidArgument("This is not a valid e-mail address.", field="email")
    return address


def canonical(text: str) -> str | None:
    """Return the one spelling of an address, or None if it is none: in lower case, the domain as
    its A-labels (RFC 5890), so that each mailbox has one.

    Mail goes to this spelling, never to what was typed. A text that compatibility normalisation
    would change is refused, not changed: full-width letters, ligatures and the Kelvin sign look
    like another address, and nobody's mailbox is spelt with them.
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


def _is_plain(text: str) -> bool:
    """Say whether a text is of letters, marks and digits in scripts that are written together."""
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
    import idna  # Its tables are for the few who need them.

    try:
        return idna.encode(domain).decode() if _is_plain(domain.replace(".", "")) else ""
    except idna.IDNAError:
        return ""


def refuse_phone(text: str | None) -> None:
    """Raise LoginTypeDisabled for a phone number."""
    if text and _PHONE.match(text):
        raise errors.LoginTypeDisabled


def new(
    address: str,
    *,
    now: int,
    username: str | None,
    password: str | None,
    name: str | None,
    gender: str | None,
    picture: str | None,
    locale: str | None,
) -> User:
    """Make a user of a proven canonical address. Raises InvalidArgument and WeakPassword."""
    if username is not None and not _USERNAME.fullmatch(username):
        raise errors.InvalidArgument(
            "A user name has 5 to 24 letters, digits, '_' or '-'.", field="username"
        )
    if (name or "").strip().lower() == "anonymous":
        raise errors.InvalidArgument("This name is reserved. Choose another one.", field="name")
    return User(
        sub=ids.new_id(),
        email=address,
        created_at=now,
        updated_at=now,
        last_sign_in_at=now,
        username=username,
        password_hash=None if password is None else passwords.hash_new(password),
        name=name or None,
        gender=gender or None,
        picture=picture or None,
        locale=locale or None,
    )


def creation(user: User) -> list[table.Write]:
    """Return the writes that create a user, and fail if the address or the name is taken."""
    guards: list[table.Write] = [
        table.Put(
            table.email(user.email),
            table.ABSENT,
            refusal=errors.AddressTaken,
            item={"sub": user.sub},
        )
    ]
    if user.username:
        guards.append(
            table.Put(
                table.username(user.username.lower()),
                table.ABSENT,
                refusal=errors.UsernameTaken,
                item={"sub": user.sub},
            )
        )
    return [*guards, table.Put(table.user(user.sub), table.ABSENT, item=msgspec.to_builtins(user))]


def signing_in(user: User, *, now: int, password_hash: str | None = None) -> list[table.Write]:
    """Return the write of a sign-in, which fails if a credential was changed since the user was
    read.
    """
    return [
        table.Update(
            table.user(user.sub),
            "#version = :version",
            {"version": user.version},
            sets={"last_sign_in_at": now}
            | ({"password_hash": password_hash} if password_hash else {}),
        )
    ]


class Found(NamedTuple):
    """Who has a name, and whether they have signed in from the caller's device before."""

    user: User | None
    knows_device: bool = False


def by_address(address: str, device_id: str, *, guess: str, now: int) -> Found:
    """Read the user of a canonical address, in one step if `guess` is their sub."""
    if guess:
        guard, item, device = table.get(
            table.email(address), table.user(guess), table.device(guess, device_id)
        )
        if guard is not None and guard["sub"] == guess:
            return _found(item, device, now)
    return _by_guard(table.email(address), device_id, now)


def by_name(name: str, device_id: str, *, now: int) -> Found:
    """Read the user of an address or a user name, as typed."""
    if "@" in name:
        address = canonical(name)
        return _by_guard(table.email(address), device_id, now) if address else Found(None)
    if not _USERNAME.fullmatch(name):
        return Found(None)
    return _by_guard(table.username(name.lower()), device_id, now)


def of(item: table.Item) -> User:
    """Return the record of an item."""
    return msgspec.convert(item, User)


def profile(user: User) -> Profile:
    """Return what the user is told."""
    return Profile(
        sub=user.sub,
        uid=user.sub,
        email=user.email,
        created_at=_iso(user.created_at),
        updated_at=_iso(user.updated_at),
        last_sign_in_at=_iso(user.last_sign_in_at),
        has_password=user.password_hash is not None,
        groups=[],
        email_verified=True,
        username=user.username,
        name=user.name,
        gender=user.gender,
        picture=user.picture,
        locale=user.locale,
    )


def _by_guard(guard: table.Key, device_id: str, now: int) -> Found:
    """Read twice whether the guard is there or not, so that known and unknown names take the same
    time.
    """
    [found] = table.get(guard)
    sub = found["sub"] if found else "-"
    item, device = table.get(table.user(sub), table.device(sub, device_id))
    return _found(item, device, now)


def _found(item: table.Item | None, device: table.Item | None, now: int) -> Found:
    knows_device = device is not None and device["expires_at"] > now
    return Found(of(item) if item else None, knows_device)


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
