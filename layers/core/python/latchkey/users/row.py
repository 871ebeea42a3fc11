"""One user as a line of JSON, as imports take it and exports give it (docs/import.md)."""

import datetime
import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from latchkey import addresses, errors, fields
from latchkey.users import imported, passwords, user
from latchkey.users.user import User

# An id of ours, or one of another system. `-` alone stands for nobody (find.py).
ID = r"^([A-Za-z0-9_-]{2,64}|[A-Za-z0-9_])$"
_LATEST = 99_999_999_999


def _seconds(value: object) -> object:
    """Return the epoch seconds of a time in ISO 8601, which is in UTC if it does not say."""
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    if isinstance(value, str) and not value.isdecimal():
        time = datetime.datetime.fromisoformat(value)
        return int((time if time.tzinfo else time.replace(tzinfo=datetime.UTC)).timestamp())
    return value


Time = Annotated[int, BeforeValidator(_seconds), Field(ge=0, le=_LATEST)]


class Row(BaseModel):
    """A user. Unknown fields are refused, because a misspelt one would be lost in silence."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=ID)] | None = None
    """Becomes `sub`. Without it, the user gets a new one."""
    email: Annotated[str, Field(max_length=320)]
    email_verified: bool = False
    username: str | None = None
    password_hash: Annotated[str, Field(max_length=imported.LONGEST)] | None = None
    created_at: Time | None = None
    last_sign_in_at: Time | None = None
    status: user.Status = "active"
    groups: Annotated[
        list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]{1,64}$")]], Field(max_length=50)
    ] = Field(default_factory=list)
    name: str | None = None
    picture: str | None = None
    locale: str | None = None
    gender: str | None = None
    birthdate: str | None = None
    zoneinfo: str | None = None
    description: str | None = None
    address: dict[str, str] | None = None


class _Profile(BaseModel):
    """What users may say of themselves, with the forms that bind them too."""

    name: fields.Name | None = None
    picture: fields.Picture | None = None
    locale: fields.Locale | None = None
    gender: fields.Gender | None = None
    birthdate: fields.Birthdate | None = None
    zoneinfo: fields.Zone | None = None
    description: fields.LongText | None = None
    address: fields.PostalAddress | None = None


class Refused(Exception):
    """A row that cannot be imported. `reason` is a word, and the text a sentence."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True)
class Checked:
    """A row that can be imported, with a canonical address."""

    row: Row
    email: str
    scheme: str
    """Of the password: its name, empty without one, `dropped` if the address is unverified."""
    kept: dict[str, Any]
    """What is kept of the profile, the user name included."""
    left_out: list[str]
    """The fields that had no form that a user could have given them."""

    def user(self, sub: str, *, now: int) -> User:
        """Return the user. A plain digest is hashed here, which takes as long as a sign-in."""
        row = self.row
        has_password = self.scheme not in ("", "dropped")
        created_at = now if row.created_at is None else min(row.created_at, now)
        return User(
            sub=sub,
            email=self.email,
            created_at=created_at,
            updated_at=now,
            last_sign_in_at=created_at if row.last_sign_in_at is None else row.last_sign_in_at,
            status=row.status,
            email_verified=row.email_verified,
            groups=sorted(set(row.groups)),
            password_hash=passwords.adopt(row.password_hash or "") if has_password else None,
            **self.kept,
        )


def check(given: dict[str, Any]) -> Checked:
    """Return what can be imported of a row. Raises Refused.

    An address that the source does not call verified gets no password: whoever has registered
    somebody else's address elsewhere would share the account with its owner here.
    """
    try:
        row = Row.model_validate(given)
    except ValidationError as error:
        raise Refused("malformed", fields.first_problem(error, "row")) from None
    address = addresses.canonical_or_none(row.email)
    if address is None:
        raise Refused("no_address", "This is not a valid e-mail address.")
    scheme = ""
    if row.password_hash and row.email_verified:
        try:
            scheme = passwords.scheme(row.password_hash)
        except imported.Unusable as error:
            raise Refused(error.reason, str(error)) from error
    elif row.password_hash:
        scheme = "dropped"
    kept, left_out = _profile(row)
    return Checked(row, address, scheme, kept, left_out)


def of(found: User) -> dict[str, Any]:
    """Return the row of a user, without what is empty."""
    row = {name: getattr(found, name) for name in Row.model_fields if name != "id"}
    row |= {"id": found.sub, "groups": list(found.groups)}
    return {name: value for name, value in row.items() if value not in (None, [])}


def _profile(row: Row) -> tuple[dict[str, Any], list[str]]:
    """Return what is kept of the profile and the user name, and what has no form of ours."""
    said = {name: getattr(row, name) for name in (*_Profile.model_fields, "username")}
    said = {name: value for name, value in said.items() if value}
    bad: set[str] = set()
    try:
        _Profile.model_validate(said)
    except ValidationError as error:
        bad = {str(one["loc"][0]) for one in error.errors(include_url=False)}
    if not user.is_username(said.get("username", "user-name")):
        bad.add("username")
    try:
        user.check_name(said.get("name"))
    except errors.InvalidArgument:
        bad.add("name")
    return {name: value for name, value in said.items() if name not in bad}, sorted(bad)
