"""POST /auth/v1/signin: a password or a proven address for a session."""

from typing import Annotated

import msgspec

from latchkey import clock, errors, passwords, sessions, users, verifications
from latchkey.http import Body, Caller, Text, Token, entry


class SignIn(Body, frozen=True):
    """`username` is an address or a user name; beside a token it may be blank or odd."""

    username: Annotated[str, msgspec.Meta(max_length=512)] = ""
    password: Text | None = None
    verification_token: Token | None = None


def sign_in(body: SignIn, caller: Caller) -> sessions.Credentials:
    """Sign in as the owner of the address that the token proves, or with a password."""
    now = clock.now()
    if body.verification_token is not None:
        return _by_proof(body.verification_token, body.username, caller, now)
    if body.password is None:
        raise errors.InvalidArgument("A required field is missing.", field="password")
    return _by_password(body.username, body.password, caller, now)


def _by_proof(token: str, username: str, caller: Caller, now: int) -> sessions.Credentials:
    proof = verifications.prove(token, username, now=now)
    user, knows_device = users.by_address(
        proof.address, caller.device_id, guess=proof.owner, now=now
    )
    if user is None:
        raise errors.NotFound
    writes = users.signing_in(user, now=now)
    return sessions.start_proven(
        user, proof, caller, now=now, knows_device=knows_device, writes=writes
    )


def _by_password(username: str, password: str, caller: Caller, now: int) -> sessions.Credentials:
    users.refuse_phone(username)
    user, knows_device = users.by_name(username, caller.device_id, now=now)
    stored = user.password_hash if user else None
    if not passwords.matches(password, stored) or user is None or stored is None:
        raise errors.BadCredentials
    renewed = passwords.renewed(password, stored)
    writes = users.signing_in(user, now=now, password_hash=renewed)
    return sessions.start(user, "pwd", caller, now=now, knows_device=knows_device, writes=writes)


handler = entry("sign_in", sign_in, SignIn)
