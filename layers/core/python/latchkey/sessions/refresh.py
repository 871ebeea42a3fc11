"""Refresh sessions: each use of a refresh token moves its session to the next generation."""

from dataclasses import replace

from latchkey import audit, errors, networks, settings
from latchkey.caller import Caller
from latchkey.dynamodb import keys, store, writes
from latchkey.keys import keyring, tokens
from latchkey.mail import notices
from latchkey.sessions import credentials, hooked, session
from latchkey.sessions.credentials import Credentials
from latchkey.sessions.session import Session
from latchkey.users import history, user

# How long the previous refresh token still gives its successor: two tabs refresh at once, and
# answers get lost.
GRACE_SECONDS = 30
# What a refresh changes of a session.
_MOVES = {
    "generation",
    "refreshed_at",
    "refreshed_by",
    "expires_at",
    "device_id",
    "ip",
    "user_agent",
    "groups",
    "claims",
}


def refresh(token: str, caller: Caller, *, now: int) -> Credentials:
    """Move a session to its next generation and return its tokens.

    For GRACE_SECONDS the previous token returns the same successor, to a repeated request or to the
    same device and network. An older token, or the previous one in any other way, shows that
    somebody has a copy: the session ends. Raises InvalidGrant, UnauthorizedClient and Unavailable.
    """
    try:
        claims = tokens.read_mac("refresh", token, now=now)
    except tokens.Refused as refused:
        raise errors.InvalidGrant from refused
    sub, generation = claims["sub"], claims["gen"]
    person, item = store.get(keys.user(sub), keys.session(sub, claims["sid"]))
    found = session.of(item, now=now)
    # Without a look at the user, a change of credentials that was interrupted before it ended the
    # sessions would leave a stolen refresh token alive.
    if person is None or found is None:
        raise errors.InvalidGrant
    owner = user.of(person)
    if not found.belongs_to(owner):
        raise errors.InvalidGrant
    audit.note(account=keyring.tag(person["email"], now))
    limits = settings.Sessions.load()
    if limits.clients and found.client_id not in limits.clients:
        raise errors.UnauthorizedClient
    if generation != found.generation:
        return _refreshed_before(found, generation, caller, now)
    refreshed = replace(
        found,
        generation=generation + 1,
        refreshed_at=now,
        refreshed_by=caller.retry_id,
        expires_at=limits.expiry(found.created_at, now=now),
        device_id=caller.device_id,
        ip=caller.source,
        user_agent=caller.user_agent,
    )
    refreshed = hooked.refreshed(refreshed, owner)
    advance = writes.Update(
        found.key,
        when="#generation = :this AND #expires_at > :now",
        values={"this": generation, "now": now},
        sets={name: value for name, value in vars(refreshed).items() if name in _MOVES},
    )
    elsewhere = caller.device_id != found.device_id
    entry = [_entry("REFRESHED_ELSEWHERE", found, caller, now)] if elsewhere else []
    try:
        store.write(advance, *entry)
    except writes.Conflict as conflict:
        other = session.of(conflict.item(advance), now=now)
        if other is None:
            raise errors.InvalidGrant from None
        return _refreshed_before(other, generation, caller, now)
    if elsewhere:
        notices.notify("new_device", found.sub, caller, now=now)
    return credentials.of(refreshed, now=now)


def _refreshed_before(found: Session, generation: int, caller: Caller, now: int) -> Credentials:
    """Answer a token that is not the current one: with its successor, or by ending the session."""
    if found.generation == generation + 1 and now - found.refreshed_at <= GRACE_SECONDS:
        if caller.repeats(found.refreshed_by, found.refreshed_at, now=now):
            return credentials.of(found, now=now)
        same = (found.device_id, found.user_agent) == (caller.device_id, caller.user_agent)
        if same and networks.of(found.ip) == networks.of(caller.source):
            return credentials.of(found, now=now)
        if same:
            # People walk out of their Wi-Fi. A thief who knows device and user agent gets nothing.
            raise errors.Unavailable
    store.write(writes.Delete(found.key), _entry("REFRESH_TOKEN_REUSED", found, caller, now))
    notices.notify("token_theft", found.sub, caller, now=now)
    audit.note(event="token_theft")
    raise errors.InvalidGrant


def _entry(action: str, found: Session, caller: Caller, now: int) -> writes.Put:
    """Return the write that notes in the history what happened to a session."""
    return history.add_write(
        action, found.sub, caller, client_id=found.client_id, now=now, sid=found.sid
    )
