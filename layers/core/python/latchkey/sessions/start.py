"""Start sessions: with a password, with a proven address, and for a new user."""

from collections.abc import Sequence
from dataclasses import replace

from latchkey import errors
from latchkey.caller import Caller
from latchkey.codes import proof as proofs
from latchkey.codes.proof import Proof
from latchkey.dynamodb import keys, store, values, writes
from latchkey.mail import notices
from latchkey.sessions import credentials, session
from latchkey.sessions.credentials import Credentials
from latchkey.sessions.session import Session
from latchkey.users import find, history, passwords, user
from latchkey.users.user import User

# How long a device is remembered after its last sign-in: the longest that browsers keep a cookie
# (RFC 6265bis, section 5.6).
DEVICE_SECONDS = 400 * 86400


def by_password(name: str, password: str, caller: Caller, *, now: int) -> Credentials:
    """Sign in the user of an address or a user name, as typed.

    Raises BadCredentials, LoginTypeDisabled and UnauthorizedClient.
    """
    found, knows_device = find.by_password(name, password, caller, now=now)
    rehashed = passwords.rehash(password, found.password_hash or "")
    started = session.new(found.sub, "pwd", caller, now=now)
    store.write(
        user.sign_in_write(found, now=now, password_hash=rehashed),
        *_start_writes(started, caller, now),
    )
    if not knows_device:
        notices.notify("new_device", found.sub, caller, now=now)
    return credentials.of(started, now=now)


def by_proof(proof: Proof, caller: Caller, *, now: int) -> Credentials:
    """Sign in the user of a proven address. Raises NotFound, ProofUnusable and
    UnauthorizedClient.
    """
    found, knows_device = find.by_address(proof.address, caller, likely=proof.owner, now=now)
    if found is None:
        raise errors.NotFound
    return _by_proof(found, proof, caller, now=now, knows_device=knows_device)


def by_proof_of_anybody(proof: Proof, caller: Caller, *, now: int) -> Credentials:
    """Sign in the user of a proven address; create the user if there is none. Raises
    ProofUnusable and UnauthorizedClient.
    """
    found, knows_device = find.by_address(proof.address, caller, likely=proof.owner, now=now)
    if found is None:
        return sign_up(user.new(proof.address, now=now), proof, caller, now=now)
    return _by_proof(found, proof, caller, now=now, knows_device=knows_device)


def sign_up(created: User, proof: Proof, caller: Caller, *, now: int) -> Credentials:
    """Create a user and start the first session. Raises ProofUnusable, UnauthorizedClient, and
    Conflict with AddressTaken or UsernameTaken.
    """
    return _use_proof(created, proof, user.create_writes(created), caller, now=now)


def _by_proof(
    found: User, proof: Proof, caller: Caller, *, now: int, knows_device: bool
) -> Credentials:
    sign_in = user.sign_in_write(found, now=now)
    return _use_proof(found, proof, [sign_in], caller, now=now, tell=not knows_device)


def _use_proof(
    owner: User,
    proof: Proof,
    own_writes: Sequence[writes.Write],
    caller: Caller,
    *,
    now: int,
    tell: bool = False,
) -> Credentials:
    """Start a session and use the proof up, all or none. A repeated request gets its session
    again. Tell the user of a new device if `tell` says so.
    """
    started = session.new(owner.sub, "otp", caller, now=now)
    consume = proof.consume_write(started.sub, started.sid, caller, now=now)
    try:
        store.write(consume, *own_writes, *_start_writes(started, caller, now))
    except writes.Conflict as conflict:
        before = proofs.consumed_by_this_request(conflict.item(consume), caller, now=now)
        if before is None:
            raise
        again = session.new(before.sub, "otp", caller, now=before.consumed_at)
        return credentials.of(replace(again, sid=before.sid), now=now)
    if tell:
        notices.notify("new_device", owner.sub, caller, now=now)
    return credentials.of(started, now=now)


def _start_writes(started: Session, caller: Caller, now: int) -> list[writes.Write]:
    """Return the writes of a session, its device and its history entry."""
    device = {"signed_in_at": now, "expires_at": now + DEVICE_SECONDS}
    return [
        writes.Put(started.key, when=writes.ABSENT, item=values.item_of(started)),
        writes.Put(keys.device(started.sub, started.device_id), item=device),
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
