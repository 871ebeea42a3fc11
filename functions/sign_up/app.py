"""POST /auth/v1/signup: a proven address for an account and its first session."""

from typing import Annotated, Literal

import msgspec

from latchkey import clock, errors, sessions, users, verifications
from latchkey.http import Body, Caller, Text, Token, entry


class SignUp(Body, frozen=True):
    """The token alone proves the address; `email` may be missing or blank. The code that the SDK
    sends is spent.
    """

    verification_token: Token | None = None
    email: Annotated[str, msgspec.Meta(max_length=512)] = ""
    phone_number: Text | None = None
    password: Text | None = None
    username: Text | None = None
    name: users.Name | None = None
    gender: Literal["MALE", "FEMALE", "UNKNOWN", ""] | None = None
    picture: users.Picture | None = None
    locale: Annotated[str, msgspec.Meta(max_length=35)] | None = None


def sign_up(body: SignUp, caller: Caller) -> sessions.Credentials:
    """Create the user and sign them in, in one step."""
    now = clock.now()
    if body.verification_token is None:
        users.refuse_phone(body.phone_number)
        raise errors.InvalidArgument("A required field is missing.", field="verification_token")
    if body.email:
        users.canonical_address(body.email)
    proof = verifications.prove(body.verification_token, body.email, now=now)
    user = users.new(
        proof.address,
        username=body.username,
        password=body.password,
        now=now,
        name=body.name,
        gender=body.gender,
        picture=body.picture,
        locale=body.locale,
    )
    writes = users.creation(user)
    return sessions.start_proven(user, proof, caller, now=now, knows_device=True, writes=writes)


handler = entry("sign_up", sign_up, SignUp)
