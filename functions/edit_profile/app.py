"""PATCH /auth/v1/user/profile and POST /auth/v1/user/basic/edit: what the user may change."""

from typing import Annotated

import msgspec

from latchkey import clock, errors, mail, passwords, sealed, sessions, sudo, users, verifications
from latchkey.http import Body, Caller, Routes, Text, entry

Encrypted = Annotated[str, msgspec.Meta(max_length=16384)]


class EditProfile(Body, frozen=True):
    """What is not named stays, what is blank is taken out. Address, id and times of the account are
    not among them.
    """

    name: users.Name | None = None
    username: Text | None = None
    gender: users.Gender | None = None
    picture: users.Picture | None = None
    locale: users.Locale | None = None
    birthdate: users.Name | None = None
    zoneinfo: users.Name | None = None
    description: users.Picture | None = None
    address: users.Address | None = None


def edit_profile(body: EditProfile, caller: Caller) -> users.Profile:
    """Change the profile, and return the whole of it."""
    now = clock.now()
    user, _ = sessions.signed_in(caller, now=now)
    return users.profile(users.edit(user, msgspec.to_builtins(body), now=now))


class EditBasics(Body, frozen=True):
    """The fields of the SDK's updateUser and modifyPassword: `password` is the current one, and may
    come encrypted.
    """

    nickname: users.Name | None = None
    username: Text | None = None
    description: users.Picture | None = None
    avatar_url: users.Picture | None = None
    gender: users.Gender | None = None
    email: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    phone: Text | None = None
    password: Text | None = None
    new_password: Text | None = None
    user_id: Text | None = None
    encrypt_password: Encrypted | None = None
    encrypt_new_password: Encrypted | None = None
    public_key_thumbprint: Text = ""


def edit_basics(body: EditBasics, caller: Caller) -> dict[str, str]:
    """Change profile, address and password, all or none; the address must be proven."""
    now = clock.now()
    claimed = users.canonical_address(body.email) if body.email else ""
    user, session, note = sessions.signed_in_to_move(caller, claimed, now=now)
    address = claimed or user.email
    if users.changed_before(user, caller, now=now):
        return {}
    if body.user_id and body.user_id != user.sub:
        raise errors.InvalidArgument("The user_id must be your own.", field="user_id")
    if body.phone:
        raise errors.LoginTypeDisabled
    fields = {
        "name": body.nickname,
        "username": body.username,
        "description": body.description,
        "picture": body.avatar_url,
        "gender": body.gender,
    }
    password_hash = _password_hash(body, user, session, address, now)
    if password_hash is None and address == user.email:
        users.edit(user, fields, now=now)
        return {}
    sets, writes = users.editing(user, fields)
    notices: list[mail.NoticeKind] = []
    if password_hash is not None:
        sets["password_hash"] = password_hash
        notices.append("password_changed")
    if address != user.email:
        sets["email"] = address
        fresh_until = session.confirmed_at + sudo.SUDO_SECONDS
        proof = verifications.proven(note, address, session.sid, asked_before=fresh_until, now=now)
        writes += [
            proof.consumption(
                user.sub, session.sid, caller, now=now, refusal=errors.AddressNotProven
            ),
            *users.moving(user, address),
        ]
        notices.append("address_changed")
    actions = [kind.upper() for kind in notices]
    sessions.change_credentials(user, caller, sets, *writes, actions=actions, keep=session, now=now)
    for kind in notices:
        mail.notify(kind, user.sub, caller, now=now, address=user.email, locale=user.locale)
    return {}


def _password_hash(
    body: EditBasics, user: users.User, session: sessions.Session, address: str, now: int
) -> str | None:
    """Return the hash of the new password, if there is one, whose right is shown by the current
    one; without a current one, by a fresh session.
    """
    current, chosen = body.password, body.new_password
    if body.encrypt_new_password is not None:
        thumbprint = body.public_key_thumbprint
        chosen = sealed.open_text(body.encrypt_new_password, thumbprint, now=now)
        current = sealed.open_text(body.encrypt_password or "", thumbprint, now=now)
        if chosen is None or (current is None and body.encrypt_password):
            users.check_password(user, "")
    if chosen is None:
        if current is not None:
            raise errors.InvalidArgument("A required field is missing.", field="new_password")
        return None
    if user.password_hash is None and not current:
        sudo.check_fresh(session, now=now)
    else:
        users.check_password(user, current or "")
    return passwords.hash_new(chosen, address=address, current=user.password_hash)


handler = Routes(
    {
        "PATCH /auth/v1/user/profile": entry("edit_profile", edit_profile, EditProfile),
        "POST /auth/v1/user/basic/edit": entry("edit_profile", edit_basics, EditBasics),
    }
)
