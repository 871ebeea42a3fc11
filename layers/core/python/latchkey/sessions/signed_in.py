"""Who is signed in: the user and the session of a request's access token."""

from collections.abc import Sequence

from latchkey import errors
from latchkey.caller import Caller
from latchkey.dynamodb import keys, store, values
from latchkey.keys import tokens
from latchkey.sessions import session
from latchkey.sessions.session import Session
from latchkey.users import user
from latchkey.users.user import User


def claimed(caller: Caller, *, now: int) -> tokens.Access:
    """Return the user and session that the access token names. Whether the session is alive is not
    checked. Raises Unauthenticated.
    """
    try:
        return tokens.read_access(caller.bearer, now=now)
    except tokens.Refused as refused:
        raise errors.Unauthenticated from refused


def read(caller: Caller, *, now: int) -> tuple[User, Session]:
    """Return the signed-in user and the session. Raises Unauthenticated."""
    found, alive, _ = _read(claimed(caller, now=now), now=now)
    return found, alive


def read_with_note(
    caller: Caller, address: str, *, now: int
) -> tuple[User, Session, values.Item | None]:
    """Return the signed-in user, the session, and the note that the user has proven this address,
    if there is one (codes/redeem.py). Raises Unauthenticated.
    """
    access = claimed(caller, now=now)
    found, alive, [note] = _read(access, keys.proven(access.sub, address), now=now)
    return found, alive, note


def read_with_users(caller: Caller, subs: Sequence[str], *, now: int) -> tuple[User, list[User]]:
    """Return the signed-in user, and those users of the given ids who exist. Raises
    Unauthenticated.
    """
    found, _, items = _read(claimed(caller, now=now), *map(keys.user, subs), now=now)
    return found, [user.of(item) for item in items if item]


def _read(
    access: tokens.Access, *others: keys.Key, now: int
) -> tuple[User, Session, list[values.Item | None]]:
    """Read the user, the session and other items in one call."""
    person, item, *items = store.get(
        keys.user(access.sub), keys.session(access.sub, access.sid), *others
    )
    alive = session.of(item, now=now)
    if person is None or alive is None:
        raise errors.Unauthenticated
    found = user.of(person)
    if not alive.belongs_to(found):
        raise errors.Unauthenticated
    return found, alive, items
