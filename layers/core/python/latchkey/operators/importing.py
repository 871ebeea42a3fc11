"""Take users of another system in. docs/import.md says what a row is, and what becomes of it.

Nothing that is there is ever overwritten, so an import can be repeated, and users who have signed
in meanwhile keep what they have.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from latchkey import clock, errors, ids
from latchkey.dynamodb import keys, store
from latchkey.dynamodb.writes import Conflict
from latchkey.operators.entry import Act
from latchkey.users import row, user
from latchkey.users.row import Checked, Refused

# Rows of a request. Each has a plain digest at worst, which takes 50 ms to hash.
MOST_ROWS = 100
# Transactions in flight; boto3 has ten connections.
AT_ONCE = 8
# BatchGetItem takes 100 keys, of which a row needs three.
_READ_AT_ONCE = 33

Result: TypeAlias = Literal["created", "would_be_created", "already_there", "refused", "try_again"]


class ImportUsers(Act):
    """Import users, or with `dry_run` only say what would become of them."""

    act: Literal["users.import"]
    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_ROWS)]
    dry_run: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a row."""

    result: Result
    email: str = ""
    """The canonical address."""
    sub: str = ""
    scheme: str = ""
    """Of the password: its name, empty without one, `dropped` if the address is unverified."""
    reason: str = ""
    """Of a refusal: `malformed`, `no_address`, `unknown_hash`, `costly_hash`, `address_taken`,
    `id_taken`, `username_taken`."""
    message: str = ""
    left_out: list[str] = field(default_factory=list)
    """Fields of the profile that have no form of ours."""


@dataclass(frozen=True)
class ImportReport:
    """What became of each row, in order."""

    rows: list[Outcome]


def import_users(asked: ImportUsers) -> ImportReport:
    """Import users. A row that fails stops no other one."""
    now = clock.now()
    checked = [_check(given) for given in asked.rows]
    good = [one for one in checked if isinstance(one, Checked)]
    if asked.dry_run:
        outcomes = _would(good)
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = pool.map(lambda one: _create(one, now), good)
    return ImportReport([one if isinstance(one, Outcome) else next(outcomes) for one in checked])


def _check(given: dict[str, Any]) -> Checked | Outcome:
    try:
        return row.check(given)
    except Refused as refused:
        return Outcome("refused", reason=refused.reason, message=str(refused))


def _create(one: Checked, now: int) -> Outcome:
    made = one.user(one.row.id or ids.new_id(), now=now)
    writes = user.create_writes(made)
    try:
        store.write(*writes)
    except errors.Unavailable:
        return _outcome(one, "try_again", "")
    except Conflict as conflict:
        guard = conflict.item(writes[0])
        return _taken(
            one,
            None if guard is None else str(guard["sub"]),
            id_taken=conflict.failed(writes[-1]),
        )
    return _outcome(one, "created", made.sub)


def _would(good: Sequence[Checked]) -> Iterator[Outcome]:
    for first in range(0, len(good), _READ_AT_ONCE):
        some = good[first : first + _READ_AT_ONCE]
        wanted = [
            (
                keys.email(one.email),
                keys.user(one.row.id or "-"),
                keys.username(one.kept.get("username", "-")),
            )
            for one in some
        ]
        found = iter(store.get(*(key for three in wanted for key in three)))
        for one in some:
            guard, there, name = next(found), next(found), next(found)
            if guard or there or name:
                owner = None if guard is None else str(guard["sub"])
                yield _taken(one, owner, id_taken=there is not None)
            else:
                yield _outcome(one, "would_be_created", one.row.id or "")


def _taken(one: Checked, owner: str | None, *, id_taken: bool) -> Outcome:
    """Return what it means that the address belongs to `owner`, or that the id is in use, or else
    the user name.
    """
    if owner is not None and one.row.id in (None, owner):
        return _outcome(one, "already_there", owner)
    if owner is not None:
        reason, message = "address_taken", "Another user has this address."
    elif id_taken:
        reason, message = "id_taken", "A user with another address has this id."
    else:
        reason, message = "username_taken", "Another user has this user name."
    return Outcome("refused", one.email, owner or "", reason=reason, message=message)


def _outcome(one: Checked, result: Result, sub: str) -> Outcome:
    return Outcome(result, one.email, sub, one.scheme, left_out=one.left_out)
