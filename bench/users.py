"""`python -m bench.users [COUNT]`: import and export made-up users, 100,000 unless you say another
number. It needs Java, for AWS's own engine.

The users are imported into empty tables, exported, and imported from the export into other empty
tables, by the code of the command and of the functions in one process. Lambda is left out, and the
command's limit on users a second is lifted. The command has its eight requests in flight, of which
each does one row at a time here: they share a processor. Memory is the highest of the process so
far.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1] / "layers/core/python"))
sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

import bcrypt
import boto3

from latchkey import aws, settings
from latchkey.dynamodb import keys, store
from latchkey.operators import exporting as export_function
from latchkey.operators import importing as import_function
from latchkey.users import passwords
from latchkey_cli import exporting, importing
from local.template import table_definition
from tests.engine import dynamodb_local

COUNT = 100_000
NO_LIMIT = 10**9
# So many passwords are shared by all: a hash for each user would take too long.
PASSWORDS = [f"engine {number}" for number in range(1843, 1853)]
SAMPLE = 200

import_function.AT_ONCE = 1


def main(count: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder, dynamodb_local.running() as endpoint:
        source, exported = Path(folder) / "users.jsonl", Path(folder) / "export.jsonl"
        _write(source, count)
        with _tables(endpoint, "first") as units:
            _import("import", source, count)
            print(f"write units     {units[0] / count * 1000:10,.0f} for 1,000 users")
            with _measured("export", count) as note:
                found = exporting.run(exported, _call, on_progress=note)
            _insist(found == count, f"{found} of {count} users were exported")
            print(f"file            {exported.stat().st_size / count:10,.0f} bytes a user")
        with _tables(endpoint, "second"):
            _import("import again", exported, count)
            for number in range(0, count, max(1, count // SAMPLE)):
                _insist(_signs_in(number), f"user {number} cannot sign in")


def _write(source: Path, count: int) -> None:
    hashes = [bcrypt.hashpw(word.encode(), bcrypt.gensalt(4)).decode() for word in PASSWORDS]
    with source.open("w") as file:
        for number in range(count):
            user = {
                "id": f"user-{number}",
                "email": f"person.{number}@example.com",
                "email_verified": True,
                "password_hash": hashes[number % len(hashes)],
                "created_at": 1_600_000_000 + number,
                "name": f"Person {number}",
                "locale": "en-GB",
            }
            file.write(json.dumps(user) + "\n")


def _import(title: str, source: Path, count: int) -> None:
    with _measured(title, count) as note:
        report = importing.run(
            source, "latchkey", _call, dry_run=False, on_progress=note, rows_a_second=NO_LIMIT
        )
    _insist(report.results["created"] == count, f"{report.results} {report.unfinished}")


def _call(act: str, request: dict[str, Any]) -> dict[str, Any]:
    """Do what the command asks of a function, through JSON as Lambda does."""
    text = json.dumps({"act": act, **request})
    answer: object
    if act == "users.import":
        answer = import_function.import_users(import_function.ImportUsers.model_validate_json(text))
    else:
        answer = export_function.export_users(export_function.ExportUsers.model_validate_json(text))
    return json.loads(json.dumps(asdict(answer)))  # type: ignore[no-any-return]


def _signs_in(number: int) -> bool:
    [found] = store.get(keys.user(f"user-{number}"))
    word = PASSWORDS[number % len(PASSWORDS)]
    stored = str(found["password_hash"]) if found else None
    return passwords.matches(word, stored) and not passwords.matches(f"{word}?", stored)


@contextlib.contextmanager
def _measured(title: str, count: int) -> Iterator[Any]:
    """Print users a second, and memory after a tenth and at the end."""
    tenth: list[float] = []

    def note(done: int) -> None:
        if not tenth and done >= count / 10:
            tenth.append(_megabytes())

    began = time.perf_counter()
    yield note
    rate = count / (time.perf_counter() - began)
    memory = f"{tenth[0]:.0f} MB after a tenth, {_megabytes():.0f} MB at the end"
    print(f"{title:16}{rate:10,.0f} users a second; {memory}", flush=True)


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextlib.contextmanager
def _tables(endpoint: str, name: str) -> Iterator[list[int]]:
    """Make empty tables, and count the write units of transactions on them as AWS bills them: two
    for each item and KB, and one for its entry in the index. The engine tells fewer. JSON is never
    shorter than what AWS counts of an item.
    """
    units, lock = [0], Lock()

    def note(params: dict[str, Any], **_: object) -> None:
        for write in params["TransactItems"]:
            item = write["Put"]["Item"]
            with lock:
                units[0] += 2 * -(-len(json.dumps(item)) // 1024) + ("directory" in item)

    variables = {
        **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "test"),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "ACCOUNTS_TABLE": f"{name}-accounts",
        "GRANTS_TABLE": f"{name}-grants",
    }
    with mock.patch.dict(os.environ, variables):
        aws.forget()
        settings.Settings.load.__func__.cache_clear()  # type: ignore[attr-defined]
        for resource_name in ("Accounts", "Grants"):
            boto3.client("dynamodb").create_table(
                TableName=f"{name}-{resource_name.lower()}", **table_definition(resource_name)
            )
        events = aws.dynamodb().meta.events
        events.register("provide-client-params.dynamodb.TransactWriteItems", note)
        yield units


def _insist(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(otherwise)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
