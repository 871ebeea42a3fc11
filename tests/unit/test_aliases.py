"""What `make versions` makes of the template that `sam build` has written."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import aliases
from local.template import template
from tests import rights

Template = dict[str, Any]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Return the file of a template as `sam build` writes it: without short forms and anchors."""
    path = tmp_path / "template.yaml"
    path.write_text(json.dumps(template()), "utf-8")
    return path


def made(built: Path) -> Template:
    aliases.write(built)
    written: Template = yaml.safe_load(built.read_text("utf-8"))
    return written


def test_the_functions_that_somebody_waits_for_get_an_alias(built: Path):
    after = made(built)
    resources = after["Resources"]
    found = {n for n, r in resources.items() if "AutoPublishAlias" in r.get("Properties", {})}
    assert found == set(rights.AWAITED)
    for name in found:
        properties = resources[name]["Properties"]
        assert properties["AutoPublishAliasAllProperties"] is True
        assert properties["VersionDeletionPolicy"] == "Delete"
        [condition, on, off] = properties["SnapStart"]["Fn::If"]
        assert after["Conditions"][condition] == {"Fn::Equals": [{"Ref": "SnapStart"}, "on"]}
        assert (on, off) == ({"ApplyOn": "PublishedVersions"}, {"Ref": "AWS::NoValue"})


@pytest.mark.parametrize("queue", ["Mail", "Notice"])
def test_each_queue_calls_the_alias(built: Path, queue: str):
    source = made(built)["Resources"][f"{queue}Source"]["Properties"]
    assert source["FunctionName"] == {"Ref": "SendMail.Alias"}


def test_all_else_stays_as_it_is(built: Path):
    before, after = copy.deepcopy(template()), made(built)
    del before["Rules"][aliases.RULE]
    del after["Conditions"][aliases.CONDITION]
    for name in rights.AWAITED:
        properties = after["Resources"][name]["Properties"]
        for added in (
            "SnapStart",
            "AutoPublishAlias",
            "AutoPublishAliasAllProperties",
            "VersionDeletionPolicy",
            "DeploymentPreference",
        ):
            del properties[added]
        del properties["Environment"]["Variables"]["RELEASE"]
        if not properties["Environment"]["Variables"]:
            del properties["Environment"]
    for queue in ("Mail", "Notice"):
        after["Resources"][f"{queue}Source"]["Properties"]["FunctionName"]["Ref"] = "SendMail"
    assert after == before


def test_each_build_changes_each_function(tmp_path: Path, built: Path):
    again = tmp_path / "again.yaml"
    again.write_text(built.read_text("utf-8"), "utf-8")
    first, second = (made(path)["Resources"] for path in (built, again))
    for name in rights.AWAITED:
        releases = {
            resources[name]["Properties"]["Environment"]["Variables"]["RELEASE"]
            for resources in (first, second)
        }
        assert len(releases) == 2


def test_a_template_that_has_aliases_is_refused(built: Path):
    aliases.write(built)
    with pytest.raises(SystemExit, match="build it again"):
        aliases.write(built)


def test_without_aliases_snapstart_and_canaries_are_refused_at_deploy():
    """AWS checks the rule before it changes anything."""
    [assertion] = template()["Rules"][aliases.RULE]["Assertions"]
    assert assertion["Assert"] == {
        "Fn::And": [
            {"Fn::Equals": [{"Ref": "SnapStart"}, "off"]},
            {"Fn::Equals": [{"Ref": "Canary"}, "false"]},
        ]
    }
    assert "make versions" in assertion["AssertDescription"]
    assert template()["Parameters"]["SnapStart"]["Default"] == "off"
    assert "SnapStart" not in str(template()["Resources"])
    assert "SnapStart" not in str(template()["Globals"])
