"""Sudo: the user shows again that it is them, for the steps that an unattended or stolen session
must not take.

A sudo token holds for one user, one session, and the credentials as they are: any change of them
ends it.
"""

import msgspec

from latchkey import errors, sessions, tokens, users

# The vendor's value; also how long a session counts as fresh for a change of address that comes
# without a token.
SUDO_SECONDS = 600


class Granted(msgspec.Struct, frozen=True):
    """`expires_in` is in seconds."""

    sudo_token: str
    expires_in: int


def grant(user: users.User, session: sessions.Session, *, now: int) -> Granted:
    """Return the token of a session that was confirmed just now, or by this request before."""
    at = session.confirmed_at
    claims = {"sub": user.sub, "sid": session.sid, "ver": user.version}
    token = tokens.issue_mac("sudo", claims, now=at, expires_at=at + SUDO_SECONDS)
    return Granted(token, at + SUDO_SECONDS - now)


def check(token: str, user: users.User, session: sessions.Session, *, now: int) -> None:
    """Raise SudoNeeded if this is not a live sudo token of this user and session."""
    try:
        claims = tokens.read_mac("sudo", token, now=now)
    except tokens.Refused as refused:
        raise errors.SudoNeeded from refused
    if (claims["sub"], claims["sid"], claims["ver"]) != (user.sub, session.sid, user.version):
        raise errors.SudoNeeded


def check_fresh(session: sessions.Session, *, now: int) -> None:
    """Raise SudoNeeded if neither sign-in nor sudo of the session is less than SUDO_SECONDS ago."""
    if now >= session.confirmed_at + SUDO_SECONDS:
        raise errors.SudoNeeded
