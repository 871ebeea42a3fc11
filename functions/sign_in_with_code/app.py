"""POST /auth/v2/signin/verificationcode: redeem a mailed code and start a session, in one step."""

from pydantic import NonNegativeInt

from latchkey import clock
from latchkey.bodies import Body, Text
from latchkey.caller import Caller
from latchkey.codes import proof, redeem
from latchkey.http import entry
from latchkey.sessions import start
from latchkey.sessions.credentials import Credentials


class SignInWithCode(Body):
    """The code is text, or a number if the app passed one to the SDK."""

    verification_id: Text
    verification_code: Text | NonNegativeInt


def sign_in_with_code(body: SignInWithCode, caller: Caller) -> Credentials:
    """Sign in the user of the code's address. Create the user if there is none. Raises WrongCode,
    CodeUnusable, TooManyGuesses, ProofUnusable, SignUpRefused, UserBlocked, UnauthorizedClient,
    AddressTaken and Aborted.
    """
    now = clock.now()
    verified = redeem.redeem(body.verification_id, body.verification_code, caller, now=now)
    return start.by_proof_of_anybody(proof.of(verified), caller, now=now)


handler = entry("sign_in_with_code", sign_in_with_code, SignInWithCode)
