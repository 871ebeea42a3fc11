"""End sessions. Their tokens are refused from then on, except by those who verify an access token
offline.
"""

from collections.abc import Sequence

from latchkey import devices, errors
from latchkey.caller import Caller
from latchkey.dynamodb import keys, store, writes
from latchkey.keys import tokens
from latchkey.sessions import known_devices, session, signed_in
from latchkey.sessions.session import Session
from latchkey.users import history


def sign_out(caller: Caller, *, now: int) -> None:
    """End the session of the access token. Raises Unauthenticated."""
    _end(signed_in.claimed(caller, now=now))


def revoke(token: str) -> None:
    """End the session of an access or refresh token. A text that is neither is ignored (RFC 7009,
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
    _end(access)


def revoke_all(caller: Caller, *, device_id: str | None = None, now: int) -> None:
    """End all sessions of the signed-in user and forget all devices, or those of one device, given
    by its name or its id. Raises Unauthenticated.

    The user is not read, so that this stays two calls. A session of older credentials that a change
    has left behind is told by a newer session. If there is none, it ends only what is dead already,
    and forgets devices, as the change itself may do.
    """
    access = signed_in.claimed(caller, now=now)
    items = list(store.query(keys.sessions_and_devices(access.sub)))
    alive = session.among(items, now=now)
    asking = next((one for one in alive if one.sid == access.sid), None)
    if asking is None or _is_older(asking, alive):
        raise errors.Unauthenticated
    meant = None if device_id is None else {device_id, devices.name_of(device_id)}
    ended: list[writes.Write] = [
        writes.Delete(one.key) for one in alive if meant is None or one.device_id in meant
    ]
    for item in filter(known_devices.is_device, items):
        if meant is None or item.get("name") in meant:
            ended += known_devices.forget_writes(item)
    if not ended:
        return
    store.write_each(
        *ended,
        history.add_write(
            "SESSIONS_REVOKED" if device_id is None else "DEVICE_REVOKED",
            asking.sub,
            caller,
            client_id=asking.client_id,
            now=now,
            sid=asking.sid,
        ),
    )


def _is_older(asking: Session, alive: Sequence[Session]) -> bool:
    """Return whether the credentials have changed since the session was started, as far as the
    user's other sessions tell.
    """
    return asking.version is not None and any((one.version or 0) > asking.version for one in alive)


def _end(access: tokens.Access) -> None:
    store.write(writes.Delete(keys.session(access.sub, access.sid)))
