"""Profiles: what users are told about themselves, and may change without a confirmation."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from latchkey import pictures
from latchkey.dynamodb import store
from latchkey.users import user
from latchkey.users.user import User


@dataclass(frozen=True)
class Profile:
    """The profile as the SDK reads it. Times are ISO 8601 in UTC."""

    sub: str
    uid: str
    email: str
    created_at: str
    updated_at: str
    last_sign_in_at: str
    hasPassword: bool  # the SDK's spelling
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
    address: dict[str, str] | None = None


def of(shown: User) -> Profile:
    """Return the profile of a user."""
    return Profile(
        sub=shown.sub,
        uid=shown.sub,
        email=shown.email,
        created_at=iso(shown.created_at),
        updated_at=iso(shown.updated_at),
        last_sign_in_at=iso(shown.last_sign_in_at),
        hasPassword=shown.password_hash is not None,
        groups=list(shown.groups),
        email_verified=shown.email_verified,
        username=shown.username,
        name=shown.name,
        gender=shown.gender,
        picture=pictures.shown(shown.picture),
        locale=shown.locale,
        birthdate=shown.birthdate,
        zoneinfo=shown.zoneinfo,
        description=shown.description,
        address=shown.address,
    )


def edit(edited: User, fields: dict[str, Any], *, now: int) -> User:
    """Change a profile and return the changed user.

    Raises InvalidArgument, and Conflict with UsernameTaken or Aborted.
    """
    changes = changes_of(edited, fields) | {"updated_at": now}
    store.write(user.update_write(edited, changes), *user.guard_writes(edited, changes))
    return replace(edited, **changes)


def changes_of(edited: User, fields: dict[str, Any]) -> dict[str, Any]:
    """Return what these fields change. A field that is None stays; a blank one is removed, except
    the user name. Raises InvalidArgument.
    """
    changes = {name: value or None for name, value in fields.items() if value is not None}
    user.check_name(fields.get("name"))
    username = fields.get("username")
    if username is None or username == edited.username:
        changes.pop("username", None)
    else:
        user.check_username(username)
    return changes


def iso(seconds: int) -> str:
    """Return a time as clients read it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
