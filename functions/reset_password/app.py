"""POST /auth/v1/reset: a new password for whoever proves the address."""

from typing import Annotated

import msgspec

from latchkey import clock, errors, mail, passwords, sessions, users, verifications
from latchkey.http import Body, Caller, Text, Token, entry


class ResetPassword(Body, frozen=True):
    """The token alone proves the address; `email` may be missing or blank."""

    new_password: Text
    email: Annotated[str, msgspec.Meta(max_length=512)] = ""
    phone_number: Text | None = None
    verification_token: Token | None = None


def reset_password(body: ResetPassword, caller: Caller) -> dict[str, str]:
    """Set the password, end all sessions, and tell the user by mail."""
    now = clock.now()
    if body.verification_token is None:
        users.refuse_phone(body.phone_number)
        raise errors.InvalidArgument("A required field is missing.", field="verification_token")
    proof = verifications.prove(body.verification_token, body.email, now=now)
    user, _ = users.by_address(proof.address, caller, guess=proof.owner, now=now)
    if user is None:
        raise errors.NotFound
    if users.changed_before(user, caller, now=now):
        return {}
    password_hash = passwords.hash_new(body.new_password, address=user.email)
    sessions.change_credentials(
        user,
        caller,
        {"password_hash": password_hash},
        proof.consumption(user.sub, "", caller, now=now),
        actions=["PASSWORD_RESET"],
        now=now,
    )
    mail.notify("password_changed", user.sub, caller, now=now)
    return {}


handler = entry("reset_password", reset_password, ResetPassword)
