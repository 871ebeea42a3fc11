"""PATCH /auth/v1/user/contact: another e-mail address, proven by a mailed code."""

from typing import Annotated

import msgspec

from latchkey import clock, errors, mail, sessions, sudo, users, verifications
from latchkey.http import Body, Caller, Text, Token, entry


class ChangeEmail(Body, frozen=True):
    """The verification token proves the new address, the sudo token the user."""

    email: Annotated[str, msgspec.Meta(max_length=512)] | None = None
    phone_number: Text | None = None
    sudo_token: Token = ""
    verification_token: Token = ""
    conflict_resolution: Text = "DEFAULT"


def change_email(body: ChangeEmail, caller: Caller) -> dict[str, str]:
    """Move the user to the address, end all other sessions, and tell the old address by mail."""
    now = clock.now()
    user, session = sessions.signed_in(caller, now=now)
    if users.changed_before(user, caller, now=now):
        return {}
    if body.email is None:
        users.refuse_phone(body.phone_number)
        raise errors.InvalidArgument("A required field is missing.", field="email")
    if body.conflict_resolution not in ("", "DEFAULT"):
        raise errors.InvalidArgument(
            "Only DEFAULT is possible: an address that belongs to another user stays theirs.",
            field="conflict_resolution",
        )
    address = users.canonical_address(body.email)
    sudo.check(body.sudo_token, user, session, now=now)
    proof = verifications.prove(body.verification_token, address, now=now)
    if address == user.email:
        raise errors.AddressTaken("This is your e-mail address already.")
    sessions.change_credentials(
        user,
        caller,
        {"email": address},
        proof.consumption(user.sub, session.sid, caller, now=now),
        *users.moving(user, address),
        actions=["ADDRESS_CHANGED"],
        keep=session,
        now=now,
    )
    mail.notify(
        "address_changed", user.sub, caller, now=now, address=user.email, locale=user.locale
    )
    return {}


handler = entry("change_email", change_email, ChangeEmail)
