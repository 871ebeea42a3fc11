"""The command's side of imports and exports, against the functions, with AWS in memory."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest

from latchkey.dynamodb import keys, store
from latchkey.operators import importing as functions
from latchkey_cli import exporting, importing
from latchkey_cli.formats import records
from latchkey_cli.importing import Report
from latchkey_cli.problems import Problem
from tests.unit.operators import operate


@pytest.fixture(autouse=True)
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS in memory minds threads."""
    monkeypatch.setattr(functions, "AT_ONCE", 1)
    monkeypatch.setattr(importing, "IN_FLIGHT", 1)
    monkeypatch.setattr(importing, "PAUSES", (0.0, 0.0))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "users.jsonl"


def call(act: str, request: dict[str, Any]) -> dict[str, Any]:
    operation = {"users.import": "import_users", "users.export": "export_users"}[act]
    answer = operate(operation, act, **request)
    return answer["result"]  # type: ignore[no-any-return]


def run(source: Path, *, dry_run: bool = False, **more: Any) -> Report:
    return importing.run(
        source, "latchkey", more.pop("call", call), dry_run=dry_run, rows_a_second=10**6, **more
    )


def write(source: Path, *rows: object) -> None:
    source.write_text("".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in rows))


def people(count: int) -> list[dict[str, Any]]:
    return [
        {"id": f"u{n}", "email": f"u{n}@example.com", "email_verified": True} for n in range(count)
    ]


def user(sub: str) -> dict[str, Any] | None:
    return store.get(keys.user(sub))[0]


def test_a_dry_run_reports_each_line_that_would_not_be_imported(source: Path):
    digest = "{SHA}E6z8x/VOjmP8w1SxpGmuA1bZHUY="
    write(
        source,
        *people(2),
        "",
        "no json",
        "[1]",
        {"email": "ada"},
        {"email": "U1@example.com"},
        {"email": "new@example.com", "id": "u0"},
        {"email": "a@example.com", "email_verified": True, "password_hash": digest},
        {"email": "b@example.com", "password_hash": digest},
        {"email": "c@example.com", "email_verified": True, "password_hash": "?"},
        {"email": "d@example.com", "locale": "British"},
    )
    report = run(source, dry_run=True)
    assert [(one.line, one.reason) for one in report.troubles] == [
        (4, "malformed"),
        (5, "malformed"),
        (7, "duplicate"),
        (8, "duplicate"),
        (6, "no_address"),
        (11, "unknown_hash"),
    ]
    assert "Line 2 has the same address" in report.troubles[2].message
    assert report.results == {"would_be_created": 5, "refused": 6}
    assert report.schemes == {"none": 3, "sha1_digest": 1, "dropped": 1}
    assert report.rows == 11
    assert not report.unfinished
    assert user("u0") is None


def test_an_import_creates_and_a_second_one_changes_nothing(source: Path):
    write(source, *people(120))
    seen: list[int] = []
    report = run(source, on_progress=seen.append)
    assert report.results == {"created": 120}
    assert seen == [50, 100, 120]
    before = user("u7")
    assert run(source).results == {"already_there": 120}
    assert user("u7") == before


def test_two_spellings_of_one_mailbox_are_not_merged(source: Path):
    write(source, {"email": "a@bücher.example"}, {"email": "a@xn--bcher-kva.example"})
    for dry_run in (True, False):
        report = run(source, dry_run=dry_run)
        [trouble] = report.troubles
        assert (trouble.line, trouble.reason) == (2, "duplicate")
        assert "Line 1 has the same mailbox" in trouble.message


class Interrupted:
    """Answers so many calls, and then none."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, act: str, request: dict[str, Any]) -> dict[str, Any]:
        if self.left == 0:
            raise Problem("The credentials have expired.")
        self.left -= 1
        return call(act, request)


def test_an_interrupted_import_says_so_and_goes_on_where_it_was(source: Path, tmp_path: Path):
    write(source, *people(120))
    state = tmp_path / "state.json"
    report = run(source, call=Interrupted(1), state=state)
    assert report.results == {"created": 50}
    assert "Stopped after row 50: The credentials have expired." in report.unfinished
    assert json.loads(state.read_text())["rows"] == 50

    counted = Interrupted(9)
    report = run(source, call=counted, state=state)
    assert (report.results, report.skipped, report.unfinished) == ({"created": 70}, 50, "")
    assert counted.left == 7
    assert not state.exists()


def test_the_state_of_another_file_is_not_used(source: Path, tmp_path: Path):
    write(source, *people(60))
    state = tmp_path / "state.json"
    run(source, call=Interrupted(1), state=state)
    write(source, *people(61))
    assert run(source, state=state).skipped == 0


def test_a_duplicate_of_a_row_that_an_earlier_run_has_done_is_told(source: Path, tmp_path: Path):
    write(source, *people(60), {"email": "u3@example.com"})
    state = tmp_path / "state.json"
    assert run(source, call=Interrupted(1), state=state).unfinished
    [trouble] = run(source, state=state).troubles
    assert (trouble.line, trouble.message[:6]) == (61, "Line 4")


def test_what_aws_did_not_take_is_sent_again(source: Path):
    write(source, *people(3))
    calls: list[int] = []

    def flaky(act: str, request: dict[str, Any]) -> dict[str, Any]:
        calls.append(len(request["rows"]))
        if len(calls) == 1:
            raise Problem("AWS does not answer.")
        answer = call(act, request)
        if len(calls) == 2:
            answer["rows"][1]["result"] = "try_again"
        return answer

    report = run(source, call=flaky)
    assert calls == [3, 3, 1]
    assert report.results == {"created": 2, "already_there": 1}


def test_rows_that_aws_never_takes_end_the_import(source: Path):
    write(source, *people(1))
    report = run(source, call=lambda *_: {"rows": [{"result": "try_again"}]})
    assert "DynamoDB did not take a row." in report.unfinished
    assert report.rows == 0


def test_a_line_without_an_end_does_not_fill_the_memory(source: Path):
    with source.open("wb") as file:
        file.write(b'{"email": "a@example.com"}\n{"email": "')
        for _ in range(40):
            file.write(b"x" * 10**6)
        file.write(b'"}\n{"email": "b@example.com"}\n')
    import tracemalloc

    tracemalloc.start()
    found = list(records.lines(source))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(one.number, bool(one.value)) for one in found] == [(1, True), (2, False), (3, True)]
    assert "longer than" in found[1].problem
    assert most < 4 * 2**20


@pytest.mark.parametrize("begin", [b'{"users": [{"email": "', b'{"other": "', b'{"users": [1, '])
def test_a_json_value_without_an_end_does_not_fill_the_memory(source: Path, begin: bytes):
    with source.open("wb") as file:
        file.write(begin)
        for _ in range(40):
            file.write(b"x" * 10**6)
    with pytest.raises(records.Unreadable):
        list(records.array(source, of="users.item"))


def test_json_that_ends_too_early_loses_nothing_before_it_and_says_where(source: Path):
    source.write_text('{"users": [{"localId": "a", "email": "a@example.com"}, {"localId": "b", "em')
    report = importing.run(source, "firebase", call, dry_run=False)
    assert report.results == {"created": 1}
    assert "After user 1, the file is no JSON" in report.unfinished


def test_a_file_or_a_format_that_is_not_there_is_told(source: Path):
    with pytest.raises(Problem, match="There is no file"):
        run(source)
    write(source)
    with pytest.raises(Problem, match="There is no format x"):
        importing.run(source, "x", call, dry_run=True)
    assert run(source).rows == 0


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    target = tmp_path / "out" / "users.jsonl"
    target.parent.mkdir()
    yield target
    assert {path.name for path in target.parent.iterdir()} <= {"users.jsonl"}


def test_an_export_is_what_an_import_takes(source: Path, target: Path):
    write(source, *people(130))
    run(source)
    counts: list[int] = []
    assert exporting.run(target, call, on_progress=counts.append) == 130
    assert counts[-1] == 130
    assert target.stat().st_mode & 0o777 == 0o600
    assert run(target).results == {"already_there": 130}


def test_an_encrypted_export_is_read_with_the_key(source: Path, target: Path):
    write(source, *people(130))
    run(source)
    identity = pyrage.x25519.Identity.generate()
    exporting.run(target, call, recipient=str(identity.to_public()))
    raw = target.read_bytes()
    assert raw.startswith(b"age-encryption.org/v1")
    assert b"example.com" not in raw
    assert pyrage.decrypt(raw, [identity]).count(b"\n") == 130


@pytest.mark.parametrize("encrypted", [True, False])
def test_an_export_that_fails_leaves_no_file(source: Path, target: Path, encrypted: bool):
    write(source, *people(3))
    run(source)
    recipient = str(pyrage.x25519.Identity.generate().to_public()) if encrypted else None

    def broken(act: str, request: dict[str, Any]) -> dict[str, Any]:
        if request["cursor"]:
            raise Problem("The credentials have expired.")
        return call(act, request) | {"cursor": "on"}

    with pytest.raises(Problem, match="expired"):
        exporting.run(target, broken, recipient=recipient)
    assert not target.exists()


def test_an_export_replaces_no_file_and_takes_no_wrong_key(target: Path):
    with pytest.raises(Problem, match="begins with age1"):
        exporting.run(target, call, recipient="ssh-ed25519 AAAA")
    target.write_text("mine")
    with pytest.raises(Problem, match="is there already"):
        exporting.run(target, call)
    assert target.read_text() == "mine"
