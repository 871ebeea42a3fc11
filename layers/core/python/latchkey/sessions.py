"""Signed-in devices: started from a proof, refreshed one generation at a time, ended."""

from collections.abc import Sequence
from typing import Any

import msgspec

from latchkey import errors, ids, mail, settings, table, tokens, users, verifications
from latchkey.http import Caller

# How long the token before last still gives its successor: two tabs refresh at once, and answers
# get lost.
GRACE_SECONDS = 30
# How long the security history reaches back.
HISTORY_SECONDS = 90 * 86400
# How long a device is remembered after its last sign-in: what browsers grant a cookie at most
# (RFC 6265bis, section 5.6).
DEVICE_SECONDS = 400 * 86400
_SCOPE = "user"


class Session(msgspec.Struct, frozen=True):
    """A signed-in device. Its tokens are functions of this record, so the same generation has the
    same tokens.
    """

    sub: str
    sid: str
    client_id: str
    device_id: str
    """The device of the last refresh."""
    ip: str
    user_agent: str
    created_at: int
    amr: list[str]
    """How the user signed in: `pwd` or `otp` (RFC 8176)."""
    expires_at: int
    refreshed_at: int
    generation: int = 0


class Credentials(msgspec.Struct, frozen=True):
    """The token answer: what the SDK stores as the session."""

    token_type: str
    access_token: str
    refresh_token: str
    expires_in: int
    scope: str
    sub: str
    groups: list[str]


def start(
    user: users.User,
    amr: str,
    caller: Caller,
    *,
    now: int,
    knows_device: bool,
    writes: Sequence[table.Write],
) -> Credentials:
    """Start a session together with these writes, all or none, and tell the user of a device that
    they do not know. Raises what the writes refuse with, or Aborted.
    """
    session = _new(user.sub, amr, caller, now)
    try:
        table.write(*writes, *_start(session, now))
    except table.Conflict as conflict:
        raise conflict.refusal from None
    if not knows_device:
        mail.notify("new_device", user.sub, caller, now=now)
    return _credentials(session, now)


def start_proven(
    user: users.User,
    proof: verifications.Proof,
    caller: Caller,
    *,
    now: int,
    knows_device: bool,
    writes: Sequence[table.Write],
) -> Credentials:
    """Start a session as `start` does, which uses a proof up; a repeated request gets the same
    session.

    Raises ProofUnusable, and what the writes refuse with.
    """
    session = _new(user.sub, "otp", caller, now)
    consumption = proof.consumption(session.sub, session.sid, caller, now=now)
    try:
        table.write(consumption, *writes, *_start(session, now))
    except table.Conflict as conflict:
        before = verifications.consumed_before(conflict.items[0], caller, now=now)
        if before is None:
            raise conflict.refusal from None
        at = before.consumed_at
        again = _new(before.sub, "otp", caller, at)
        return _credentials(msgspec.structs.replace(again, sid=before.sid), now)
    if not knows_device:
        mail.notify("new_device", user.sub, caller, now=now)
    return _credentials(session, now)


def refresh(token: str, caller: Caller, *, now: int) -> Credentials:
    """Move a session to its next generation. Raises InvalidGrant.

    The token just used gives the same successor once more for some seconds, to the same device.
    Later, from elsewhere, or one before it: somebody has a copy, and the session ends.
    """
    try:
        claims = tokens.read_mac("refresh", token, now=now)
    except tokens.Refused as refused:
        raise errors.InvalidGrant from refused
    place = table.session(claims["sub"], claims["sid"])
    try:
        item = table.write(
            table.Update(
                place,
                "#generation = :this AND #expires_at > :now",
                {"this": claims["gen"], "now": now},
                sets={
                    "generation": claims["gen"] + 1,
                    "refreshed_at": now,
                    "expires_at": now + settings.Sessions.load().session_seconds,
                    "device_id": caller.device_id,
                    "ip": caller.source,
                    "user_agent": caller.user_agent,
                },
            )
        )
    except table.Conflict as conflict:
        return _refreshed_before(conflict.items[0], claims, caller, now)
    return _credentials(msgspec.convert(item, Session), now)


def read(caller: Caller, *, now: int) -> tokens.Access:
    """Return whose access token the caller sent; whether the session goes on is not asked. Raises
    Unauthenticated.
    """
    try:
        return tokens.read_access(caller.bearer, now=now)
    except tokens.Refused as refused:
        raise errors.Unauthenticated from refused


def signed_in(caller: Caller, *, now: int) -> tuple[users.User, Session]:
    """Return the user and session of the access token. Raises Unauthenticated."""
    access = read(caller, now=now)
    person, session = table.get(table.user(access.sub), table.session(access.sub, access.sid))
    if person is None or session is None or session["expires_at"] <= now:
        raise errors.Unauthenticated
    return users.of(person), msgspec.convert(session, Session)


def sign_out(caller: Caller, *, now: int) -> None:
    """End the session of the access token. Raises Unauthenticated."""
    access = read(caller, now=now)
    end(access.sub, access.sid)


def revoke(token: str) -> None:
    """End the session of an access or refresh token; what is neither is nobody's session (RFC 7009,
    section 2.2).
    """
    try:
        access = tokens.read_access(token, now=None)
    except tokens.Refused:
        try:
            claims = tokens.read_mac("refresh", token, now=None)
        except tokens.Refused:
            return
        access = tokens.Access(claims["sub"], claims["sid"])
    end(access.sub, access.sid)


def end(sub: str, sid: str) -> None:
    """End a session; its tokens are refused from now on, except by those who verify the access
    token offline.
    """
    table.write(table.Delete(table.session(sub, sid), ""))


def _new(sub: str, amr: str, caller: Caller, now: int) -> Session:
    return Session(
        sub=sub,
        sid=ids.new_id(),
        client_id=caller.client_id,
        device_id=caller.device_id,
        ip=caller.source,
        user_agent=caller.user_agent,
        created_at=now,
        amr=[amr],
        expires_at=now + settings.Sessions.load().session_seconds,
        refreshed_at=now,
    )


def _start(session: Session, now: int) -> list[table.Write]:
    place = table.session(session.sub, session.sid)
    return [
        table.Put(place, table.ABSENT, item=msgspec.to_builtins(session)),
        table.Put(
            table.device(session.sub, session.device_id),
            "",
            item={"signed_in_at": now, "expires_at": now + DEVICE_SECONDS},
        ),
        _event("USER_LOGIN", session, now),
    ]


def _event(action: str, session: Session, now: int) -> table.Write:
    return table.Put(
        table.event(session.sub, now, ids.new_id()),
        "",
        item={
            "action": action,
            "at": now,
            "sid": session.sid,
            "client_id": session.client_id,
            "device_id": session.device_id,
            "ip": session.ip,
            "user_agent": session.user_agent,
            "expires_at": now + HISTORY_SECONDS,
        },
    )


def _refreshed_before(
    item: table.Item | None, claims: dict[str, Any], caller: Caller, now: int
) -> Credentials:
    """Answer a token that is not the current one: with its successor, or with the end."""
    if item is None or item["expires_at"] <= now:
        raise errors.InvalidGrant
    session = msgspec.convert(item, Session)
    if (
        session.generation == claims["gen"] + 1
        and now - session.refreshed_at <= GRACE_SECONDS
        and session.device_id == caller.device_id
    ):
        return _credentials(session, now)
    thief = msgspec.structs.replace(
        session, device_id=caller.device_id, ip=caller.source, user_agent=caller.user_agent
    )
    table.write(
        table.Delete(table.session(session.sub, session.sid), ""),
        _event("REFRESH_TOKEN_REUSED", thief, now),
    )
    mail.notify("token_theft", session.sub, caller, now=now)
    raise errors.InvalidGrant


def _credentials(session: Session, now: int) -> Credentials:
    """Return the tokens of a session's current generation, as issued at its last refresh."""
    issued = session.refreshed_at
    seconds = settings.Sessions.load().access_token_seconds
    access = tokens.issue_access(
        {
            "sub": session.sub,
            "aud": session.client_id,
            "jti": f"{session.sid}.{session.generation}",
            "sid": session.sid,
            "scope": _SCOPE,
            "auth_time": session.created_at,
            "amr": session.amr,
        },
        now=issued,
        seconds=seconds,
    )
    refresh_token = tokens.issue_mac(
        "refresh",
        {"sub": session.sub, "sid": session.sid, "gen": session.generation},
        now=issued,
        expires_at=session.expires_at,
    )
    return Credentials(
        token_type="Bearer",  # noqa: S106 - the name of the scheme (RFC 6750)
        access_token=access,
        refresh_token=refresh_token,
        expires_in=seconds - (now - issued),
        scope=_SCOPE,
        sub=session.sub,
        groups=[],
    )
