"""What operators may do to users.

Whatever changes how somebody gets in raises the version of the credentials, as the user's own
changes do (sessions/change.py): no session outlives it, and none is started from the old ones.

An address that nobody has proven has no password: whoever registered with somebody else's address
would otherwise share the account with its owner. So a password that an operator gives, and one that
a user has, stand beside an address only if it is proven, or if the operator says that it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from latchkey import addresses, errors
from latchkey.dynamodb import keys, store, writes
from latchkey.keys import keyring
from latchkey.limits import budget
from latchkey.mail import delivery, notices
from latchkey.operators import changes
from latchkey.operators.caller import CLIENT, OPERATOR
from latchkey.operators.showing import find
from latchkey.sessions import change
from latchkey.users import history, user
from latchkey.users.user import User


@dataclass(frozen=True)
class Done:
    """Whom it was done to, empty if it is no user, and what came of it, as a sentence."""

    sub: str
    message: str


def create(asked: changes.CreateUser, *, now: int) -> Done:
    """Create a user. Raises InvalidArgument, WeakPassword, and Conflict with AddressTaken or
    UsernameTaken.
    """
    if asked.password is not None and not asked.verified:
        raise errors.InvalidArgument("A password needs an address that is verified.")
    made = user.new(
        addresses.canonical(asked.email),
        now=now,
        username=asked.username,
        password=asked.password.get_secret_value() if asked.password else None,
        name=asked.name,
    )
    made = replace(made, email_verified=asked.verified, groups=sorted(set(asked.groups)))
    store.write(*user.create_writes(made), _entry("CREATED_BY_OPERATOR", made.sub, now))
    return Done(made.sub, "Created.")


def on_user(asked: changes.OnUser, *, now: int) -> Done:
    """Do what is asked. Raises NotFound, and Conflict with Aborted."""
    found = find(asked.user)
    return Done(found.sub, _DOES[asked.act](found, now))


def set_email(asked: changes.SetEmail, *, now: int) -> Done:
    """Change the address, end all sessions, and tell the old address. Raises InvalidArgument,
    NotFound, and Conflict with AddressTaken or Aborted.
    """
    found = find(asked.user)
    address = addresses.canonical(asked.email)
    if address == found.email and asked.verified == found.email_verified:
        return Done(found.sub, "It is the user's address already.")
    wanted: dict[str, Any] = {"email": address, "email_verified": asked.verified}
    if not asked.verified:
        wanted["password_hash"] = None
    _change(found, wanted, "ADDRESS_CHANGED", now)
    if address != found.email:
        notices.notify("address_changed", found.sub, OPERATOR, now=now, former=found)
    if asked.verified:
        return Done(found.sub, "Changed. The password stays.")
    return Done(
        found.sub, "Changed. The password is gone until a mailed code has proven the address."
    )


def set_groups(asked: changes.SetGroups, *, now: int) -> Done:
    """Put a user into groups. They stand in the tokens of each session from its next refresh on.
    Raises NotFound, and Conflict with Aborted.
    """
    found = find(asked.user)
    store.write(
        user.update_write(found, {"groups": sorted(set(asked.groups)), "updated_at": now}),
        _entry("GROUPS_CHANGED", found.sub, now),
    )
    return Done(found.sub, "Changed. Sessions have it from their next refresh on.")


def end_session(asked: changes.EndSession, *, now: int) -> Done:
    """End a session. Raises NotFound."""
    found = find(asked.user)
    [session] = store.get(keys.session(found.sub, asked.sid))
    if session is None:
        raise errors.NotFound("The user has no such session.")
    store.write(
        writes.Delete(keys.session(found.sub, asked.sid)),
        _entry("SESSIONS_REVOKED", found.sub, now, sid=asked.sid),
    )
    return Done(found.sub, "Ended.")


def lift_suppression(asked: changes.LiftSuppression, *, now: int) -> Done:
    """Lift a suppression. Raises InvalidArgument and NotFound."""
    found = delivery.lift(addresses.canonical(asked.email), now=now)
    if found is None:
        raise errors.NotFound("This address gets mail: it is not suppressed.")
    return Done("", f"Lifted. The address had {found.reason}.")


def _disable(found: User, now: int) -> str:
    if found.status == "disabled":
        return "The user is disabled already."
    _change(found, {"status": "disabled"}, "DISABLED", now)
    return "Disabled. All sessions have ended, and no mail is sent."


def _enable(found: User, now: int) -> str:
    if found.status == "active":
        return "The user is active already."
    _change(found, {"status": "active"}, "ENABLED", now)
    return "Enabled."


def _delete(found: User, now: int) -> str:
    change.delete_user(found, OPERATOR, now=now)
    return "Deleted, with everything that belonged to the user."


def _sign_out(found: User, now: int) -> str:
    _change(found, {}, "SESSIONS_REVOKED", now)
    return "All sessions have ended."


def _require_reset(found: User, now: int) -> str:
    _change(found, {"password_hash": None}, "PASSWORD_REMOVED", now, forget_devices=True)
    return "The password is gone, and all sessions and devices. A mailed code lets the user in."


def _unlock(found: User, now: int) -> str:
    """Clear the failures of all lanes. The limits of mails stay: they end within a day."""
    names = [found.email, *([found.username.lower()] if found.username else [])]
    for name in names:
        for tag in keyring.tags(name):
            for item in store.query(keys.budgets(tag)):
                store.write(budget.clear_write(item))
    store.write(_entry("UNLOCKED", found.sub, now))
    return "The failures are forgotten. Limits of mails end by themselves within a day."


_DOES: dict[str, Callable[[User, int], str]] = {
    "users.disable": _disable,
    "users.enable": _enable,
    "users.delete": _delete,
    "users.sign-out": _sign_out,
    "users.unlock": _unlock,
    "users.require-reset": _require_reset,
}


def _change(
    found: User,
    wanted: Mapping[str, Any],
    action: str,
    now: int,
    *,
    forget_devices: bool = False,
) -> None:
    """Change a user, and end all sessions. Raises Conflict."""
    store.write(
        user.change_write(found, wanted, OPERATOR, now=now),
        *user.guard_writes(found, wanted),
        _entry(action, found.sub, now),
    )
    change.end_older(found.sub, found.version + 1, OPERATOR, forget_devices=forget_devices)


def _entry(action: str, sub: str, now: int, sid: str = "") -> writes.Put:
    return history.add_write(action, sub, OPERATOR, client_id=CLIENT, now=now, sid=sid)
