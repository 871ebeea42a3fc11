"""List users in the index Directory who were made before there was one."""

import contextlib
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from latchkey.dynamodb import directory, keys, store, values, writes
from latchkey.operators.entry import Act
from latchkey.users import user

# So many items are read in a call: at 10 ms for each that is written, well under a minute.
PAGE = 1000


class Reindex(Act):
    """List the users of a page of the table. `cursor` is that of the answer before."""

    act: Literal["users.reindex"]
    cursor: Annotated[str, Field(max_length=2048)] = ""


@dataclass(frozen=True)
class Reindexed:
    """How many items were listed, and where to go on; empty at the end."""

    items: int
    cursor: str


def reindex(asked: Reindex) -> Reindexed:
    """List what a page of the table lacks. What is listed already stays as it is."""
    after = {"pk": asked.cursor} if asked.cursor else None
    found, end = directory.unlisted(after=after, most=PAGE)
    for item in found:
        with contextlib.suppress(writes.Conflict):  # it was deleted meanwhile
            store.write(
                writes.Update(
                    keys.Key("accounts", item["pk"]), when=writes.PRESENT, sets=_listed(item)
                )
            )
    return Reindexed(len(found), end["pk"] if end else "")


def _listed(item: values.Item) -> dict[str, str]:
    """Return the attributes by which an item is listed."""
    kind, _, name = item["pk"].partition("#")
    if kind == "USER":
        return user.created_entry(name, item["created_at"])
    return keys.listed("address" if kind == "EMAIL" else "username", name)
