"""POST /auth/v1/verification/verify: redeem a code for a proof of the address."""

from dataclasses import dataclass

from pydantic import NonNegativeInt

from latchkey import clock
from latchkey.bodies import Body, Text
from latchkey.caller import Caller
from latchkey.codes import redeem
from latchkey.codes.verification import TOKEN_SECONDS
from latchkey.http import entry


class VerifyCode(Body):
    """The code is text, or a number if the app passed one to the SDK."""

    verification_id: Text
    verification_code: Text | NonNegativeInt


@dataclass(frozen=True)
class Verified:
    """The proof. `expires_in` is in seconds."""

    verification_token: str
    expires_in: int


def verify_code(body: VerifyCode, caller: Caller) -> Verified:
    """Redeem the code. Raises WrongCode, CodeUnusable and TooManyGuesses."""
    now = clock.now()
    verified = redeem.redeem(body.verification_id, body.verification_code, caller, now=now)
    return Verified(verified.token(), verified.verified_at + TOKEN_SECONDS - now)


handler = entry("verify_code", verify_code, VerifyCode)
