"""People: one per mail address, and one per user name."""

import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from latchkey import errors, ids, passwords, table

# A dot-atom of RFC 5322 at host names of RFC 1123, at least two labels, the last not a number.
# ASCII only, so that no look-alike letter can stand for another person's address.
_ADDRESS = re.compile(
    r"(?=.{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
    re.ASCII | re.IGNORECASE,
)
# RFC 5321, section 4.5.3.1.3: a path has at most 256 octets, its two brackets included.
_LONGEST_ADDRESS = 254
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
    if len(text) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(text):
        raise errors.InvalidArgument("This is not a valid e-mail address.", field="email")
    return text.lower()


def looks_like_address(text: str) -> bool:
    """Say whether this is an address in form."""
    return len(text) <= _LONGEST_ADDRESS and bool(_ADDRESS.fullmatch(text))


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


def by_address(address: str) -> User | None:
    """Read the user of a canonical address."""
    return _by_guard(table.email(address))


def by_name(name: str) -> User | None:
    """Read the user of an address or a user name, as typed."""
    if "@" in name:
        return _by_guard(table.email(name.lower())) if looks_like_address(name) else None
    return _by_guard(table.username(name.lower())) if _USERNAME.fullmatch(name) else None


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


def _by_guard(guard: table.Key) -> User | None:
    """Read twice whether the guard is there or not, so that known and unknown names take the same
    time.
    """
    [found] = table.get(guard)
    [item] = table.get(table.user(found["sub"] if found else "-"))
    return of(item) if item else None


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
