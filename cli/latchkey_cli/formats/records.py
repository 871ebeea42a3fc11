"""Read a file record by record, so that no file is too large: lines, JSON arrays, CSV."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import ijson
from ijson.common import JSONError

LONGEST = 256 * 1024
"""Bytes of a record. A user of Keycloak with many attributes has some 10 KB."""
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Record:
    """One user of a file, or a sentence that says why there is none here."""

    number: int
    """Of the line, or in a file of one JSON value, of the user in it; from 1 on."""
    value: dict[str, Any] | None = None
    problem: str = ""


class Unreadable(Exception):
    """The rest of a file cannot be read. The text says where and why."""


def lines(path: Path) -> Iterator[Record]:
    """Yield the JSON object of each line; blank lines are left out."""
    for number, line in _lines(path):
        if line is None:
            yield Record(number, problem=f"The line is longer than {LONGEST:,} bytes.")
        elif line.strip():
            yield _parsed(number, line)


def array(path: Path, *, of: str) -> Iterator[Record]:
    """Yield the JSON objects of an array. `of` says where it is, such as `users.item`. Raises
    Unreadable where the JSON ends too early, is none, or has a longer record than LONGEST.
    """
    number = 0
    with path.open("rb") as file:
        bounded = _Bounded(file)
        try:
            for value in ijson.items(bounded, of, buf_size=_CHUNK, use_float=True):
                number += 1
                bounded.read_since = 0
                good = isinstance(value, dict)
                yield Record(number, value if good else None, "" if good else "It is no object.")
        except (JSONError, UnicodeDecodeError) as error:
            raise Unreadable(f"After user {number}, the file is no JSON: {error}.") from error


def table(path: Path) -> Iterator[Record]:
    """Yield the rows of a CSV file by the names in its first line. The number is that of the line
    where a row ends. Raises Unreadable.
    """
    csv.field_size_limit(LONGEST)

    def text() -> Iterator[str]:
        for number, line in _lines(path):
            if line is None:
                raise Unreadable(f"Line {number} is longer than {LONGEST:,} bytes.")
            yield line.decode("utf-8-sig" if number == 1 else "utf-8", errors="strict")

    reader = csv.DictReader(text())
    try:
        for row in reader:
            if None in row or None in row.values():
                yield Record(reader.line_num, problem="The line has not as many fields as line 1.")
            else:
                yield Record(reader.line_num, dict(row))
    except (csv.Error, UnicodeDecodeError) as error:
        raise Unreadable(f"After line {reader.line_num}, the file is no CSV: {error}.") from error


def beginning(path: Path) -> bytes:
    """Return how the file begins, from the first byte that is no white space: `[` and `{` are
    JSON.
    """
    with path.open("rb") as file:
        return file.read(_CHUNK).lstrip(b"\xef\xbb\xbf \t\r\n")


def _parsed(number: int, line: bytes) -> Record:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return Record(number, problem="The line is no JSON.")
    if not isinstance(value, dict):
        return Record(number, problem="The line is no JSON object.")
    return Record(number, value)


def _lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines with their numbers; None for one that is too long, which is skipped."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST + 1):
            number += 1
            if len(line) <= LONGEST or line.endswith(b"\n"):
                yield number, line
                continue
            while line and not line.endswith(b"\n"):
                line = file.readline(_CHUNK)
            yield number, None


class _Bounded:
    """A file that refuses to be read far beyond the last record."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read_since = 0

    def read(self, size: int = -1) -> bytes:
        """Read. Raises Unreadable."""
        if self.read_since > LONGEST + _CHUNK:
            raise Unreadable(
                f"A user of more than {LONGEST:,} bytes, or none at all, stands before byte"
                f" {self._file.tell():,}."
            )
        found = self._file.read(size)
        self.read_since += len(found)
        return found
