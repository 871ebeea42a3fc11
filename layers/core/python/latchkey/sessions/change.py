"""Change what a user signs in with, or delete the user: all or none, and no session outlives it."""

from collections.abc import Iterable, Mapping
from typing import Any

from latchkey import errors
from latchkey.caller import Caller
from latchkey.dynamodb import keys, store, writes
from latchkey.mail import notices
from latchkey.mail.queue import NoticeKind
from latchkey.sessions import session
from latchkey.sessions.session import Session
from latchkey.users import history, user
from latchkey.users.user import User

# A transaction takes 100 writes. Besides ending sessions, a change needs fewer than ten.
_MOST_AT_ONCE = 90
# Sign-ins at the same moment make a change try again.
_ATTEMPTS = 10


def change_credentials(
    changed: User,
    changes: Mapping[str, Any],
    *others: writes.Write,
    caller: Caller,
    now: int,
    keep: Session | None = None,
    password_action: str = "PASSWORD_CHANGED",  # noqa: S107 - a word of the history
) -> None:
    """Change attributes of a user, `password_hash` or `email` among them, do the other writes, and
    end all sessions except `keep`: all or none. Then tell the user by mail.

    A session that is started at the same moment is either ended here or fails, because its
    credentials have changed. Raises Conflict with the refusal of a write, with Unauthenticated if
    the session to keep has ended, or with Aborted.
    """
    kinds = _notices(changes)
    client_id, sid = (keep.client_id, keep.sid) if keep else (caller.client_id, "")
    required = [
        *others,
        *user.guard_writes(changed, changes),
        *(
            history.add_write(
                password_action if kind == "password_changed" else kind.upper(),
                changed.sub,
                caller,
                client_id=client_id,
                now=now,
                sid=sid,
            )
            for kind in kinds
        ),
    ]
    if keep:
        required.append(
            writes.ConditionCheck(keep.key, when=writes.PRESENT, refusal=errors.Unauthenticated)
        )
    seen = changed
    for _ in range(_ATTEMPTS):
        alive = session.all_of(changed.sub, now=now)
        ends = [writes.Delete(one.key) for one in alive if keep is None or one.sid != keep.sid]
        # The few that a transaction has no room for end a moment too early rather than too late.
        store.write_each(*ends[_MOST_AT_ONCE:])
        change = user.change_write(seen, changes, caller, now=now)
        try:
            store.write(change, *required, *ends[:_MOST_AT_ONCE])
        except writes.Conflict as conflict:
            seen = _signed_in_since(seen, conflict, change, required)
        else:
            break
    else:
        raise errors.Aborted
    for kind in kinds:
        # A change of address is told to the old address, which the account no longer has.
        old_address = changed.email if "email" in changes else ""
        notices.notify(
            kind, changed.sub, caller, now=now, address=old_address, locale=changed.locale
        )


def delete_account(deleted: User, asking: Session, caller: Caller, *, now: int) -> None:
    """Delete a user and everything that belongs to the user, and tell the user by mail. The asking
    session goes last, so that a repeated request finishes what was interrupted.

    Raises Conflict with Unauthenticated or Aborted.
    """
    seen = deleted
    end_asking = writes.Delete(asking.key, when=writes.PRESENT, refusal=errors.Unauthenticated)
    for _ in range(_ATTEMPTS):
        found = {keys.key_of(item) for item in store.query(keys.everything_of(deleted.sub))}
        store.write_each(*map(writes.Delete, found - {asking.key}))
        own, *guards = user.delete_writes(seen)
        try:
            store.write(own, *guards, end_asking)
        except writes.Conflict as conflict:
            seen = _signed_in_since(seen, conflict, own, [end_asking])
        else:
            break
    else:
        raise errors.Aborted
    notices.notify(
        "account_deleted",
        deleted.sub,
        caller,
        now=now,
        address=deleted.email,
        locale=deleted.locale,
    )


def _notices(changes: Mapping[str, Any]) -> list[NoticeKind]:
    """Return what the user is told: each changed credential has a notice and a history entry."""
    kinds: list[NoticeKind] = ["password_changed"] if "password_hash" in changes else []
    return [*kinds, "address_changed"] if "email" in changes else kinds


def _signed_in_since(
    seen: User, conflict: writes.Conflict, own: writes.Write, others: Iterable[writes.Write]
) -> User:
    """Return the user as they are now, if the only obstacle is that a session was started since
    they were read. Otherwise raise the conflict.
    """
    item = conflict.item(own)
    if item is None or any(conflict.failed(write) for write in others):
        raise conflict
    now_seen = user.of(item)
    if now_seen.version != seen.version or now_seen.sign_ins == seen.sign_ins:
        raise conflict
    return now_seen
