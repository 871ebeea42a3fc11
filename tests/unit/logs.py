"""What operations log."""

import sys

import pytest

from latchkey import log


class Stdout:
    """Standard output as it is when a line is written, so that a test can capture it."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture(scope="session", autouse=True)
def log_to_stdout() -> None:
    """Let the logger look standard output up at each line."""
    log.logger.logger_handler.setStream(Stdout())  # type: ignore[attr-defined]
