"""POST /auth/v1/verification/verify: a code for a proof of the address."""

from typing import Annotated

import msgspec

from latchkey import clock, settings, verifications
from latchkey.http import Body, Caller, Text, entry


class VerifyCode(Body, frozen=True):
    """The code is text, or a number where the app passed one to the SDK."""

    verification_id: Text
    verification_code: Text | Annotated[int, msgspec.Meta(ge=0)]


class Verified(msgspec.Struct, frozen=True):
    """`expires_in` is in seconds."""

    verification_token: str
    expires_in: int


def verify_code(body: VerifyCode, caller: Caller) -> Verified:
    """Redeem the code."""
    now = clock.now()
    code = body.verification_code
    if isinstance(code, int):  # A number has lost its leading zeros.
        code = str(code).zfill(settings.Codes.load().code_length)
    code = "".join(code.split())
    verification = verifications.verify(body.verification_id, code, caller, now=now)
    left = verification.verified_at + verifications.TOKEN_SECONDS - now
    return Verified(verification.token(), left)


handler = entry("verify_code", verify_code, VerifyCode)
