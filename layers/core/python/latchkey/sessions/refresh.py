"""Refresh sessions: each use of a refresh token moves its session to the next generation."""

from typing import Any

from latchkey import errors, settings
from latchkey.caller import Caller
from latchkey.dynamodb import keys, store, values, writes
from latchkey.keys import tokens
from latchkey.mail import notices
from latchkey.sessions import credentials, session
from latchkey.sessions.credentials import Credentials
from latchkey.sessions.session import Session
from latchkey.users import history

# How long the previous refresh token still gives its successor: two tabs refresh at once, and
# answers get lost.
GRACE_SECONDS = 30


def refresh(token: str, caller: Caller, *, now: int) -> Credentials:
    """Move a session to its next generation and return its tokens. Raises InvalidGrant.

    The previous token returns the same successor for GRACE_SECONDS, to the same device. An older
    token, or the previous one later or from another device, shows that somebody has a copy: the
    session ends.
    """
    try:
        claims = tokens.read_mac("refresh", token, now=now)
    except tokens.Refused as refused:
        raise errors.InvalidGrant from refused
    advance = writes.Update(
        keys.session(claims["sub"], claims["sid"]),
        when="#generation = :this AND #expires_at > :now",
        values={"this": claims["gen"], "now": now},
        sets={
            "generation": claims["gen"] + 1,
            "refreshed_at": now,
            "expires_at": now + settings.Sessions.load().session_seconds,
            "device_id": caller.device_id,
            "ip": caller.source,
            "user_agent": caller.user_agent,
        },
    )
    try:
        refreshed = values.record_of(Session, store.write(advance))
    except writes.Conflict as conflict:
        found = session.of(conflict.item(advance), now=now)
        return _refreshed_before(found, claims, caller, now)
    return credentials.of(refreshed, now=now)


def _refreshed_before(
    found: Session | None, claims: dict[str, Any], caller: Caller, now: int
) -> Credentials:
    """Answer a token that is not the current one: with its successor, or by ending the session."""
    if found is None:
        raise errors.InvalidGrant
    if (
        found.generation == claims["gen"] + 1
        and now - found.refreshed_at <= GRACE_SECONDS
        and found.device_id == caller.device_id
    ):
        return credentials.of(found, now=now)
    store.write(
        writes.Delete(found.key),
        history.add_write(
            "REFRESH_TOKEN_REUSED",
            found.sub,
            caller,
            client_id=found.client_id,
            now=now,
            sid=found.sid,
        ),
    )
    notices.notify("token_theft", found.sub, caller, now=now)
    raise errors.InvalidGrant
