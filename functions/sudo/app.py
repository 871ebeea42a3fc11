"""POST /auth/v1/user/sudo: prove to be present, for steps that a session alone must not take."""

from latchkey import clock, errors
from latchkey.bodies import Body, Password, Token
from latchkey.caller import Caller
from latchkey.codes import proof
from latchkey.described import needs
from latchkey.dynamodb import writes
from latchkey.http import entry
from latchkey.sessions import signed_in, sudo
from latchkey.users import find


class Sudo(Body):
    """The password, or a proof of the user's own address."""

    model_config = needs("password", "verification_token")

    password: Password | None = None
    verification_token: Token | None = None


def grant_sudo(body: Sudo, caller: Caller) -> sudo.SudoGrant:
    """Check the password or use the proof up, and return a sudo token of this session. Raises
    WrongPassword, PasswordNotSet, ProofUnusable and TooManyRequests.
    """
    now = clock.now()
    user, session = signed_in.read(caller, now=now)
    proven: proof.Proof | None = None
    refund: list[writes.Write] = []
    if body.verification_token is not None:
        proven = proof.read(body.verification_token.get_secret_value(), user.email, now=now)
    elif body.password is not None:
        password = body.password.get_secret_value()
        tried = find.check_password(user, session.sid, password, caller, now=now)
        refund = [*tried.refund_writes()]
    else:
        raise errors.MissingField("password")
    return sudo.grant(user, sudo.confirm(session, proven, caller, *refund, now=now), now=now)


handler = entry("sudo", grant_sudo, Sudo)
