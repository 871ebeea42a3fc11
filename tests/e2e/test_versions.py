"""What AWS makes of the template for SnapStart and canaries: SAM's own transform."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local import aliases
from local.template import template
from tests import rights
from tests.e2e.stack import ROOT

PYTHON = ROOT / ".local/env/ministack/bin/python"

Resources = dict[str, dict[str, Any]]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return the template as it is, without short forms and anchors."""
    path = tmp_path / "plain.yaml"
    path.write_text(json.dumps(template()), "utf-8")
    return path


@pytest.fixture
def published(plain: Path) -> Path:
    """Return the template as `make versions` changes it."""
    aliases.write(plain)
    return plain


def transformed(path: Path, **parameters: str) -> Resources:
    values = [f"{name}={value}" for name, value in parameters.items()]
    command = [str(PYTHON), str(ROOT / "local/transform.py"), str(path), *values]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    resources: Resources = json.loads(result.stdout)["Resources"]
    return resources


def of_type(resources: Resources, kind: str) -> dict[str, Any]:
    return {n: r["Properties"] for n, r in resources.items() if r["Type"] == f"AWS::Lambda::{kind}"}


def versions(resources: Resources) -> set[str]:
    return set(of_type(resources, "Version"))


def test_off_publishes_nothing(plain: Path):
    resources = transformed(plain)
    assert not of_type(resources, "Version")
    assert not of_type(resources, "Alias")
    assert not any("SnapStart" in p for p in of_type(resources, "Function").values())


def test_on_publishes_what_somebody_waits_for(published: Path):
    resources = transformed(published, SnapStart="on")
    functions = of_type(resources, "Function")
    assert {n for n, p in functions.items() if "SnapStart" in p} == set(rights.AWAITED)
    for name in rights.AWAITED:
        alias = resources[f"{name}Aliaslive"]["Properties"]
        version = alias["FunctionVersion"]["Fn::GetAtt"][0]
        assert resources[version]["Properties"]["FunctionName"] == {"Ref": name}
        assert resources[version]["DeletionPolicy"] == "Delete"


def test_the_api_and_the_queue_call_the_aliases(published: Path):
    resources = transformed(published, SnapStart="on")
    paths = resources["HttpApi"]["Properties"]["Body"]["paths"]
    called = [
        operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        for path in paths.values()
        for operation in path.values()
    ]
    assert len(called) > len(rights.AWAITED) - 2
    assert all("Aliaslive}/invocations" in uri for uri in called)
    assert resources["MailSource"]["Properties"]["FunctionName"] == {"Ref": "SendMailAliaslive"}
    allowed = {
        p["FunctionName"]["Ref"]
        for p in of_type(resources, "Permission").values()
        if p["Principal"] == "apigateway.amazonaws.com"
    }
    assert allowed == {f"{name}Aliaslive" for name in rights.AWAITED if name != "SendMail"}


def test_roles_are_the_same_with_and_without(plain: Path):
    before = transformed(plain)
    aliases.write(plain)
    after = transformed(plain, SnapStart="on")
    roles = {n for n, r in before.items() if r["Type"] == "AWS::IAM::Role"}
    assert roles == {n for n, r in after.items() if r["Type"] == "AWS::IAM::Role"}
    assert all(before[name] == after[name] for name in roles)


def test_a_parameter_reaches_the_api_with_the_next_build(plain: Path, tmp_path: Path):
    again = tmp_path / "again.yaml"
    again.write_text(plain.read_text("utf-8"), "utf-8")
    for path in (plain, again):
        aliases.write(path)
    first = versions(transformed(plain, SnapStart="on"))
    # What the variable RELEASE is for: SAM alone sees no change.
    assert versions(transformed(plain, SnapStart="on", CodeSeconds="300")) == first
    second = versions(transformed(again, SnapStart="on", CodeSeconds="300"))
    assert len(first) == len(second) == len(rights.AWAITED)
    assert not first & second


def test_a_canary_moves_each_alias_by_codedeploy(published: Path):
    resources = transformed(published, Canary="true")
    for name in rights.AWAITED:
        policy = resources[f"{name}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        group = resources[policy["DeploymentGroupName"]["Ref"]]["Properties"]
        assert group["AutoRollbackConfiguration"]["Enabled"] is True
        alarms = {alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]}
        assert alarms == set(aliases.ALARMS)
        assert alarms <= resources.keys()
        strategy = group["DeploymentConfigName"]["Fn::Sub"][1]["ConfigName"]
        assert strategy == "Canary10Percent5Minutes"


def test_without_a_canary_there_is_no_codedeploy(published: Path):
    resources = transformed(published, SnapStart="on")
    assert not [r for r in resources.values() if r["Type"].startswith("AWS::CodeDeploy")]
    assert not any("UpdatePolicy" in resources[f"{name}Aliaslive"] for name in rights.AWAITED)
