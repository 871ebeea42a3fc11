"""Start sessions: with a password, with a proven address, and for a new user."""

from collections.abc import Sequence
from dataclasses import replace

from latchkey import audit, errors, settings
from latchkey.caller import Caller
from latchkey.codes import proof as proofs
from latchkey.codes.proof import Proof
from latchkey.dynamodb import keys, store, values, writes
from latchkey.keys import keyring
from latchkey.limits import budget, storm
from latchkey.mail import notices
from latchkey.sessions import credentials, hooked, known_devices, session
from latchkey.sessions.credentials import Credentials
from latchkey.sessions.session import Session
from latchkey.users import find, history, passwords, user
from latchkey.users.user import User

# The most sessions of a user, of which the oldest end, and the most devices that the account knows,
# of which the newest are forgotten: whoever signs in on ever new devices must not make the owner's
# strangers. They are counted at each tenth sign-in, so those that are in flight at that moment can
# be more until the next one.
MOST_SESSIONS = 100
_COUNTED_EVERY = 10


def by_password(name: str, password: str, caller: Caller, *, now: int) -> Credentials:
    """Sign in the user of an address or a user name, as typed.

    A user whom the hook for migration knows is created. Raises BadCredentials, LoginTypeDisabled,
    UserBlocked, UnauthorizedClient, Aborted, and Unavailable if a hook fails.
    """
    found, device, tried, is_new = find.by_password(name, password, caller, now=now, migrates=True)
    started = session.new(found, "pwd", caller, now=now)
    with tried.refunded_on(errors.Unavailable):
        started = hooked.started(started, found)
    session_writes = _start_writes(started, found.email, device, caller, now, tried)
    if is_new:
        from latchkey.users import migration

        with tried.refunded_on(errors.Aborted):
            migration.create(found, session_writes, now=now)
        return credentials.of(started, now=now)
    rehashed = passwords.rehash(password, found.password_hash or "")
    store.write(
        user.sign_in_write(found, now=now, counts=_counts(found), password_hash=rehashed),
        *session_writes,
    )
    _after(found, device, caller, now)
    return credentials.of(started, now=now)


def by_proof(proof: Proof, caller: Caller, *, now: int) -> Credentials:
    """Sign in the user of a proven address. Raises NotFound, ProofUnusable, UserBlocked,
    UnauthorizedClient, and Unavailable if the hook for claims fails.
    """
    found, device = find.by_address(proof.address, caller, likely=proof.owner, now=now)
    if found is None:
        raise errors.NotFound
    return _sign_in(found, device, proof, caller, now)


def by_proof_of_user(proof: Proof, caller: Caller, *, now: int) -> Credentials | None:
    """Sign in the user of a proven address, if it had one when the code was asked for and has one
    still. Raises ProofUnusable, UserBlocked and UnauthorizedClient.
    """
    if not proof.owner:
        return None
    found, device = find.by_address(proof.address, caller, likely=proof.owner, now=now)
    return None if found is None else _sign_in(found, device, proof, caller, now)


def by_proof_of_anybody(proof: Proof, caller: Caller, *, now: int) -> Credentials:
    """Sign in the user of a proven address; create the user if there is none. Raises
    ProofUnusable, UserBlocked and UnauthorizedClient.
    """
    found, device = find.by_address(proof.address, caller, likely=proof.owner, now=now)
    if found is None:
        return sign_up(user.new(proof.address, now=now), proof, caller, now=now)
    return _sign_in(found, device, proof, caller, now)


def sign_up(created: User, proof: Proof, caller: Caller, *, now: int) -> Credentials:
    """Create a user and start the first session. With strict account discovery, sign in the user
    who has got the address since the code was asked for.

    Raises ProofUnusable, UserBlocked, UnauthorizedClient, SignUpRefused, Unavailable if a hook
    fails, and Conflict with AddressTaken or UsernameTaken.
    """
    started = session.new(created, "otp", caller, now=now)
    try:
        created = hooked.signing_up(created, caller)
        started = hooked.started(started, created)
    except errors.AuthError:
        if again := _first_answer(proof, caller, now):
            return again
        raise
    try:
        again = _use_proof(started, proof, user.create_writes(created), None, caller, now)
    except writes.Conflict as conflict:
        taken = isinstance(conflict.refusal, errors.AddressTaken)
        if taken and settings.Discovery.load().strict:
            return by_proof(proof, caller, now=now)
        raise
    if again is None:
        audit.note(event="new_account", account=keyring.tag(created.email, now))
    return again or credentials.of(started, now=now)


def _sign_in(
    found: User, device: values.Item | None, proof: Proof, caller: Caller, now: int
) -> Credentials:
    started = session.new(found, "otp", caller, now=now)
    try:
        started = hooked.started(started, found)
    except errors.Unavailable:
        if again := _first_answer(proof, caller, now):
            return again
        raise
    sign_in = [user.sign_in_write(found, now=now, counts=_counts(found), proven=True)]
    again = _use_proof(started, proof, sign_in, device, caller, now)
    if again is None:
        _after(found, device, caller, now)
        if (
            found.created_at <= now - storm.DAY
            and found.last_sign_in_at // storm.DAY < now // storm.DAY
        ):
            storm.count_right(now=now)
    return again or credentials.of(started, now=now)


def _use_proof(
    started: Session,
    proof: Proof,
    own_writes: Sequence[writes.Write],
    device: values.Item | None,
    caller: Caller,
    now: int,
) -> Credentials | None:
    """Start a session and use the proof up, all or none. Return the tokens of the earlier session
    if this request did it before and its answer was lost. Raises Conflict.
    """
    consume = proof.consume_write(started.sub, started.sid, caller, now=now)
    try:
        store.write(
            consume, *own_writes, *_start_writes(started, proof.address, device, caller, now)
        )
    except writes.Conflict as conflict:
        if again := _same_answer(conflict.item(consume), caller, now):
            return again
        raise
    return None


def _first_answer(proof: Proof, caller: Caller, now: int) -> Credentials | None:
    """Return the tokens that this very request got before, though a hook now says otherwise."""
    [item] = store.get(keys.verification(proof.verification_id))
    return _same_answer(item, caller, now)


def _same_answer(item: values.Item | None, caller: Caller, now: int) -> Credentials | None:
    """Return the tokens of the session for which this very request has used a proof up before, if
    that session is alive.
    """
    before = proofs.consumed_by_this_request(item, caller, now=now)
    if before is None:
        return None
    [kept] = store.get(keys.session(before.sub, before.sid))
    alive = session.of(kept, now=now)
    if alive is None:
        return None
    at = before.consumed_at
    first = replace(
        alive,
        generation=0,
        refreshed_at=at,
        expires_at=settings.Sessions.load().expiry(at, now=at),
    )
    return credentials.of(first, now=now)


def _start_writes(
    started: Session,
    address: str,
    device: values.Item | None,
    caller: Caller,
    now: int,
    tried: budget.Try | None = None,
) -> list[writes.Write]:
    """Return the writes of a session, its device and its history entry. A session of the same
    client on the same device is replaced. A try at the password is given back.
    """
    sids = known_devices.sessions_of(device) if started.device_id else {}
    replaced = sids.pop(started.client_id, None)
    if started.device_id:
        sids[started.client_id] = started.sid
    return [
        writes.Put(started.key, when=writes.ABSENT, item=values.item_of(started)),
        *([writes.Delete(keys.session(started.sub, replaced))] if replaced else []),
        known_devices.remember_write(
            started.sub,
            address,
            caller,
            sids,
            since=known_devices.known_since(device, now=now),
            now=now,
        ),
        *budget.known_writes(address, caller, tried, now=now),
        history.add_write(
            "USER_LOGIN",
            started.sub,
            caller,
            client_id=started.client_id,
            now=now,
            sid=started.sid,
            amr=started.amr[0],
        ),
    ]


def _after(found: User, device: values.Item | None, caller: Caller, now: int) -> None:
    """Tell the user of a sign-in from a new device, and now and then end the oldest sessions and
    forget the newest devices.
    """
    if device is None:
        notices.notify("new_device", found.sub, caller, now=now)
    if _counts(found):
        _end_surplus(found, now)


def _end_surplus(found: User, now: int) -> None:
    items = list(store.query(keys.sessions_and_devices(found.sub)))
    newest = sorted(session.among(items, now=now), key=lambda one: -one.refreshed_at)
    oldest = sorted(
        filter(known_devices.is_device, items),
        key=lambda device: known_devices.known_since(device, now=now),
    )
    most = MOST_SESSIONS - _COUNTED_EVERY
    ended: list[writes.Write] = [writes.Delete(one.key) for one in newest[most:]]
    for device in oldest[most:]:
        ended += known_devices.forget_writes(device)
    store.write_each(*ended)


def _counts(found: User) -> bool:
    """Return whether the sign-in of a user counts the sessions. Sign-ins at the same moment have
    read the same number, and the next ones a much higher one, so it is no question of divisibility.
    """
    return found.sign_ins + 1 - found.counted_sign_ins >= _COUNTED_EVERY
