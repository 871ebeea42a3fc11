"""POST /auth/v1/signin, /auth/v2/signin/username: a password or a proven address for a session."""

from typing import Annotated

import msgspec

from latchkey import clock, errors, sealed, sessions, users, verifications
from latchkey.http import Body, Caller, Text, Token, entry


class SignIn(Body, frozen=True):
    """`username` is an address or a user name; beside a token it may be blank or odd."""

    username: Annotated[str, msgspec.Meta(max_length=512)] = ""
    password: Text | None = None
    verification_token: Token | None = None
    params: Annotated[str, msgspec.Meta(max_length=16384)] | None = None
    public_key_thumbprint: Text = ""
    """All of it may come encrypted, as JSON in `params`."""


# What an encrypted body that can't be opened counts as: the wrong password of nobody.
_NOBODY = SignIn(password="")


def sign_in(body: SignIn, caller: Caller) -> sessions.Credentials:
    """Sign in as the owner of the address that the token proves, or with a password."""
    now = clock.now()
    if body.params is not None:
        opened = sealed.open_json(body.params, body.public_key_thumbprint, SignIn, now=now)
        body = opened or _NOBODY
    if body.verification_token is not None:
        return _by_proof(body.verification_token, body.username, caller, now)
    if body.password is None:
        raise errors.InvalidArgument("A required field is missing.", field="password")
    return sessions.start_with_password(body.username, body.password, caller, now=now)


def _by_proof(token: str, username: str, caller: Caller, now: int) -> sessions.Credentials:
    proof = verifications.prove(token, username, now=now)
    user, knows_device = users.by_address(proof.address, caller, guess=proof.owner, now=now)
    if user is None:
        raise errors.NotFound
    writes = users.signing_in(user, now=now)
    return sessions.start_proven(
        user, proof, caller, now=now, knows_device=knows_device, writes=writes
    )


handler = entry("sign_in", sign_in, SignIn)
