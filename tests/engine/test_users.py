"""Users in and out, by the command's own code with many requests in flight, on AWS's own engine."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

import bcrypt
import pytest

from latchkey import aws
from latchkey.dynamodb import keys, store
from latchkey.operators import exporting as export_function
from latchkey.operators import importing as import_function
from latchkey_cli import exporting, importing
from latchkey_cli.importing import Report
from tests.engine.conflicts import Conflicts
from tests.engine.conftest import new_device
from tests.unit.cloud import empty_tables

WORD = "engine 1843"
HASH = bcrypt.hashpw(WORD.encode(), bcrypt.gensalt(4)).decode()
# An export has three pages of 100, the last of which is not full.
COUNT = 210


@pytest.fixture(autouse=True)
def close(
    conflicts: Conflicts, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let transactions meet as on AWS, limit no test, and wait for nobody. All functions share this
    process, so there are as many threads as it can serve.
    """
    configure(sign_ins_per_source_per_hour=10_000, captcha="off")
    monkeypatch.setattr(importing, "PAUSES", ())
    monkeypatch.setattr(importing, "BATCH", 10)
    monkeypatch.setattr(importing, "IN_FLIGHT", 4)
    monkeypatch.setattr(import_function, "AT_ONCE", 2)
    monkeypatch.setattr(export_function, "_READS", 1)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "users.jsonl"
    path.write_text("".join(json.dumps(person(number)) + "\n" for number in range(COUNT)))
    return path


def person(number: int) -> dict[str, Any]:
    return {
        "id": f"user-{number}",
        "email": address(number),
        "email_verified": True,
        "password_hash": HASH,
        "username": f"person_{number}",
        "created_at": 1_600_000_000 + number // 7,
        "groups": ["staff"] if number % 3 else [],
    }


def address(number: int) -> str:
    return f"person-{number}@example.com"


def call(act: str, request: dict[str, Any]) -> dict[str, Any]:
    answer: Any
    if act == "users.import":
        answer = import_function.import_users(
            import_function.ImportUsers.model_validate({"act": act, **request})
        )
    else:
        answer = export_function.export_users(
            export_function.ExportUsers.model_validate({"act": act, **request})
        )
    return json.loads(json.dumps(asdict(answer)))  # type: ignore[no-any-return]


def take(source: Path, by: importing.Call = call, **how: Any) -> Report:
    return importing.run(source, "latchkey", by, dry_run=False, rows_a_second=10**9, **how)


def stored(number: int) -> dict[str, Any]:
    [found] = store.get(keys.user(f"user-{number}"))
    assert found is not None
    return found


def lasting(number: int) -> dict[str, Any]:
    """Return what an export and an import leave as it is."""
    names = ("sub", "email", "password_hash", "username", "groups", "created_at")
    found = stored(number)
    return {name: found.get(name) for name in names}


def test_users_sign_in_while_an_import_breaks_off_goes_on_and_is_repeated_and_move_on_by_an_export(
    source: Path, tmp_path: Path, cloud: Any
):
    state, lock, early, calls = tmp_path / "state", Lock(), {}, []

    def until_the_line_breaks(act: str, request: dict[str, Any]) -> dict[str, Any]:
        with lock:
            calls.append(act)
            if len(calls) > 12:
                raise OSError("The line is broken.")
        answer = call(act, request)
        number = int(request["rows"][0]["id"].removeprefix("user-"))
        device = new_device()
        early[number] = device, device.sign_in(address(number), WORD)
        return answer

    broken = take(source, until_the_line_breaks, state=state)
    assert "The line is broken." in broken.unfinished
    assert {answer.status for _, answer in early.values()} == {200}
    assert len(early) == 12
    kept = {number: stored(number) for number in early}
    assert all(item["password_hash"].startswith("$argon2id$") for item in kept.values())

    rest = take(source, state=state)
    assert not rest.unfinished
    assert rest.skipped == broken.rows > 0
    assert broken.results["created"] == broken.rows
    assert rest.rows == COUNT
    assert not state.exists()
    again = take(source)
    assert dict(again.results) == {"already_there": COUNT}

    assert {number: stored(number) for number in early} == kept
    for device, tokens in early.values():
        body = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert device.call("grant_token", body).status == 200

    exported = tmp_path / "export.jsonl"
    assert exporting.run(exported, call) == COUNT
    before = [lasting(number) for number in range(COUNT)]
    empty_tables()
    aws.dynamodb().put_item(TableName="Accounts", Item=cloud)
    assert dict(take(exported).results) == {"created": COUNT}
    assert [lasting(number) for number in range(COUNT)] == before
    for number in [*list(early)[:3], COUNT - 1]:
        assert new_device().sign_in(address(number), f"{WORD}?").status == 401
        assert new_device().sign_in(address(number), WORD).status == 200


def test_two_operators_who_import_the_same_file_at_once_create_each_user_once(
    source: Path, conflicts: Conflicts
):
    with ThreadPoolExecutor(2) as operators:
        reports = list(operators.map(take, [source, source]))
    for report in reports:
        assert not report.unfinished
        assert report.results["created"] + report.results["already_there"] == COUNT
    assert sum(report.results["created"] for report in reports) == COUNT
    assert conflicts.met, "no transactions met"


def test_two_spellings_of_a_mailbox_in_one_batch_make_one_user_and_a_report(tmp_path: Path):
    source = tmp_path / "users.jsonl"
    spellings = ("ann@bücher.example", "ann@xn--bcher-kva.example")
    rows = [{"email": one, "email_verified": True, "password_hash": HASH} for one in spellings]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = take(source)
    # Either may be the first. If it was line 2, line 1 is there already, and the report says so.
    first = report.results["created"] == 1
    assert report.results == {"created" if first else "already_there": 1, "refused": 1}
    [trouble] = report.troubles
    assert (trouble.line, trouble.reason) == (2, "duplicate")
    assert ("This one was imported" in trouble.message) is not first
    assert new_device().sign_in(spellings[0], WORD).status == 200
