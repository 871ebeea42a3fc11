"""Export all users as JSON Lines, which an import takes, encrypted if a recipient is given."""

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from latchkey_cli.importing import Call
from latchkey_cli.problems import Problem


def run(
    target: Path,
    call: Call,
    *,
    recipient: str | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write all users to a new file that only you can read, and return how many they are. The file
    appears when it is whole. `recipient` is a public key of age, `age1...`. Raises Problem.
    """
    if target.exists():
        raise Problem(f"{target} is there already: choose another name, or move it away.")
    part = target.with_name(f".{target.name}.part")
    lines = _Lines(call, on_progress)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if recipient is None:
                while piece := lines.read(1 << 20):
                    file.write(piece)
            else:
                import pyrage

                pyrage.encrypt_io(lines, file, [_key(recipient)])
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except Exception as error:
        if lines.failed:  # pyrage makes an error of its own of it
            raise lines.failed from None
        if isinstance(error, OSError):
            raise Problem(f"{target} cannot be written: {error}.") from error
        raise
    finally:
        part.unlink(missing_ok=True)
    return lines.users


def _key(recipient: str) -> object:
    import pyrage

    try:
        return pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise Problem("The recipient is no public key of age: it begins with age1.") from error


class _Lines(io.RawIOBase):
    """The users as a file to read, a page at a time."""

    def __init__(self, call: Call, on_progress: Callable[[int], None]) -> None:
        self.users = 0
        self.failed: Exception | None = None
        self._pages = self._read_pages(call, on_progress)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes; none at the end."""
        try:
            while len(self._rest) < max(size, 1) and (page := next(self._pages, b"")):
                self._rest += page
        except Exception as error:
            self.failed = error
            raise
        found = self._rest[:size] if size >= 0 else self._rest
        self._rest = self._rest[len(found) :]
        return found

    def _read_pages(self, call: Call, on_progress: Callable[[int], None]) -> Iterator[bytes]:
        cursor = ""
        while True:
            page = call("users.export", {"cursor": cursor})
            rows = page["rows"]
            self.users += len(rows)
            on_progress(self.users)
            if rows:  # nothing would be the end of the file
                yield b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
            cursor = page["cursor"]
            if not cursor:
                return
