"""PATCH /auth/v1/user/profile and POST /auth/v1/user/basic/edit: change the profile."""

from pydantic import SecretStr

from latchkey import clock
from latchkey.bodies import AddressOrBlank, Body, Encrypted, NewPassword, Password, Text, Username
from latchkey.caller import Caller
from latchkey.fields import (
    Birthdate,
    Gender,
    Locale,
    LongText,
    Name,
    Picture,
    PostalAddress,
    Zone,
)
from latchkey.http import Routes, entry
from latchkey.sessions import basics, signed_in, sudo
from latchkey.users import profile


class EditProfile(Body):
    """The fields to change. A missing field stays, and a blank one is removed. The address and the
    times of the account are not among them.
    """

    name: Name | None = None
    username: Username | None = None
    gender: Gender | None = None
    picture: Picture | None = None
    locale: Locale | None = None
    birthdate: Birthdate | None = None
    zoneinfo: Zone | None = None
    description: LongText | None = None
    address: PostalAddress | None = None


def edit_profile(body: EditProfile, caller: Caller) -> profile.Profile:
    """Change the profile and return all of it. Another user name needs a fresh session. Raises
    SudoNeeded, UsernameTaken and Aborted.
    """
    now = clock.now()
    user, session = signed_in.read(caller, now=now)
    sudo.check_rename(user, session, body.username, now=now)
    changed = profile.edit(user, body.model_dump(exclude_none=True), now=now)
    return profile.of(changed)


class EditBasics(Body):
    """The fields of the SDK's updateUser and modifyPassword. `password` is the current one. Both
    passwords may come encrypted.
    """

    nickname: Name | None = None
    username: Username | None = None
    description: LongText | None = None
    avatar_url: Picture | None = None
    gender: Gender | None = None
    email: AddressOrBlank | None = None
    phone: Text | None = None
    password: Password | None = None
    new_password: NewPassword | None = None
    user_id: Text | None = None
    encrypt_password: Encrypted | None = None
    encrypt_new_password: Encrypted | None = None
    public_key_thumbprint: Text = ""


def edit_basics(body: EditBasics, caller: Caller) -> dict[str, str]:
    """Change profile, address and password, all or none. The address must be proven. Raises
    WrongPassword, PasswordNotSet, MissingField, WeakPassword, SudoNeeded, AddressNotProven,
    AddressTaken, UsernameTaken, LoginTypeDisabled, TooManyRequests and Aborted.
    """
    edit = basics.Edit(
        profile={
            "name": body.nickname,
            "username": body.username,
            "description": body.description,
            "picture": body.avatar_url,
            "gender": body.gender,
        },
        email=body.email or "",
        phone=body.phone or "",
        user_id=body.user_id or "",
        password=_plain(body.password),
        new_password=_plain(body.new_password),
        encrypted_password=_plain(body.encrypt_password),
        encrypted_new_password=_plain(body.encrypt_new_password),
        thumbprint=body.public_key_thumbprint,
    )
    basics.edit(edit, caller, now=clock.now())
    return {}


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


handler = Routes(
    {
        "PATCH /auth/v1/user/profile": entry("edit_profile", edit_profile, EditProfile),
        "POST /auth/v1/user/basic/edit": entry("edit_profile", edit_basics, EditBasics),
    }
)
