"""What the documents say of the code is so."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from latchkey.dynamodb import keys
from latchkey_cli import main
from local.template import template
from tests.unit.conftest import ROOT

PARAMETERS = (ROOT / "docs/parameters.md").read_text()
DOCUMENTS = [
    path
    for folder in (
        ROOT.glob("*.md"),
        *((ROOT / name).rglob("*.md") for name in ("docs", "examples")),
    )
    for path in folder
    if "node_modules" not in path.parts
]
ALARMS = [
    name
    for name, resource in template()["Resources"].items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
]
OPERATIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


@pytest.mark.parametrize("name", template()["Parameters"])
def test_each_parameter_has_a_row(name: str):
    parameter = template()["Parameters"][name]
    default = parameter.get("Default")
    shown = "(required)" if default is None else f"`{default}`" if default != "" else "(empty)"
    assert f"| `{name}` | {shown} | {parameter['Description']} |" in PARAMETERS


def test_every_parameter_is_in_a_group_of_the_console():
    groups = template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template()["Parameters"])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_has_one_name_everywhere(operation: str):
    resource = operation.title().replace("_", "")
    properties = template()["Resources"][resource]["Properties"]
    assert properties["CodeUri"] == f"functions/{operation}"
    assert list((ROOT / "events").glob(f"{operation}.*json"))


def test_every_path_that_the_documents_name_is_there():
    assert len(DOCUMENTS) > 25
    for document in DOCUMENTS:
        for path in re.findall(r"(?:\]\(|src=\")([\w./-]+)[)\"]", document.read_text()):
            assert (document.parent / path).exists(), f"{document.name} names {path}"


def test_every_heading_that_the_documents_name_is_there():
    for document in DOCUMENTS:
        for path, anchor in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", document.read_text()):
            target = document.parent / path if path else document
            assert anchor in anchors(target), f"{document.name} names {path}#{anchor}"


def test_the_index_lists_every_document():
    listed = re.findall(r"\]\(([\w.-]+)\)", (ROOT / "docs/README.md").read_text())
    there = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert there - set(listed) == set()


def test_the_prices_of_the_readme_are_those_of_the_bill():
    """The bill itself is measured: `python -m bench.cost`."""
    operations = (ROOT / "docs/operations.md").read_text()
    [bill] = re.findall(r"^\| all \| (.*) \|$", operations, re.MULTILINE)
    prices = [round(float(price)) for price in bill.split(" | ")]
    readme = (ROOT / "README.md").read_text()
    shown = re.findall(r"\[(\d+) USD\]\(docs/operations.md#what-it-costs\)", readme)
    assert [int(price) for price in shown] == [prices[1], prices[3]]


@pytest.mark.parametrize("alarm", ALARMS)
def test_every_alarm_leads_to_its_runbook(alarm: str):
    """A runbook says what it means, where to look, and what to do."""
    description = template()["Resources"][alarm]["Properties"]["AlarmDescription"]
    assert f"docs/operations.md#{alarm.lower()}" in description
    assert len(description) <= 1024, "CloudWatch takes no more"
    sections = re.split(r"^#+ ", (ROOT / "docs/operations.md").read_text(), flags=re.MULTILINE)
    [section] = [section for section in sections if section.startswith(f"{alarm}\n")]
    assert re.search(r"^- \*Look.*^- \*Do\*|^- \*Look and do\*", section, re.DOTALL | re.MULTILINE)


def test_every_metric_with_an_alarm_is_in_the_table():
    table = (ROOT / "docs/operations.md").read_text().partition("## Metrics")[2]
    assert [alarm for alarm in ALARMS if f"`{alarm}`" not in table.partition("\n## ")[0]] == []


def test_privacy_tells_of_every_kind_of_item():
    told = (ROOT / "docs/privacy.md").read_text()
    rows = re.findall(r"^    [A-Z].*$", str(keys.__doc__), flags=re.MULTILINE)
    kinds = {kind for row in rows for kind in re.findall(r"\b[A-Z][A-Z-]{3,}(?=#|\b)", row[:40])}
    assert len(kinds) > 15
    assert [kind for kind in sorted(kinds) if not re.search(rf"`{kind}\b", told)] == []


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_release_that_is_upgraded_is_the_newest_of_the_changelog():
    version, commit = (ROOT / "tests/e2e/release.txt").read_text().split()
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["Unreleased", version]
    assert re.fullmatch("[0-9a-f]{40}", commit)


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / "template.yaml"], ids=lambda p: p.name)
def test_every_command_that_is_named_is_there(document: Path):
    if document.name == "CHANGELOG.md":
        return  # it also names what there was
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    text = document.read_text()
    named = re.findall(r"(?:`|^|\t|- )make ([a-z0-9-]+)", text, re.MULTILINE)
    assert [target for target in named if target not in targets] == []
    for words in re.findall(r"(?:`|^)latchkey( [a-z][a-z -]*)", text, re.MULTILINE):
        assert is_command(words.split()), f"latchkey{words}"


def is_command(words: list[str]) -> bool:
    """Return whether the words begin with a command of `latchkey`."""
    command: Any = typer.main.get_command(main.app)
    for word in words:
        if not hasattr(command, "commands"):
            return True
        if word not in command.commands:
            return False
        command = command.commands[word]
    return True
