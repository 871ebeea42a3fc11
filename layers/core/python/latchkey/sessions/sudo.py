"""Sudo: the user proves to be present again, for steps that an unattended or stolen session must
not take.

A sudo token is good for one user, one session and the present credentials: every change of them
ends it.
"""

from dataclasses import dataclass, replace

from latchkey import errors
from latchkey.caller import Caller
from latchkey.codes import proof as proofs
from latchkey.codes.proof import Proof
from latchkey.dynamodb import store, writes
from latchkey.keys import tokens
from latchkey.sessions.session import Session
from latchkey.users.user import User

# The vendor's value. It is also how long after its sign-in a session may change address and user
# name without a token.
SUDO_SECONDS = 600


@dataclass(frozen=True)
class SudoGrant:
    """A sudo token; `expires_in` is in seconds."""

    sudo_token: str
    expires_in: int


def confirm(
    session: Session,
    proof: Proof | None,
    caller: Caller,
    *others: writes.Write,
    now: int,
) -> Session:
    """Note at the session that the user is present, use the proof up if there is one, and do the
    other writes. Return the session; a repeated request gets the same.

    Raises Conflict with ProofUnusable or Unauthenticated.
    """
    note = writes.Update(
        session.key,
        when=writes.PRESENT,
        refusal=errors.Unauthenticated,
        sets={"confirmed_at": now},
    )
    if proof is None:
        store.write(note, *others)
        return replace(session, confirmed_at=now)
    consume = proof.consume_write(session.sub, session.sid, caller, now=now)
    try:
        store.write(consume, note)
    except writes.Conflict as conflict:
        before = proofs.consumed_by_this_request(conflict.item(consume), caller, now=now)
        if before is None or before.sid != session.sid:
            raise
        return replace(session, confirmed_at=before.consumed_at)
    return replace(session, confirmed_at=now)


def grant(user: User, session: Session, *, now: int) -> SudoGrant:
    """Return the sudo token of a session that was just confirmed."""
    at = session.confirmed_at
    claims = {"sub": user.sub, "sid": session.sid, "ver": user.version}
    token = tokens.issue_mac("sudo", claims, now=at, expires_at=at + SUDO_SECONDS)
    return SudoGrant(token, at + SUDO_SECONDS - now)


def check(token: str, user: User, session: Session, *, now: int) -> None:
    """Raise SudoNeeded unless this is a live sudo token of this user and session."""
    try:
        claims = tokens.read_mac("sudo", token, now=now)
    except tokens.Refused as refused:
        raise errors.SudoNeeded from refused
    if (claims["sub"], claims["sid"], claims["ver"]) != (user.sub, session.sid, user.version):
        raise errors.SudoNeeded


def check_fresh(session: Session, *, now: int) -> None:
    """Raise SudoNeeded if both sign-in and sudo of the session are SUDO_SECONDS ago or more."""
    if now >= fresh(session).stop:
        raise errors.SudoNeeded(
            "You signed in too long ago for this. Confirm with sudo that it is you, and try again."
        )


def check_rename(user: User, session: Session, username: str | None, *, now: int) -> None:
    """Raise SudoNeeded if this is another user name and the session is not fresh. A user name signs
    in as an address does, so a stolen access token must not be enough to change it.
    """
    if username is not None and username != user.username:
        check_fresh(session, now=now)


def fresh(session: Session) -> range:
    """Return the times, in epoch seconds, at which the session is fresh. They begin with the last
    sign-in or sudo: what was prepared before it may be the work of a thief who waited for it.
    """
    return range(session.confirmed_at, session.confirmed_at + SUDO_SECONDS)
