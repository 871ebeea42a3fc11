"""What the documents say of the code is so."""

import re

import pytest

from local.template import template
from tests.unit.conftest import ROOT

README = (ROOT / "README.md").read_text()
OPERATIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


@pytest.mark.parametrize("name", template()["Parameters"])
def test_the_readme_has_a_row_for_each_parameter(name: str):
    parameter = template()["Parameters"][name]
    default = parameter.get("Default")
    shown = "(required)" if default is None else f"`{default}`" if default != "" else "(empty)"
    assert f"| `{name}` | {shown} | {parameter['Description']} |" in README


def test_every_parameter_is_in_a_group_of_the_console():
    groups = template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template()["Parameters"])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_has_one_name_everywhere(operation: str):
    resource = operation.title().replace("_", "")
    properties = template()["Resources"][resource]["Properties"]
    assert properties["CodeUri"] == f"functions/{operation}"
    assert (ROOT / "events" / f"{operation}.json").exists()


def test_every_path_that_the_documents_name_is_there():
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for path in re.findall(r"\]\(([\w./-]+)\)", document.read_text()):
            assert (document.parent / path).exists(), f"{document.name} names {path}"


def test_the_release_that_is_upgraded_is_the_newest_of_the_changelog():
    version, commit = (ROOT / "tests/e2e/release.txt").read_text().split()
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["Unreleased", version]
    assert re.fullmatch("[0-9a-f]{40}", commit)
