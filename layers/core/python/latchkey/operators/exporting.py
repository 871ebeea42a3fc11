"""Give all users out, with the hashes of their passwords, in the rows that an import takes."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from latchkey import errors
from latchkey.dynamodb import directory, keys, store
from latchkey.operators.entry import Act
from latchkey.users import row, user

# A row has 8 KB at most, and Lambda answers with 6 MB at most. BatchGetItem takes 100 keys.
_READS = 4
_AT_ONCE = 100


class ExportUsers(Act):
    """Ask for the users after a cursor, in the order in which they were created."""

    act: Literal["users.export"]
    cursor: Annotated[str, Field(max_length=256)] | None = None


@dataclass(frozen=True)
class ExportPage:
    """Users, and the cursor of those after them; None after the last."""

    rows: list[dict[str, Any]]
    cursor: str | None


def export_users(asked: ExportUsers) -> ExportPage:
    """Return a page of users. Raises InvalidArgument for a cursor that is none."""
    after = _after(asked.cursor)
    rows: list[dict[str, Any]] = []
    for _ in range(_READS):
        entries, after = directory.read(directory.Range("created"), after=after, most=_AT_ONCE)
        found = (
            store.get(*(keys.Key("accounts", entry["pk"]) for entry in entries)) if entries else []
        )
        rows += [row.of(user.of(item)) for item in found if item is not None]
        if after is None:
            break
    return ExportPage(rows, after["entry"] if after else None)


def _after(cursor: str | None) -> dict[str, Any] | None:
    if cursor is None:
        return None
    created_at, _, sub = cursor.partition("#")
    if not (created_at.isdecimal() and len(created_at) == 12 and sub):
        raise errors.InvalidArgument("The cursor is of no page.", field="cursor")
    return {"pk": keys.user(sub).pk, "directory": "created", "entry": cursor}
