"""Users: their record, and the writes that create, change and delete it.

A guard item in Accounts makes each address and each user name unique. The writes here always bring
the guards that they need.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from latchkey import errors, ids
from latchkey.caller import Caller
from latchkey.dynamodb import keys, values, writes
from latchkey.users import passwords

Status: TypeAlias = Literal["active", "disabled"]

# The rule in the SDK's own comments.
USERNAME = r"[A-Za-z0-9_-]{5,24}"


@dataclass(frozen=True)
class User:
    """Somebody who has proven the address. Times are epoch seconds."""

    sub: str
    email: str
    """Canonical."""
    created_at: int
    updated_at: int
    last_sign_in_at: int
    version: int = 1
    """Goes up when a credential changes: password or address."""
    sign_ins: int = 0
    """Goes up with every session that is started."""
    counted_sign_ins: int = 0
    """What it went up to by the last sign-in that counted the sessions."""
    changed_at: int = 0
    changed_by: str = ""
    """The request that made this version, which may be repeated."""
    status: Status = "active"
    """A disabled user has no session, gets no mail, and is refused after a right credential."""
    email_verified: bool = True
    """False until a code from this mailbox was redeemed: an operator or an import has set it."""
    groups: Sequence[str] = ()
    """Which an operator or a hook has given; they stand in tokens."""
    username: str | None = None
    password_hash: str | None = None
    name: str | None = None
    gender: str | None = None
    picture: str | None = None
    locale: str | None = None
    birthdate: str | None = None
    zoneinfo: str | None = None
    description: str | None = None
    address: dict[str, str] | None = None
    """A postal address, with the fields of OpenID Connect Core 1.0, section 5.1.1."""

    def changed_by_this_request(self, caller: Caller, *, now: int) -> bool:
        """Return whether this request repeats the one that changed a credential last."""
        return caller.repeats(self.changed_by, self.changed_at, now=now)


def of(item: values.Item) -> User:
    """Return the user of an item."""
    return values.record_of(User, item)


def new(
    address: str,
    *,
    now: int,
    username: str | None = None,
    password: str | None = None,
    **profile: str | None,
) -> User:
    """Make a user of a proven canonical address. Blank fields of the profile are left out.

    Raises InvalidArgument and WeakPassword.
    """
    if username is not None:
        check_username(username)
    check_name(profile.get("name"))
    return User(
        sub=ids.new_id(),
        email=address,
        created_at=now,
        updated_at=now,
        last_sign_in_at=now,
        username=username,
        password_hash=None
        if password is None
        else passwords.hash_new(password, address=address, username=username),
        **{name: value or None for name, value in profile.items()},  # type: ignore[arg-type]
    )


def migrated(address: str, password_hash: str, *, now: int, **known: Any) -> User:
    """Make a user of a canonical address that another system has verified."""
    return replace(new(address, now=now), password_hash=password_hash, **known)


def is_username(text: str) -> bool:
    """Return whether a text could be a user name."""
    return re.fullmatch(USERNAME, text, re.ASCII) is not None


def check_username(username: str) -> None:
    """Raise InvalidArgument if this cannot be a user name."""
    if not is_username(username):
        raise errors.InvalidArgument(
            "A user name has 5 to 24 letters, digits, '_' or '-'.", field="username"
        )


def check_active(user: User) -> None:
    """Raise UserBlocked if a user is disabled. Call this only after a right credential: whoever has
    none must not learn it.
    """
    if user.status != "active":
        raise errors.UserBlocked


def check_name(name: str | None) -> None:
    """Raise InvalidArgument for the name that the SDK takes for nobody signed in."""
    if (name or "").strip().lower() == "anonymous":
        raise errors.InvalidArgument("This name is reserved. Choose another one.", field="name")


def create_writes(user: User) -> list[writes.Write]:
    """Return the writes that create a user. They fail with AddressTaken or UsernameTaken."""
    claims = [_claim_address(user.sub, user.email)]
    claims += [_claim_username(user.sub, user.username)] if user.username else []
    return [
        *claims,
        writes.Put(
            keys.user(user.sub),
            when=writes.ABSENT,
            item=values.item_of(user) | created_entry(user.sub, user.created_at),
        ),
    ]


def created_entry(sub: str, created_at: int) -> dict[str, str]:
    """Return the attributes by which the index Directory lists a user in order of creation."""
    return keys.listed("created", f"{created_at:012d}#{sub}")


def sign_in_write(
    user: User, *, now: int, counts: bool, password_hash: str | None = None, proven: bool = False
) -> writes.Update:
    """Return the write of a sign-in, which `counts` the sessions or not, and has `proven` the
    address or not. It fails if a credential has changed since the user was read.
    """
    when, known = _same_version(user)
    sets: values.Item = {"last_sign_in_at": now}
    sets |= {"password_hash": password_hash} if password_hash else {}
    sets |= {"counted_sign_ins": user.sign_ins + 1} if counts else {}
    sets |= {"email_verified": True} if proven and not user.email_verified else {}
    return writes.Update(
        keys.user(user.sub),
        when=when,
        values=known,
        sets=sets,
        adds={"sign_ins": 1},
    )


def guard_writes(user: User, changes: Mapping[str, Any]) -> list[writes.Write]:
    """Return the writes that move the guards of a changed address and a changed user name.

    They fail with AddressTaken or UsernameTaken. The old guards are deleted without a condition:
    the user's own write in the same transaction has one.
    """
    moved: list[writes.Write] = []
    address, username = changes.get("email"), changes.get("username")
    if address and address != user.email:
        moved += [_claim_address(user.sub, address), writes.Delete(keys.email(user.email))]
    if username and username.lower() != (user.username or "").lower():
        moved.append(_claim_username(user.sub, username))
        moved += [writes.Delete(keys.username(user.username))] if user.username else []
    return moved


def change_write(
    user: User, changes: Mapping[str, Any], caller: Caller, *, now: int
) -> writes.Update:
    """Return the write that changes credentials, and what else is given. It raises `version`, and
    fails if a credential has changed since the user was read.
    """
    changed = {"version": user.version + 1, "changed_at": now, "changed_by": caller.retry_id}
    # Whoever signed in has proven a new address. An operator, who has not, says so in `changes`.
    proven = {"email_verified": True} if "email" in changes else {}
    return update_write(user, {**proven, **changes, **changed, "updated_at": now})


def update_write(user: User, changes: Mapping[str, Any]) -> writes.Update:
    """Return the write that sets attributes, where None removes one. It fails if a credential has
    changed since the user was read, or the user name if it is among the changes.
    """
    when, known = _same_name(user) if "username" in changes else _same_version(user)
    return writes.Update(keys.user(user.sub), when=when, values=known, sets=dict(changes))


def delete_writes(user: User) -> list[writes.Write]:
    """Return the writes that delete a user and free address and name. They fail if a credential or
    the user name has changed since the user was read.
    """
    when, known = _same_name(user)
    return [
        writes.Delete(keys.user(user.sub), when=when, values=known),
        writes.Delete(keys.email(user.email)),
        *([writes.Delete(keys.username(user.username))] if user.username else []),
    ]


def _same_version(user: User) -> tuple[str, dict[str, values.Value]]:
    """Return the condition that no credential has changed."""
    return "#version = :version", {"version": user.version}


def _same_name(user: User) -> tuple[str, dict[str, values.Value]]:
    """Return the condition that neither a credential nor the user name has changed."""
    when, known = _same_version(user)
    if user.username is None:
        return f"{when} AND attribute_not_exists(#username)", known
    return f"{when} AND #username = :username", known | {"username": user.username}


def _claim_address(sub: str, address: str) -> writes.Write:
    return writes.Put(
        keys.email(address),
        when=writes.ABSENT,
        refusal=errors.AddressTaken,
        item={"sub": sub} | keys.listed("address", address),
    )


def _claim_username(sub: str, username: str) -> writes.Write:
    return writes.Put(
        keys.username(username),
        when=writes.ABSENT,
        refusal=errors.UsernameTaken,
        item={"sub": sub} | keys.listed("username", username.lower()),
    )
