"""The SDK's updateUser and modifyPassword: change profile, address and password in one request."""

import contextlib
from dataclasses import dataclass
from typing import Any

from latchkey import addresses, errors
from latchkey.caller import Caller
from latchkey.codes import proof
from latchkey.dynamodb import writes
from latchkey.keys import encryption
from latchkey.limits import budget
from latchkey.sessions import change, signed_in, sudo
from latchkey.sessions.session import Session
from latchkey.users import find, passwords, profile
from latchkey.users.user import User


@dataclass(frozen=True)
class Edit:
    """What to change. An empty text, and None, mean that a field was not sent."""

    profile: dict[str, str | None]
    email: str
    phone: str
    user_id: str
    password: str | None
    """The current password; None if it was not sent."""
    new_password: str | None
    encrypted_password: str | None
    encrypted_new_password: str | None
    thumbprint: str
    """The name of the key that the passwords are encrypted with."""


def edit(wanted: Edit, caller: Caller, *, now: int) -> None:
    """Change everything that is wanted, or nothing.

    The SDK sends no proof with a new address, so this session must have redeemed a code for it.
    Raises WrongPassword, PasswordNotSet, SudoNeeded, AddressNotProven, WeakPassword,
    InvalidArgument, LoginTypeDisabled, Unauthenticated, and Conflict.
    """
    claimed = addresses.canonical(wanted.email) if wanted.email else ""
    user, session, note = signed_in.read_with_note(caller, claimed, now=now)
    address = claimed or user.email
    if change.finished_before(user, caller, now=now):
        return
    if wanted.user_id and wanted.user_id != user.sub:
        raise errors.InvalidArgument("The user_id must be your own.", field="user_id")
    if wanted.phone:
        raise errors.LoginTypeDisabled
    sudo.check_rename(user, session, wanted.profile.get("username"), now=now)
    password_hash, tried = _new_hash(wanted, user, session, address, caller, now)
    if password_hash is None and address == user.email:
        profile.edit(user, wanted.profile, now=now)
        return
    changes: dict[str, Any] = profile.changes_of(user, wanted.profile)
    others: list[writes.Write] = [*tried.refund_writes()] if tried else []
    if password_hash is not None:
        changes["password_hash"] = password_hash
    if address != user.email:
        changes["email"] = address
        proven = proof.from_note(note, address, session.sid, asked=sudo.fresh(session), now=now)
        others.append(
            proven.consume_write(
                user.sub, session.sid, caller, now=now, refusal=errors.AddressNotProven
            )
        )
    change.change_credentials(user, changes, *others, caller=caller, keep=session, now=now)


def _new_hash(
    wanted: Edit, user: User, session: Session, address: str, caller: Caller, now: int
) -> tuple[str | None, budget.Try | None]:
    """Return the hash of the new password, or None if there is none, and the try at the current
    one. The current password must be right; a user who has none needs a fresh session.
    """
    current, chosen = wanted.password, wanted.new_password
    if wanted.encrypted_new_password is not None:
        chosen = encryption.decrypt(wanted.encrypted_new_password, wanted.thumbprint, now=now)
        current = encryption.decrypt(wanted.encrypted_password or "", wanted.thumbprint, now=now)
        if chosen is None or (current is None and wanted.encrypted_password):
            find.check_password(
                user, session.sid, "", caller, now=now
            )  # what cannot be decrypted counts as a wrong password
    if chosen is None:
        if current is not None:
            raise errors.MissingField("new_password")
        return None, None
    tried = None
    if user.password_hash is None and not current:
        sudo.check_fresh(session, now=now)
    else:
        tried = find.check_password(user, session.sid, current or "", caller, now=now)
    with tried.refunded_on(errors.WeakPassword) if tried else contextlib.nullcontext():
        password_hash = passwords.hash_new(
            chosen,
            address=address,
            username=wanted.profile.get("username") or user.username,
            current=user.password_hash,
        )
    return password_hash, tried
