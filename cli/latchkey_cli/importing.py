"""Import users: read a file, send its rows in batches, and report what became of each.

A row that is there already is recognised, so an import can be run again at any time. A state file
spares it what is done.
"""

import json
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latchkey_cli.formats import reading, records
from latchkey_cli.formats.reading import Options
from latchkey_cli.problems import Problem
from latchkey_cli.seen import Seen

Call = Callable[[str, dict[str, Any]], dict[str, Any]]

ROWS_A_SECOND = 300
"""Each user makes two entries in the index, whose partitions take 1,000 writes a second."""
BATCH = 50
IN_FLIGHT = 8
MOST_PROBLEMS = 10_000
"""What a report keeps; all are counted."""
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before what AWS did not take is sent again."""


@dataclass(frozen=True)
class Trouble:
    """A row that was not imported. `line` is that of the file, or the number of the user in it."""

    line: int
    reason: str
    message: str


@dataclass
class Report:
    """What became of all rows."""

    dry_run: bool
    rows: int = 0
    skipped: int = 0
    """Rows that an earlier run has done, by the state file."""
    results: Counter[str] = field(default_factory=Counter)
    """`created` or `would_be_created`, `already_there`, `refused`."""
    schemes: Counter[str] = field(default_factory=Counter)
    """Of the passwords of new users; `none` and `dropped` (unverified address) among them."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Of refusals."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Fields of profiles that have no form of Latchkey's."""
    troubles: list[Trouble] = field(default_factory=list)
    unfinished: str = ""
    """Why it stopped before the end, as a sentence."""

    def refuse(self, line: int, reason: str, message: str) -> None:
        """Note a row that was not imported."""
        self.results["refused"] += 1
        self.reasons[reason] += 1
        if len(self.troubles) < MOST_PROBLEMS:
            self.troubles.append(Trouble(line, reason, message))


Sent = list[tuple[int, dict[str, Any]]]


def run(
    source: Path,
    form: str,
    call: Call,
    *,
    dry_run: bool,
    on_progress: Callable[[int], None] = lambda _: None,
    options: Options | None = None,
    state: Path | None = None,
    rows_a_second: int = ROWS_A_SECOND,
) -> Report:
    """Import the users of a file, or say what would become of them. `call` lets a function of the
    deployment do something and returns its result; `on_progress` is told how many rows are done.

    Raises Problem for a file or a format that is not there. Whatever happens later ends the run,
    and is in the report as `unfinished`.
    """
    options = options or Options()
    if form not in reading.FORMATS:
        raise Problem(f"There is no format {form}: choose one of {', '.join(reading.FORMATS)}.")
    for path in filter(None, (source, options.hashes)):
        if not path.is_file():
            raise Problem(f"There is no file {path}.")
    report, seen, done = Report(dry_run), Seen(), _State(source, form, None if dry_run else state)
    flying: deque[tuple[int, Sent, Future[list[dict[str, Any]]]]] = deque()
    began = time.monotonic()

    def land() -> None:
        rows, sent, future = flying.popleft()
        for (line, _), outcome in zip(sent, future.result(), strict=True):
            _note(report, seen, line, outcome)
        report.rows = rows
        done.note(rows)
        on_progress(rows)

    with closing(seen), ThreadPoolExecutor(IN_FLIGHT) as pool:
        try:
            for rows, sent in _batches(source, form, options, report, seen, done.rows):
                if not dry_run:
                    due = began + (rows - report.skipped) / rows_a_second
                    time.sleep(max(0.0, due - time.monotonic()))
                flying.append((rows, sent, pool.submit(_send, call, sent, dry_run)))
                if len(flying) == IN_FLIGHT:
                    land()
            while flying:
                land()
        except records.Unreadable as error:
            while flying:
                land()
            report.unfinished = str(error)
        except Exception as error:
            report.unfinished = (
                f"Stopped after row {report.rows:,}: {error} Up to {IN_FLIGHT * BATCH} rows after"
                " it may have been imported too. Run it again: what is there is recognised."
            )
    if not report.unfinished:
        done.forget()
    return report


def _batches(
    source: Path, form: str, options: Options, report: Report, seen: Seen, skip: int
) -> Iterator[tuple[int, Sent]]:
    """Yield batches of rows to send, with how many rows are done after each."""
    batch: Sent = []
    rows = told = 0
    broken: records.Unreadable | None = None
    found = reading.read(source, form, options)
    while True:
        try:
            record = next(found, None)
        except records.Unreadable as error:
            record, broken = None, error
        if record is None or len(batch) == BATCH:
            if rows != told:
                yield rows, batch
            batch, told = [], rows
        if broken:
            raise broken
        if record is None:
            return
        rows += 1
        row = record.value
        if rows <= skip:
            report.skipped += 1
            told = rows
            for name in _names(row or {}):
                seen.first(name, record.number)
                seen.first(name.replace("email:", "mailbox:"), record.number)
        elif row is None:
            report.refuse(record.number, "malformed", record.problem)
        elif twin := _twin(row, seen, record.number):
            report.refuse(record.number, *twin)
        else:
            batch.append((record.number, row))


def _names(row: dict[str, Any]) -> dict[str, str]:
    """Return what only one user can have, with what it is."""
    names = {f"email:{str(row['email']).strip().lower()}": "address"} if row.get("email") else {}
    if row.get("id"):
        names[f"id:{row['id']}"] = "id"
    if re.fullmatch("[A-Za-z0-9_-]{5,24}", str(row.get("username", ""))):
        names[f"username:{str(row['username']).lower()}"] = "user name"
    return names


def _twin(row: dict[str, Any], seen: Seen, line: int) -> tuple[str, str] | None:
    """Return why a row is not sent, if an earlier one of the file is of the same user."""
    for name, what in _names(row).items():
        first = seen.first(name, line)
        if first != line:
            return "duplicate", f"Line {first} has the same {what}. They are not merged."
    return None


def _note(report: Report, seen: Seen, line: int, outcome: dict[str, Any]) -> None:
    """Count what became of a row."""
    # The service knows more spellings of an address than the lower case.
    first = seen.first(f"mailbox:{outcome['email']}", line) if outcome["email"] else line
    result = outcome["result"]
    if first != line:
        known = "" if result == "refused" else " This one was imported, and not that one."
        known = "" if result in ("already_there", "would_be_created") else known
        report.refuse(line, "duplicate", f"Line {first} has the same mailbox.{known}")
        return
    if result == "refused":
        report.refuse(line, outcome["reason"], outcome["message"])
        return
    report.results[result] += 1
    report.left_out.update(outcome["left_out"])
    if result != "already_there":
        report.schemes[outcome["scheme"] or "none"] += 1


def _send(call: Call, sent: Sent, dry_run: bool) -> list[dict[str, Any]]:
    """Send a batch, and again what AWS did not take. Raises what `call` raised last."""
    outcomes: list[dict[str, Any]] = [{"result": "try_again"}] * len(sent)
    for pause in (*PAUSES, None):
        waiting = [at for at, one in enumerate(outcomes) if one["result"] == "try_again"]
        if not waiting:
            break
        try:
            answer = call(
                "users.import", {"rows": [sent[at][1] for at in waiting], "dry_run": dry_run}
            )
            for at, outcome in zip(waiting, answer["rows"], strict=True):
                outcomes[at] = outcome
        except Exception:
            if pause is None:
                raise
        if pause is None and any(one["result"] == "try_again" for one in outcomes):
            raise RuntimeError("DynamoDB did not take a row.")
        if pause is not None and any(one["result"] == "try_again" for one in outcomes):
            time.sleep(pause)
    return outcomes


class _State:
    """How many rows of a file are done, in a file of its own."""

    def __init__(self, source: Path, form: str, path: Path | None) -> None:
        about = source.stat()
        self._of = {"file": source.name, "bytes": about.st_size, "format": form}
        self._of["changed"] = int(about.st_mtime)
        self._path = path
        self.rows = 0
        if path and path.exists():
            known = json.loads(path.read_text())
            if {name: known.get(name) for name in self._of} == self._of:
                self.rows = int(known["rows"])

    def note(self, rows: int) -> None:
        """Note that so many rows are done."""
        if self._path:
            part = self._path.with_name(f"{self._path.name}.part")
            part.write_text(json.dumps(self._of | {"rows": rows}))
            part.replace(self._path)

    def forget(self) -> None:
        """Remove the file, as all is done."""
        if self._path:
            self._path.unlink(missing_ok=True)
