"""What docs/asvs.md claims is shown by tests that exist, and no requirement is left out."""

import re
from collections import Counter

import pytest

from tests.unit.calls import ROOT

TEXT = (ROOT / "docs" / "asvs.md").read_text()
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| .+? \| ([\w ]+) \| (.+) \|$", TEXT, re.MULTILINE)
STATES = {"met": "Met", "not claimed": "Not claimed", "no such part": "No such part"}
# How many requirements of levels 1 and 2 each section of ASVS 5.0.0 begins with; those of level 3
# follow them. 6.7 has none.
SECTIONS = {
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
}  # fmt: skip


def test_each_requirement_has_a_row():
    wanted = [f"{section}.{n + 1}" for section, count in SECTIONS.items() for n in range(count)]
    assert [number for number, _, _ in ROWS] == wanted


def test_the_sums_are_right():
    states = Counter(state for _, state, _ in ROWS)
    sums = " ".join(f"{words}: {states[state]}." for state, words in STATES.items())
    assert set(states) == set(STATES)
    assert sums in TEXT


@pytest.mark.parametrize(("number", "state", "why"), ROWS)
def test_what_is_met_is_shown(number: str, state: str, why: str):
    shown = re.findall(r"`(?:(e2e|engine)/)?(test_\w+)::(test_\w+)`", why)
    for folder, module, test in shown:
        path = ROOT / "tests" / (folder or "unit") / f"{module}.py"
        assert f"\ndef {test}(" in path.read_text(), f"{number} names {module}::{test}"
    assert shown or "](" in why or state != "met", f"{number} is met, but by what?"
