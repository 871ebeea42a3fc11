"""Change what a user signs in with, or delete the user. No session outlives it.

A change is one transaction that raises the user's `version`. From then on every older session is
refused, wherever it is used, and no session can be started from the old credentials. Only then are
the older sessions deleted, so nothing that others do meanwhile can hold the change up; a repeated
request finishes what was interrupted.
"""

from collections.abc import Mapping
from typing import Any

from latchkey import errors
from latchkey.caller import Caller
from latchkey.dynamodb import keys, store, writes
from latchkey.limits import budget
from latchkey.mail import notices
from latchkey.mail.queue import NoticeKind
from latchkey.sessions import known_devices, session, signed_in
from latchkey.sessions.session import Session
from latchkey.users import history, user
from latchkey.users.user import User


def change_credentials(
    changed: User,
    changes: Mapping[str, Any],
    *others: writes.Write,
    caller: Caller,
    now: int,
    keep: Session | None = None,
    password_action: str = "PASSWORD_CHANGED",  # noqa: S107 - a word of the history
    forget_devices: bool = False,
) -> None:
    """Change attributes of a user, `password_hash` or `email` among them, together with the other
    writes. End all sessions except `keep`, and tell the user by mail.

    With `forget_devices`, no device is known any more except the caller's.

    Raises Conflict with the refusal of a write, with Unauthenticated if the session to keep has
    ended, or with Aborted if the credentials were changed at the same moment.
    """
    kinds = _notices(changes)
    client_id, sid = (keep.client_id, keep.sid) if keep else (caller.client_id, "")
    version = changed.version + 1
    entries = [
        history.add_write(
            password_action if kind == "password_changed" else kind.upper(),
            changed.sub,
            caller,
            client_id=client_id,
            now=now,
            sid=sid,
        )
        for kind in kinds
    ]
    kept: list[writes.Write] = [_keep_write(keep, version)] if keep else []
    if forget_devices and caller.device_id:
        kept += budget.known_writes(changed.email, caller, None, now=now)
        kept.append(
            known_devices.remember_write(changed.sub, changed.email, caller, {}, since=now, now=now)
        )
    store.write(
        user.change_write(changed, changes, caller, now=now),
        *others,
        *user.guard_writes(changed, changes),
        *kept,
        *entries,
    )
    # The user is told first: a repeated request ends what was left, but tells nobody.
    for kind in kinds:
        # A change of address is told to the old address, which the account no longer has.
        former = changed if "email" in changes else None
        notices.notify(kind, changed.sub, caller, now=now, former=former)
    end_older(changed.sub, version, caller, forget_devices=forget_devices)


def finished_before(
    changed: User, caller: Caller, *, now: int, forget_devices: bool = False
) -> bool:
    """Return whether this request repeats the one that changed the credentials last. If it does,
    finish what was interrupted.
    """
    if not changed.changed_by_this_request(caller, now=now):
        return False
    end_older(changed.sub, changed.version, caller, forget_devices=forget_devices)
    return True


def delete_account(deleted: User, asking: Session, caller: Caller, *, now: int) -> None:
    """Delete a user, then everything that belongs to the user, and tell the user by mail. The
    asking session goes last, so that a repeated request can finish what was interrupted.

    Raises Conflict: with Unauthenticated if the asking session has ended, with Aborted if the
    credentials or the user name were changed meanwhile.
    """
    store.write(
        *user.delete_writes(deleted),
        writes.ConditionCheck(asking.key, when=writes.PRESENT, refusal=errors.Unauthenticated),
    )
    notices.notify("account_deleted", deleted.sub, caller, now=now, former=deleted)
    _delete_items(asking.sub, last=asking.key)


def delete_user(deleted: User, caller: Caller, *, now: int) -> None:
    """Delete a user for an operator, then everything that belongs to the user. Tell the user by
    mail. Raises Conflict with Aborted.
    """
    store.write(*user.delete_writes(deleted))
    notices.notify("account_deleted", deleted.sub, caller, now=now, former=deleted)
    _delete_items(deleted.sub)


def read_to_delete(caller: Caller, *, now: int) -> tuple[User, Session] | None:
    """Return the signed-in user and the session; None if the user was deleted before by a request
    that was interrupted, which is then finished. Raises Unauthenticated.
    """
    try:
        return signed_in.read(caller, now=now)
    except errors.Unauthenticated:
        access = signed_in.claimed(caller, now=now)
        person, item = store.get(keys.user(access.sub), keys.session(access.sub, access.sid))
        asking = session.of(item, now=now)
        if person is not None or asking is None:
            raise
    _delete_items(asking.sub, last=asking.key)
    return None


def _delete_items(sub: str, *, last: keys.Key | None = None) -> None:
    found = {keys.key_of(item) for item in store.query(keys.everything_of(sub))}
    store.write_each(*map(writes.Delete, found - {last}))
    if last:
        store.write(writes.Delete(last))


def _notices(changes: Mapping[str, Any]) -> list[NoticeKind]:
    """Return what the user is told: each changed credential has a notice and a history entry."""
    kinds: list[NoticeKind] = ["password_changed"] if "password_hash" in changes else []
    return [*kinds, "address_changed"] if "email" in changes else kinds


def _keep_write(keep: Session, version: int) -> writes.Update:
    """Return the write that gives the new version to the session that goes on."""
    return writes.Update(
        keep.key, when=writes.PRESENT, refusal=errors.Unauthenticated, sets={"version": version}
    )


def end_older(sub: str, version: int, caller: Caller, *, forget_devices: bool) -> None:
    """Delete the sessions of older versions of the credentials, and all devices but the caller's if
    that is wanted.
    """
    prefix = keys.sessions_and_devices(sub) if forget_devices else keys.sessions(sub)
    kept = keys.device(sub, caller.device_id)
    ended: list[writes.Write] = []
    for item in store.query(prefix):
        if known_devices.is_device(item):
            ended += known_devices.forget_writes(item) if keys.key_of(item) != kept else []
        elif item.get("version") != version:
            ended.append(writes.Delete(keys.key_of(item)))
    store.write_each(*ended)
