"""POST /auth/v2/signin/...: the key that the SDK encrypts with, and what only version 2 has.

An encrypted sign-in itself is sign_in's: its body is another form of the same.
"""

from typing import Annotated

import msgspec

from latchkey import clock, mail, passwords, sealed, sessions, users, verifications
from latchkey.http import Body, Caller, NoBody, Routes, Text, entry

Encrypted = Annotated[str, msgspec.Meta(max_length=16384)]


def public_key(_: NoBody, _caller: Caller) -> sealed.PublicKey:
    """Return the key to encrypt with."""
    return sealed.public_key(now=clock.now())


class CodeSignIn(Body, frozen=True):
    """The code is text, or a number where the app passed one to the SDK."""

    verification_id: Text
    verification_code: verifications.Code


def sign_in_with_code(body: CodeSignIn, caller: Caller) -> sessions.Credentials:
    """Redeem a code for a session, and for an account if the address has none."""
    now = clock.now()
    verification = verifications.verify(
        body.verification_id, verifications.digits(body.verification_code), caller, now=now
    )
    user, knows_device = users.by_address(
        verification.address, caller, guess=verification.owner, now=now
    )
    if user is None:
        user, knows_device = users.new(verification.address, now=now), True
        writes = users.creation(user)
    else:
        writes = users.signing_in(user, now=now)
    return sessions.start_proven(
        user, verification.proof(), caller, now=now, knows_device=knows_device, writes=writes
    )


class UpdatePassword(Body, frozen=True):
    """Both passwords are encrypted."""

    username: Annotated[str, msgspec.Meta(max_length=512)]
    new_password: Encrypted
    password: Encrypted = ""
    public_key_thumbprint: Text = ""


def update_password(body: UpdatePassword, caller: Caller) -> dict[str, str]:
    """Set the password of whoever knows the current one, end all sessions, and tell the user."""
    now = clock.now()
    users.refuse_phone(body.username)
    current = sealed.open_text(body.password, body.public_key_thumbprint, now=now)
    chosen = sealed.open_text(body.new_password, body.public_key_thumbprint, now=now)
    password = current if current and chosen else ""
    user, _ = users.authenticate(body.username, password, caller, now=now)
    password_hash = passwords.hash_new(chosen or "", address=user.email, current=user.password_hash)
    sessions.change_credentials(
        user,
        caller,
        {"password_hash": password_hash},
        actions=["PASSWORD_CHANGED"],
        now=now,
    )
    mail.notify("password_changed", user.sub, caller, now=now)
    return {}


handler = Routes(
    {
        "POST /auth/v2/signin/publichkey": entry("encrypted_sign_in", public_key, NoBody),
        "POST /auth/v2/signin/verificationcode": entry(
            "encrypted_sign_in", sign_in_with_code, CodeSignIn
        ),
        "POST /auth/v2/signin/password/update": entry(
            "encrypted_sign_in", update_password, UpdatePassword
        ),
    }
)
