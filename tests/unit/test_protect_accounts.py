from collections.abc import Iterator
from typing import Any

import botocore.exceptions
import pytest

from latchkey import aws
from local.template import template
from tests.unit.conftest import CONTEXT, handler


def deploy(monkeypatch: pytest.MonkeyPatch, kind: str = "Create") -> dict[str, Any]:
    """Run the custom resource, and return what CloudFormation is told."""
    answers: list[dict[str, Any]] = []
    monkeypatch.setattr("latchkey.cloudformation._put", lambda _, answer: answers.append(answer))
    handler("protect_accounts")({"RequestType": kind, "ResponseURL": "https://answer"}, CONTEXT)
    return answers[0]


def state() -> tuple[bool, str]:
    table = aws.dynamodb().describe_table(TableName="Accounts")["Table"]
    kept = aws.dynamodb().describe_continuous_backups(TableName="Accounts")
    history = kept["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    return table.get("DeletionProtectionEnabled", False), history["PointInTimeRecoveryStatus"]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Have a table as a restore makes it: neither protected nor with a history."""

    def reset() -> None:
        aws.dynamodb().update_table(TableName="Accounts", DeletionProtectionEnabled=False)
        aws.dynamodb().update_continuous_backups(
            TableName="Accounts",
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
        )

    reset()
    assert state() == (False, "DISABLED")
    yield
    reset()


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_a_deployment_protects_the_users(monkeypatch: pytest.MonkeyPatch, kind: str):
    assert deploy(monkeypatch, kind)["Status"] == "SUCCESS"
    assert state() == (True, "ENABLED")
    assert deploy(monkeypatch, kind)["Status"] == "SUCCESS"


def test_a_deletion_leaves_the_table_as_it_is(monkeypatch: pytest.MonkeyPatch):
    assert deploy(monkeypatch)["Status"] == "SUCCESS"
    assert deploy(monkeypatch, "Delete")["Status"] == "SUCCESS"
    assert state() == (True, "ENABLED")


def test_a_table_that_cannot_be_protected_fails_the_deployment(monkeypatch: pytest.MonkeyPatch):
    def refuse(**_: object) -> None:
        answer: Any = {"Error": {"Code": "ResourceInUseException"}}
        raise botocore.exceptions.ClientError(answer, "UpdateTable")

    with monkeypatch.context() as patch:
        patch.setattr(aws.dynamodb(), "update_table", refuse)
        answer = deploy(patch)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == (
        "The table Accounts could not be protected (ResourceInUseException). Deploy again."
    )


def test_a_first_deployment_that_fails_leaves_no_table():
    """A protected table cannot be deleted, so it is protected when nothing is left to fail."""
    accounts = template()["Resources"]["Accounts"]
    assert "DeletionProtectionEnabled" not in accounts["Properties"]
    assert accounts["DeletionPolicy"] == "RetainExceptOnCreate"
    last = template()["Resources"]["Protection"]
    assert {"Keyring", "MailTemplates", "MailSource", "NoticeSource"} <= set(last["DependsOn"])
