"""POST /auth/v1/user/signout: end the asking session."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from latchkey import clock
from latchkey.bodies import Body
from latchkey.caller import Caller
from latchkey.http import entry
from latchkey.sessions import end


class SignOut(Body):
    """The client may name where it goes next."""

    redirect_uri: Annotated[str, Field(max_length=2048)] | None = None


@dataclass(frozen=True)
class SignedOut:
    """The address that the client sent, if it sent one."""

    redirect_uri: str | None = None


def sign_out(body: SignOut, caller: Caller) -> SignedOut:
    """End the session."""
    end.sign_out(caller, now=clock.now())
    return SignedOut(body.redirect_uri)


handler = entry("sign_out", sign_out, SignOut, services=["dynamodb"])
