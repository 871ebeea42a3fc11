"""Where calls of AWS go: to AWS, or to a local stack, never from `sam local` to a real account."""

import runpy

import boto3
import pytest

from latchkey import aws
from tests.unit.conftest import ROOT
from tests.unit.test_structure import FILES, imports

OPERATIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))


def run_module() -> None:
    """Run aws.py as a new container does."""
    runpy.run_path(str(FILES["latchkey.aws"]))


def test_an_empty_end_point_is_aws(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    run_module()
    client = boto3.session.Session().client("dynamodb", config=aws._CONFIG)
    assert client.meta.endpoint_url == "https://dynamodb.eu-central-1.amazonaws.com"


def test_an_end_point_is_the_local_stack(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_SAM_LOCAL", "true")
    run_module()
    client = boto3.session.Session().client("kms", config=aws._CONFIG)
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"


def test_sam_local_without_an_end_point_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SAM_LOCAL", "true")
    for end_point in (None, ""):
        if end_point is not None:
            monkeypatch.setenv("AWS_ENDPOINT_URL", end_point)
        with pytest.raises(RuntimeError, match=r"your own AWS account.*--env-vars"):
            run_module()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_operation_calls_aws_without_that_check(operation: str):
    left, found = [ROOT / "functions" / operation / "app.py"], set[str]()
    while left:
        new = imports(left.pop()) - found
        found |= new
        left += [FILES[name] for name in new if name in FILES]
    assert "latchkey.aws" in found
    users = {name for name in found if "import boto" in FILES[name].read_text("utf-8")}
    assert users == {"latchkey.aws"}
