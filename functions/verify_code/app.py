"""POST /auth/v1/verification/verify: a code for a proof of the address."""

import msgspec

from latchkey import clock, verifications
from latchkey.http import Body, Caller, Text, entry


class VerifyCode(Body, frozen=True):
    """The code is text, or a number where the app passed one to the SDK."""

    verification_id: Text
    verification_code: verifications.Code


class Verified(msgspec.Struct, frozen=True):
    """`expires_in` is in seconds."""

    verification_token: str
    expires_in: int


def verify_code(body: VerifyCode, caller: Caller) -> Verified:
    """Redeem the code."""
    now = clock.now()
    code = verifications.digits(body.verification_code)
    verification = verifications.verify(body.verification_id, code, caller, now=now)
    left = verification.verified_at + verifications.TOKEN_SECONDS - now
    return Verified(verification.token(), left)


handler = entry("verify_code", verify_code, VerifyCode)
