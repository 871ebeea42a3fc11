"""The clock of unit tests."""

import pytest

from latchkey import clock

NOW = 1_795_348_800  # 2026-11-22T12:00:00Z


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> int:
        return self.time


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock, which stands still."""
    standing = Clock()
    monkeypatch.setattr(clock, "now", standing)
    return standing
