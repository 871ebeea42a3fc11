"""Read the users of a file as rows of docs/import.md, whatever system it is of."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latchkey_cli.formats import records, sources
from latchkey_cli.formats.records import Record
from latchkey_cli.formats.values import Row

FORMATS = (
    "latchkey",
    "auth0",
    "clerk",
    "cloudbase",
    "cognito",
    "firebase",
    "keycloak",
    "supabase",
)


@dataclass(frozen=True)
class Options:
    """What two of the formats need beside the file."""

    hashes: Path | None = None
    """Auth0's export of password hashes."""
    signer_key: str = ""
    """Firebase's hash parameters, as its console shows them."""
    salt_separator: str = "Bw=="
    rounds: int = 8
    memory_cost: int = 14


def read(path: Path, form: str, options: Options = Options()) -> Iterator[Record]:
    """Yield a row for each user. Raises records.Unreadable, OSError, and ValueError for a format
    that is none.
    """
    match form:
        case "latchkey":
            yield from records.lines(path)
        case "auth0":
            yield from _auth0(path, options)
        case "clerk":
            yield from _each(_rows(path), sources.clerk)
        case "cloudbase":
            yield from _each(_cloudbase(path), sources.cloudbase)
        case "cognito":
            yield from _each(records.array(path, of="Users.item"), sources.cognito)
        case "firebase":
            users = records.array(path, of="users.item")
            yield from _each(users, lambda user: sources.firebase(user, _firebase(options)))
        case "keycloak":
            yield from _each(records.array(path, of="users.item"), sources.keycloak)
        case "supabase":
            yield from _each(_rows(path), sources.supabase)
        case _:
            raise ValueError(f"There is no format {form}: choose one of {', '.join(FORMATS)}.")


def _firebase(options: Options) -> str:
    """Return how the hashes begin, or nothing if the signer key was not given."""
    return options.signer_key and sources.firebase_parameters(
        options.signer_key, options.salt_separator, options.rounds, options.memory_cost
    )


def _rows(path: Path) -> Iterator[Record]:
    """Read a JSON array, JSON lines or CSV, by how a file begins."""
    begin = records.beginning(path)
    if begin.startswith(b"["):
        return records.array(path, of="item")
    return records.lines(path) if begin.startswith(b"{") else records.table(path)


def _cloudbase(path: Path) -> Iterator[Record]:
    """Read an answer with a list of users, or the users alone, as _rows."""
    found = re.search(rb'"(Data|UserList|Users)"\s*:', records.beginning(path))
    if found is None:
        return _rows(path)
    inner = "Data.UserList" if found[1] == b"Data" else found[1].decode()
    return records.array(path, of=f"{inner}.item")


def _each(found: Iterator[Record], make: Callable[[dict[str, Any]], Row]) -> Iterator[Record]:
    for record in found:
        if record.value is None:
            yield record
            continue
        try:
            yield Record(record.number, make(record.value))
        except sources.Lacking as lacking:
            yield Record(record.number, problem=str(lacking))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            yield Record(record.number, problem="The user has not the form of this export.")


def _auth0(path: Path, options: Options) -> Iterator[Record]:
    """Read two files: the hashes wait in a temporary database, which takes no memory."""
    with closing(sqlite3.connect("")) as hashes:
        yield from _joined(path, options, hashes)


def _joined(path: Path, options: Options, hashes: sqlite3.Connection) -> Iterator[Record]:
    hashes.execute("CREATE TABLE hashes (id TEXT PRIMARY KEY, hash TEXT)")
    for record in records.lines(options.hashes) if options.hashes else ():
        if record.value is None:
            yield Record(record.number, problem=f"In the file of hashes: {record.problem}")
            continue
        identifier = record.value.get("_id", {})
        oid = identifier.get("$oid") if isinstance(identifier, dict) else identifier
        row = (f"auth0|{oid}", str(record.value.get("passwordHash") or ""))
        hashes.execute("INSERT OR REPLACE INTO hashes VALUES (?, ?)", row)

    def make(user: dict[str, Any]) -> Row:
        whose = (str(user.get("user_id") or user.get("Id") or ""),)
        found = hashes.execute("SELECT hash FROM hashes WHERE id = ?", whose).fetchone()
        return sources.auth0(user, found[0] if found else None)

    yield from _each(_rows(path), make)
