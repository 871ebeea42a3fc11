"""People: one per mail address, and one per user name."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple

import msgspec

from latchkey import errors, ids, passwords, table
from latchkey.http import Caller

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
Gender = Literal["MALE", "FEMALE", "UNKNOWN", ""]
Locale = Annotated[str, msgspec.Meta(max_length=35)]


class Address(msgspec.Struct, frozen=True, omit_defaults=True):
    """A postal address, with the fields of OpenID Connect Core 1.0, section 5.1.1."""

    formatted: Picture | None = None
    street_address: Picture | None = None
    locality: Name | None = None
    region: Name | None = None
    postal_code: Name | None = None
    country: Name | None = None


class User(msgspec.Struct, frozen=True):
    """A person who has proven the address. Times are epoch seconds; `version` goes up when a
    credential or a name to sign in with changes, `sign_ins` with every session.
    """

    sub: str
    email: str
    created_at: int
    updated_at: int
    last_sign_in_at: int
    version: int = 1
    sign_ins: int = 0
    changed_at: int = 0
    changed_by: str = ""
    """The request that made this version, which may be repeated."""
    username: str | None = None
    password_hash: str | None = None
    name: str | None = None
    gender: str | None = None
    picture: str | None = None
    locale: str | None = None
    birthdate: str | None = None
    zoneinfo: str | None = None
    description: str | None = None
    address: Address | None = None


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
    birthdate: str | None = None
    zoneinfo: str | None = None
    description: str | None = None
    address: Address | None = None


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
    username: str | None = None,
    password: str | None = None,
    name: str | None = None,
    gender: str | None = None,
    picture: str | None = None,
    locale: str | None = None,
) -> User:
    """Make a user of a proven canonical address. Raises InvalidArgument and WeakPassword."""
    if username is not None:
        check_username(username)
    _check_name(name)
    return User(
        sub=ids.new_id(),
        email=address,
        created_at=now,
        updated_at=now,
        last_sign_in_at=now,
        username=username,
        password_hash=None if password is None else passwords.hash_new(password, address=address),
        name=name or None,
        gender=gender or None,
        picture=picture or None,
        locale=locale or None,
    )


def check_username(username: str) -> None:
    """Raise InvalidArgument if this can't be a user name."""
    if not _USERNAME.fullmatch(username):
        raise errors.InvalidArgument(
            "A user name has 5 to 24 letters, digits, '_' or '-'.", field="username"
        )


def creation(user: User) -> list[table.Write]:
    """Return the writes that create a user, and fail if the address or the name is taken."""
    guards = [_claim_address(user.sub, user.email)]
    guards += [_claim_username(user.sub, user.username)] if user.username else []
    return [*guards, table.Put(table.user(user.sub), table.ABSENT, item=msgspec.to_builtins(user))]


def signing_in(user: User, *, now: int, password_hash: str | None = None) -> list[table.Write]:
    """Return the write of a sign-in, which fails if a credential was changed since the user was
    read. What ends all sessions sees by `sign_ins` that one was added.
    """
    return [
        table.Update(
            table.user(user.sub),
            "#version = :version",
            {"version": user.version},
            sets={"last_sign_in_at": now}
            | ({"password_hash": password_hash} if password_hash else {}),
            adds={"sign_ins": 1},
        )
    ]


def edit(user: User, fields: table.Item, *, now: int) -> User:
    """Change a profile and return it. Raises InvalidArgument, UsernameTaken and Aborted."""
    changes, guards = editing(user, fields)
    renamed = {"version": user.version + 1} if guards else {}
    changes = changes | renamed | {"updated_at": now}
    try:
        table.write(
            table.Update(
                table.user(user.sub), "#version = :version", {"version": user.version}, sets=changes
            ),
            *guards,
        )
    except table.Conflict as conflict:
        raise conflict.refusal from None
    return msgspec.convert(msgspec.to_builtins(user) | changes, User)


def editing(user: User, fields: table.Item) -> tuple[table.Item, list[table.Write]]:
    """Return what these fields change in a user's item, and the writes that move the guard of the
    user name. A blank field is taken out. Raises InvalidArgument.
    """
    changes = {name: value or None for name, value in fields.items() if value is not None}
    _check_name(fields.get("name"))
    username = fields.get("username")
    if username is None or username == user.username:
        changes.pop("username", None)
        return changes, []
    check_username(username)
    guards: list[table.Write] = []
    if user.username is None or username.lower() != user.username.lower():
        guards = [_claim_username(user.sub, username)]
        guards += [_free(table.username(user.username.lower()))] if user.username else []
    return changes, guards


def changing(user: User, sets: table.Item, retry_id: str, *, now: int) -> table.Write:
    """Return the write that changes a credential; it fails if one was changed, or a session was
    started, since the user was read.
    """
    changed = {"version": user.version + 1, "changed_at": now, "changed_by": retry_id}
    return table.Update(
        table.user(user.sub),
        "#version = :version AND #sign_ins = :sign_ins",
        {"version": user.version, "sign_ins": user.sign_ins},
        sets={**sets, **changed, "updated_at": now},
    )


def moving(user: User, address: str) -> list[table.Write]:
    """Return the writes that give a user's address up for another one. It is free for the first who
    asks: the write fails for all others.
    """
    return [_claim_address(user.sub, address), _free(table.email(user.email))]


def deletion(user: User) -> list[table.Write]:
    """Return the writes that delete a user, and fail if a credential was changed, or a session
    started, since the user was read. Address and name are free again.
    """
    person = table.Delete(
        table.user(user.sub),
        "#version = :version AND #sign_ins = :sign_ins",
        {"version": user.version, "sign_ins": user.sign_ins},
    )
    named = [_free(table.username(user.username.lower()))] if user.username else []
    return [person, _free(table.email(user.email)), *named]


def changed_before(user: User, caller: Caller, *, now: int) -> bool:
    """Say whether this request repeats the one that changed a credential last: its answer was
    lost.
    """
    return caller.repeats(user.changed_by, user.changed_at, now=now)


def authenticate(name: str, password: str, caller: Caller, *, now: int) -> tuple[User, bool]:
    """Return the user of an address or user name, as typed, if the password is theirs, and whether
    they know the caller's device. Raises BadCredentials, after the same time whatever is wrong.
    """
    user, knows_device = by_name(name, caller, now=now)
    if not passwords.matches(password, user.password_hash if user else None) or user is None:
        raise errors.BadCredentials
    return user, knows_device


def check_password(user: User, password: str) -> None:
    """Raise PasswordNotSet, or WrongPassword, if this is not the password of a signed-in user."""
    if user.password_hash is None:
        raise errors.PasswordNotSet
    if not passwords.matches(password, user.password_hash):
        raise errors.WrongPassword


class Found(NamedTuple):
    """Who has a name, and whether they have signed in from the caller's device before."""

    user: User | None
    knows_device: bool = False


def by_address(address: str, caller: Caller, *, guess: str = "", now: int) -> Found:
    """Read the user of a canonical address: in one step if `guess` is their sub."""
    if guess:
        item, device = table.get(table.user(guess), table.device(guess, caller.device_id))
        if item and item["email"] == address:
            return _found(item, device, now)
    return _by_guard(table.email(address), caller, now)


def by_name(name: str, caller: Caller, *, now: int) -> Found:
    """Read the user of an address or a user name, as typed."""
    return _by_guard(_guard_of(name), caller, now)


def exists(name: str) -> bool:
    """Say whether an address or user name, as typed, is somebody's."""
    [guard] = table.get(_guard_of(name))
    return guard is not None


def of(item: table.Item) -> User:
    """Return the record of an item."""
    return msgspec.convert(item, User)


def profile(user: User) -> Profile:
    """Return what the user is told."""
    return Profile(
        sub=user.sub,
        uid=user.sub,
        email=user.email,
        created_at=iso(user.created_at),
        updated_at=iso(user.updated_at),
        last_sign_in_at=iso(user.last_sign_in_at),
        has_password=user.password_hash is not None,
        groups=[],
        email_verified=True,
        username=user.username,
        name=user.name,
        gender=user.gender,
        picture=user.picture,
        locale=user.locale,
        birthdate=user.birthdate,
        zoneinfo=user.zoneinfo,
        description=user.description,
        address=user.address,
    )


def iso(seconds: int) -> str:
    """Return a time as clients read it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _guard_of(name: str) -> table.Key:
    """Return where the sub of an address or user name is; for what is neither, a place that is
    always empty.
    """
    if "@" in name:
        return table.email(canonical(name) or "-")
    return table.username(name.lower() if _USERNAME.fullmatch(name) else "-")


def _by_guard(guard: table.Key, caller: Caller, now: int) -> Found:
    """Read twice whether the guard is there or not, so that known and unknown names take the same
    time.
    """
    [found] = table.get(guard)
    sub = found["sub"] if found else "-"
    item, device = table.get(table.user(sub), table.device(sub, caller.device_id))
    return _found(item, device, now)


def _found(item: table.Item | None, device: table.Item | None, now: int) -> Found:
    knows_device = device is not None and device["expires_at"] > now
    return Found(of(item) if item else None, knows_device)


def _claim_address(sub: str, address: str) -> table.Write:
    return table.Put(
        table.email(address), table.ABSENT, refusal=errors.AddressTaken, item={"sub": sub}
    )


def _claim_username(sub: str, username: str) -> table.Write:
    return table.Put(
        table.username(username.lower()),
        table.ABSENT,
        refusal=errors.UsernameTaken,
        item={"sub": sub},
    )


def _free(guard: table.Key) -> table.Write:
    """What it guards changes hands in the same transaction, under the condition of its user."""
    return table.Delete(guard, "")


def _check_name(name: str | None) -> None:
    """The SDK takes a user of that name for one who is not signed in."""
    if (name or "").strip().lower() == "anonymous":
        raise errors.InvalidArgument("This name is reserved. Choose another one.", field="name")
