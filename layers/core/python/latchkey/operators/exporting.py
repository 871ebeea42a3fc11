"""Give all users out, with the hashes of their passwords, in the rows that an import takes."""

from dataclasses import dataclass
from typing import Any, Literal

from latchkey.dynamodb import directory, keys, store
from latchkey.operators import cursors
from latchkey.operators.entry import Act
from latchkey.users import row, user

# A row has 8 KB at most, and Lambda answers with 6 MB at most. BatchGetItem takes 100 keys.
_READS = 4
_AT_ONCE = 100
_EVERYBODY = directory.Range("created")


class ExportUsers(Act):
    """Ask for the users after a cursor, in the order in which they were created."""

    act: Literal["users.export"]
    cursor: cursors.Cursor = ""


@dataclass(frozen=True)
class ExportPage:
    """Users, and the cursor of the next page: empty after the last one."""

    rows: list[dict[str, Any]]
    cursor: str


def export_users(asked: ExportUsers) -> ExportPage:
    """Return a page of users. Raises InvalidArgument for a cursor that is none."""
    after = cursors.read(asked.cursor, _EVERYBODY)
    rows: list[dict[str, Any]] = []
    for _ in range(_READS):
        entries, after = directory.read(_EVERYBODY, after=after, most=_AT_ONCE)
        found = (
            store.get(*(keys.Key("accounts", entry["pk"]) for entry in entries)) if entries else []
        )
        rows += [row.of(user.of(item)) for item in found if item is not None]
        if after is None:
            break
    return ExportPage(rows, cursors.made(after))
