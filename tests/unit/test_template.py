"""The template deploys what template.json says: each function's rights, and all else but words.

A change of the template that is not meant fails here, however it came about: a wrong anchor, say.
After one that is meant, run `python -m tests.unit.test_template` and read the difference in
template.json before you commit it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from local.template import template
from tests.rights import FUNCTIONS, RESOURCES

SNAPSHOT = Path(__file__).with_name("template.json")
# What people read and nothing acts on.
WORDS = ("Description", "AlarmDescription")


def built() -> dict[str, dict[str, Any]]:
    """Return the template as `sam build` expands it, without its words.

    The policies of a function stand apart from its other properties.
    """
    sections = {n: s for n, s in _without_words(template()).items() if isinstance(s, dict)}
    resources = sections["Resources"]
    policies = {name: resources[name]["Properties"].pop("Policies", []) for name in FUNCTIONS}
    return {"Policies": policies} | sections


def text() -> str:
    """Return the snapshot as it is stored: one entry a line, one statement of a policy a line."""
    sections = (f'"{name}": {_lines(section)}' for name, section in built().items())
    return "{\n" + ",\n".join(sections) + "\n}\n"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_what_it_could_before(function: str):
    assert built()["Policies"][function] == _snapshot()["Policies"][function]


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_resource_is_what_it_was_before(resource: str):
    assert built()["Resources"][resource] == _snapshot()["Resources"][resource]


def test_all_else_is_what_it_was_before():
    assert built() == _snapshot()


def _snapshot() -> dict[str, dict[str, Any]]:
    snapshot: dict[str, dict[str, Any]] = json.loads(SNAPSHOT.read_text("utf-8"))
    return snapshot


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_words(v) for k, v in value.items() if k not in WORDS}
    return [_without_words(entry) for entry in value] if isinstance(value, list) else value


def _lines(section: dict[str, Any]) -> str:
    entries = (f' "{name}": {_entry(section[name])}' for name in sorted(section))
    return "{\n" + ",\n".join(entries) + "\n}"


def _entry(value: Any) -> str:
    match value:
        case [{"Statement": statements}, *more]:
            rows = ",\n".join(f"  {_line(statement)}" for statement in statements)
            rest = "".join(f",\n {_line(policy)}" for policy in more)
            return f'[{{"Statement": [\n{rows}\n ]}}{rest}]'
        case _:
            return _line(value)


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


if __name__ == "__main__":
    SNAPSHOT.write_text(text(), "utf-8")
