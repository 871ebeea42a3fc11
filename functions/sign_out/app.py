"""POST /auth/v1/user/signout: end the session that asks."""

from typing import Annotated

import msgspec

from latchkey import clock, sessions
from latchkey.http import Body, Caller, entry


class SignOut(Body, frozen=True):
    """Where the client goes next is its own affair; it is told its own address."""

    redirect_uri: Annotated[str, msgspec.Meta(max_length=2048)] | None = None


class SignedOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """The address that the client sent, if any."""

    redirect_uri: str | None = None


def sign_out(body: SignOut, caller: Caller) -> SignedOut:
    """End the session."""
    sessions.sign_out(caller, now=clock.now())
    return SignedOut(body.redirect_uri)


handler = entry("sign_out", sign_out, SignOut)
