"""Signed-in devices: started from a proof, refreshed one generation at a time, ended."""

from collections.abc import Sequence
from typing import Any

import msgspec

from latchkey import (
    errors,
    history,
    ids,
    mail,
    passwords,
    settings,
    table,
    tokens,
    users,
    verifications,
)
from latchkey.http import Caller

# How long the token before last still gives its successor: two tabs refresh at once, and answers
# get lost.
GRACE_SECONDS = 30
# A transaction takes 100 writes; besides the ends of sessions, a change needs fewer than ten.
_MOST_AT_ONCE = 90
# Sign-ins at the same moment make a change of credentials try again.
_ATTEMPTS = 10
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
    confirmed_at: int
    """When the user last showed that it is them: at sign-in, or for sudo."""
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


def start_with_password(name: str, password: str, caller: Caller, *, now: int) -> Credentials:
    """Start a session of the user of an address or user name, as typed. Raises BadCredentials and
    LoginTypeDisabled.
    """
    users.refuse_phone(name)
    user, knows_device = users.authenticate(name, password, caller, now=now)
    renewed = passwords.renewed(password, user.password_hash or "")
    writes = users.signing_in(user, now=now, password_hash=renewed)
    return start(user, "pwd", caller, now=now, knows_device=knows_device, writes=writes)


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
        table.write(*writes, *_start(session, caller, now))
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
        table.write(consumption, *writes, *_start(session, caller, now))
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


def change_credentials(
    user: users.User,
    caller: Caller,
    sets: table.Item,
    *writes: table.Write,
    actions: Sequence[str],
    keep: Session | None = None,
    now: int,
) -> None:
    """Change what a user signs in with, together with these writes, and end all their sessions but
    one: all or none.

    A session that is started at the same moment either is seen and ended here, or fails because the
    credentials changed. Raises what the writes refuse with, Unauthenticated if the session to keep
    has ended, and Aborted.
    """
    client_id, sid = (keep.client_id, keep.sid) if keep else (caller.client_id, "")
    entries = [
        history.record(action, user.sub, caller, client_id=client_id, now=now, sid=sid)
        for action in actions
    ]
    alive = [_goes_on(keep)] if keep else []
    seen = user
    for _ in range(_ATTEMPTS):
        others = [table.Delete(place, "") for place in _places(user.sub, now) - _place(keep)]
        # The few that a transaction has no room for end a moment too soon rather than too late.
        table.write_each(*others[_MOST_AT_ONCE:])
        try:
            table.write(
                users.changing(seen, sets, caller.retry_id, now=now),
                *writes,
                *alive,
                *entries,
                *others[:_MOST_AT_ONCE],
            )
        except table.Conflict as conflict:
            seen = _signed_in_since(seen, conflict)
        else:
            return
    raise errors.Aborted


def leave(user: users.User, session: Session) -> None:
    """Delete a user with all that is theirs; the session that asks goes last.

    Raises Unauthenticated and Aborted.
    """
    seen = user
    for _ in range(_ATTEMPTS):
        everything = {table.place(item) for item in table.under(table.belongings(user.sub))}
        table.write_each(*(table.Delete(place, "") for place in everything - _place(session)))
        try:
            table.write(
                *users.deletion(seen),
                table.Delete(
                    table.session(session.sub, session.sid),
                    table.PRESENT,
                    refusal=errors.Unauthenticated,
                ),
            )
        except table.Conflict as conflict:
            seen = _signed_in_since(seen, conflict)
        else:
            return
    raise errors.Aborted


def end_all(caller: Caller, *, device_id: str | None = None, now: int) -> None:
    """End all sessions of the user who asks, or those of one device. Raises Unauthenticated."""
    access = read(caller, now=now)
    going_on = {session.sid: session for session in _living(access.sub, now)}
    own = going_on.get(access.sid)
    if own is None:
        raise errors.Unauthenticated
    action = "SESSIONS_REVOKED" if device_id is None else "DEVICE_REVOKED"
    ended = [s for s in going_on.values() if device_id is None or s.device_id == device_id]
    if ended:
        table.write_each(
            *(table.Delete(table.session(s.sub, s.sid), "") for s in ended),
            history.record(action, own.sub, caller, client_id=own.client_id, now=now, sid=own.sid),
        )


def confirm(
    session: Session, proof: verifications.Proof | None, caller: Caller, *, now: int
) -> Session:
    """Note that the user has shown that it is them, and use the proof up if that is how.

    A repeated request gets the same. Raises ProofUnusable and Unauthenticated.
    """
    used = [proof.consumption(session.sub, session.sid, caller, now=now)] if proof else []
    note = table.Update(
        table.session(session.sub, session.sid),
        table.PRESENT,
        refusal=errors.Unauthenticated,
        sets={"confirmed_at": now},
    )
    try:
        table.write(*used, note)
    except table.Conflict as conflict:
        before = (
            verifications.consumed_before(conflict.items[0], caller, now=now) if proof else None
        )
        if before is None or before.sid != session.sid:
            raise conflict.refusal from None
        return msgspec.structs.replace(session, confirmed_at=before.consumed_at)
    return msgspec.structs.replace(session, confirmed_at=now)


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
    user, session, _ = _signed_in(read(caller, now=now), now=now)
    return user, session


def signed_in_to_move(
    caller: Caller, address: str, *, now: int
) -> tuple[users.User, Session, table.Item | None]:
    """Return the user and session of the access token, and the note that the user has proven this
    address. Raises Unauthenticated.
    """
    access = read(caller, now=now)
    user, session, [note] = _signed_in(access, table.proven(access.sub, address), now=now)
    return user, session, note


def signed_in_among(
    caller: Caller, subs: Sequence[str], *, now: int
) -> tuple[users.User, list[users.User]]:
    """Return the user of the access token, and those of the ids who exist. Raises
    Unauthenticated.
    """
    user, _, items = _signed_in(read(caller, now=now), *map(table.user, subs), now=now)
    return user, [users.of(item) for item in items if item]


def introspect(token: str, *, now: int) -> dict[str, Any] | None:
    """Return what RFC 7662, section 2.2, tells of an access or refresh token; None if it is not
    good.
    """
    try:
        claims = tokens.access_claims(token, now=now)
        kind = "access_token"
    except tokens.Refused:
        try:
            claims = tokens.read_mac("refresh", token, now=now)
            kind = "refresh_token"
        except tokens.Refused:
            return None
    place = table.session(claims["sub"], claims["sid"])
    person, item = table.get(table.user(claims["sub"]), place)
    if person is None or item is None or item["expires_at"] <= now:
        return None
    session = msgspec.convert(item, Session)
    if kind == "refresh_token" and claims["gen"] != session.generation:
        return None
    told = ("iss", "sub", "sid", "jti", "auth_time", "amr", "iat", "exp")
    return {name: claims[name] for name in told if name in claims} | {
        "token_type": "Bearer" if kind == "access_token" else kind,
        "client_id": session.client_id,
        "aud": session.client_id,
        "scope": _SCOPE,
    }


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


def _signed_in(
    access: tokens.Access, *keys: table.Key, now: int
) -> tuple[users.User, Session, list[table.Item | None]]:
    """Read in one call the user, the session, and what else is asked for."""
    person, session, *items = table.get(
        table.user(access.sub), table.session(access.sub, access.sid), *keys
    )
    if person is None or session is None or session["expires_at"] <= now:
        raise errors.Unauthenticated
    return users.of(person), msgspec.convert(session, Session), items


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
        confirmed_at=now,
    )


def _start(session: Session, caller: Caller, now: int) -> list[table.Write]:
    place = table.session(session.sub, session.sid)
    return [
        table.Put(place, table.ABSENT, item=msgspec.to_builtins(session)),
        table.Put(
            table.device(session.sub, session.device_id),
            "",
            item={"signed_in_at": now, "expires_at": now + DEVICE_SECONDS},
        ),
        history.record(
            "USER_LOGIN",
            session.sub,
            caller,
            client_id=session.client_id,
            now=now,
            sid=session.sid,
            amr=session.amr[0],
        ),
    ]


def _living(sub: str, now: int) -> list[Session]:
    found = [msgspec.convert(item, Session) for item in table.under(table.sessions(sub))]
    return [session for session in found if session.expires_at > now]


def _places(sub: str, now: int) -> set[table.Key]:
    return {table.session(session.sub, session.sid) for session in _living(sub, now)}


def _place(session: Session | None) -> set[table.Key]:
    return {table.session(session.sub, session.sid)} if session else set()


def _goes_on(session: Session) -> table.Write:
    return table.ConditionCheck(
        table.session(session.sub, session.sid), table.PRESENT, refusal=errors.Unauthenticated
    )


def _signed_in_since(seen: users.User, conflict: table.Conflict) -> users.User:
    """Return the user as they are now, if all that stood in the way of a change is that a session
    was started meanwhile. Raises what the change is refused with.
    """
    found = users.of(conflict.items[0]) if conflict.items[0] else None
    alone = not any(conflict.items[1:])
    if alone and found and found.version == seen.version and found.sign_ins != seen.sign_ins:
        return found
    raise conflict.refusal from None


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
    table.write(
        table.Delete(table.session(session.sub, session.sid), ""),
        history.record(
            "REFRESH_TOKEN_REUSED",
            session.sub,
            caller,
            client_id=session.client_id,
            now=now,
            sid=session.sid,
        ),
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
