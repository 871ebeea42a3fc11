"""POST /auth/v2/signin/...: the key that the SDK encrypts with, and what only version 2 has.

An encrypted sign-in itself is sign_in's: its body is another form of the same.
"""

from pydantic import NonNegativeInt

from latchkey import addresses, clock
from latchkey.bodies import NO_TOKEN, Body, Email, Encrypted, NoBody, Text
from latchkey.caller import Caller
from latchkey.codes import proof, redeem
from latchkey.http import Routes, entry
from latchkey.keys import encryption
from latchkey.sessions import change, start
from latchkey.sessions.credentials import Credentials
from latchkey.users import find, passwords


def public_key(_: NoBody, _caller: Caller) -> encryption.PublicKey:
    """Return the key to encrypt with."""
    return encryption.public_key(now=clock.now())


class CodeSignIn(Body):
    """The code is text, or a number if the app passed one to the SDK."""

    verification_id: Text
    verification_code: Text | NonNegativeInt


def sign_in_with_code(body: CodeSignIn, caller: Caller) -> Credentials:
    """Redeem a code for a session, and for an account if the address has none."""
    now = clock.now()
    verified = redeem.redeem(body.verification_id, body.verification_code, caller, now=now)
    return start.by_proof_of_anybody(proof.of(verified), caller, now=now)


class UpdatePassword(Body):
    """Both passwords are encrypted."""

    username: Email
    new_password: Encrypted
    password: Encrypted = NO_TOKEN
    public_key_thumbprint: Text = ""


def update_password(body: UpdatePassword, caller: Caller) -> dict[str, str]:
    """Set the password of a user who knows the current one, end all sessions, and tell the user."""
    now = clock.now()
    addresses.refuse_phone(body.username)
    thumbprint = body.public_key_thumbprint
    current = encryption.decrypt(body.password.get_secret_value(), thumbprint, now=now)
    chosen = encryption.decrypt(body.new_password.get_secret_value(), thumbprint, now=now)
    password = current if current and chosen else ""
    user, _ = find.by_password(body.username, password, caller, now=now)
    password_hash = passwords.hash_new(chosen or "", address=user.email, current=user.password_hash)
    change.change_credentials(user, {"password_hash": password_hash}, caller=caller, now=now)
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
