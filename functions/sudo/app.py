"""POST /auth/v1/user/sudo: show again that it is you, for what a session alone must not do."""

from latchkey import clock, errors, sessions, sudo, users, verifications
from latchkey.http import Body, Caller, Text, Token, entry


class Sudo(Body, frozen=True):
    """The password, or a proof of the user's own address."""

    password: Text | None = None
    verification_token: Token | None = None


def grant_sudo(body: Sudo, caller: Caller) -> sudo.Granted:
    """Check the password or use the proof up, and return a sudo token of this session."""
    now = clock.now()
    user, session = sessions.signed_in(caller, now=now)
    proof: verifications.Proof | None = None
    if body.verification_token is not None:
        proof = verifications.prove(body.verification_token, user.email, now=now)
    elif body.password is not None:
        users.check_password(user, body.password)
    else:
        raise errors.InvalidArgument("A required field is missing.", field="password")
    return sudo.grant(user, sessions.confirm(session, proof, caller, now=now), now=now)


handler = entry("sudo", grant_sudo, Sudo)
