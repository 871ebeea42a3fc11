import json
import os
import urllib.request
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import boto3
import botocore.exceptions
import pytest

from latchkey import aws
from latchkey.keys import keyring, rotation
from local.template import table_definition, template
from tests.unit.conftest import CONTEXT, ROOT, Answer, Call, Clock, Outbox, handler, start_container
from tests.unit.operators import operate

DAY = 86400
EVENT = json.loads((ROOT / "events/rotate_keys.cloudformation.json").read_text())


def purposes() -> list[str]:
    return [key.purpose for key in keyring.load().keys]


def rotate(now: Clock, **asked: str) -> list[str]:
    """Let the schedule rotate the keys, or an operator who asks for it."""
    if asked:
        made = operate("rotate_keys", "keys.rotate", **asked)["result"]["made"]
    else:
        made = handler("rotate_keys")({"detail-type": "Scheduled Event"}, CONTEXT)["made"]
    start_container()
    return list(made)


@pytest.mark.parametrize(("days", "made"), [(89, 0), (90, 3)])
def test_keys_are_replaced_after_ninety_days(now: Clock, days: int, made: int):
    now.time += days * DAY
    assert len(rotate(now)) == made


def test_rotating_twice_makes_nothing_more(now: Clock):
    now.time += 90 * DAY
    rotate(now)
    assert rotate(now) == []


@pytest.mark.parametrize(("seconds", "new"), [(DAY - 1, False), (DAY, True)])
def test_a_new_key_signs_a_day_after_it_was_published(now: Clock, seconds: int, new: bool):
    before = keyring.load().current("signing", now.time)
    now.time += 90 * DAY
    rotate(now)
    now.time += seconds
    assert (keyring.load().current("signing", now.time) != before) is new


def test_a_rotation_signs_nobody_out(
    call: Call, ada: Answer, now: Clock, configure: Callable[..., None]
):
    configure(session_max_days=3650)
    body = {"grant_type": "refresh_token"}
    token = ada["refresh_token"]
    for _ in range(20):  # 400 days, several rotations
        now.time += 20 * DAY
        rotate(now)
        tokens = call("grant_token", body | {"refresh_token": token})
        assert call("get_user", bearer=tokens["access_token"]).status == 200
        now.time += DAY
        assert call("get_user", bearer=tokens["access_token"]).status == 401  # expired, no more
        token = tokens["refresh_token"]
    assert len(keyring.load().keys) <= 6


def test_a_code_mailed_before_a_key_changes_is_right_after_it(
    call: Call, outbox: Outbox, now: Clock
):
    now.time += 90 * DAY
    rotate(now)
    now.time += DAY - 1
    sent = call("send_code")
    now.time += 2
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code()}
    answer = call("verify_code", body)
    assert answer.status == 200
    assert call("sign_up", {"verification_token": answer["verification_token"]}).status == 200


@pytest.mark.parametrize(("days", "kept"), [(91 + 31, 2), (91 + 31.001, 1)])
def test_an_old_mac_key_stays_as_long_as_a_session(now: Clock, days: float, kept: int):
    now.time += 90 * DAY
    rotate(now)
    now.time += int((days - 90) * DAY) - 1
    rotation.rotate("https://other.example.com", now=now.time)  # a change, so that it is written
    start_container()
    assert purposes().count("mac") == kept
    assert purposes().count("signing") == 1


def test_keys_lie_wrapped_and_open_for_their_purpose_only():
    for key in keyring.load().keys:
        with pytest.raises(aws.kms().exceptions.ClientError):
            aws.kms().decrypt(CiphertextBlob=key.wrapped, EncryptionContext={"purpose": "other"})
        context = {"purpose": key.purpose}
        plain = aws.kms().decrypt(CiphertextBlob=key.wrapped, EncryptionContext=context)[
            "Plaintext"
        ]
        assert plain not in key.wrapped


def test_an_unknown_key_id_makes_a_container_look_again(call: Call, ada: Answer, now: Clock):
    keyring.load()
    now.time += 31
    stale = keyring.load()
    keyring._ring = keyring.Keyring(stale.issuer, (), 0)
    assert call("get_user", bearer=ada["access_token"]).status == 200


@pytest.mark.parametrize(("unknown_id", "seconds"), [(False, 300), (True, 30)])
def test_a_container_reads_the_keyring_again_after_a_while(
    now: Clock, monkeypatch: pytest.MonkeyPatch, unknown_id: bool, seconds: int
):
    reads: list[int] = []
    read = keyring.read

    def note() -> keyring.Keyring | None:
        reads.append(now.time)
        return read()

    monkeypatch.setattr(keyring, "read", note)
    first = now.time
    for passed in (0, 0, seconds - 1, seconds, 2 * seconds - 1, 2 * seconds):
        now.time = first + passed
        keyring.load(unknown_id=unknown_id)
    now.time -= 1  # a clock that was set back
    keyring.load(unknown_id=unknown_id)
    assert [at - first for at in reads] == [0, seconds, 2 * seconds, 2 * seconds - 1]


def test_without_keys_the_answer_is_busy_not_refused(call: Call, ada: Answer):
    aws.dynamodb().delete_item(TableName="Accounts", Key={"pk": {"S": "KEYRING"}})
    start_container()
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    assert call("grant_token", body)["error"] == "unavailable"
    assert call("get_user", bearer=ada["access_token"])["error"] == "unavailable"


def test_an_operator_can_replace_keys_before_they_are_due(call: Call, ada: Answer, now: Clock):
    now.time += DAY
    old = keyring.load().current("signing", now.time)
    assert len(rotate(now, reason="asked")) == 3
    assert rotate(now, reason="asked") == []  # the new ones do not sign yet
    assert keyring.load().current("signing", now.time + DAY - 1) == old
    assert keyring.load().current("signing", now.time + DAY) != old
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    assert call("grant_token", body).status == 200


def test_compromised_keys_are_good_for_nothing(call: Call, ada: Answer, now: Clock, outbox: Outbox):
    issuer = keyring.load().issuer
    sent, code = call("send_code", {"email": "bob@example.com"}), outbox.code()
    before = {key.id for key in keyring.load().keys}
    now.time += 1
    made = rotate(now, reason="compromised")
    ring = keyring.load()
    assert {key.id for key in ring.keys} == set(made)
    assert len(made) == 3
    assert before.isdisjoint(made)
    assert ring.issuer == issuer

    assert call("get_user", bearer=ada["access_token"])["error"] == "unauthenticated"
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    assert call("grant_token", body)["error"] == "invalid_grant"
    body = {"verification_id": sent["verification_id"], "verification_code": code}
    answer = call("verify_code", body)
    assert (answer.status, "Ask for a new one" in answer["error_description"]) == (400, True)

    again = call("sign_in", {"username": "ada@example.com", "password": "engine1843"})
    assert (again.status, again["sub"]) == (200, ada["sub"])
    assert call("get_user", bearer=again["access_token"]).status == 200


def test_each_report_of_a_compromise_makes_new_keys(now: Clock):
    first = rotate(now, reason="compromised")
    assert set(first).isdisjoint(rotate(now, reason="compromised"))


def test_a_lost_keyring_is_not_made_anew_without_an_issuer(now: Clock):
    before = keyring.load()
    aws.dynamodb().delete_item(TableName="Accounts", Key={"pk": {"S": "KEYRING"}})
    with pytest.raises(rotation.NoIssuer):
        rotate(now)
    for reason in ("asked", "compromised"):
        answer = operate("rotate_keys", "keys.rotate", reason=reason)
        assert answer["error"] == "failed_precondition"
    assert keyring.read() is None
    assert len(rotate(now, issuer=before.issuer)) == 3
    assert keyring.load().issuer == before.issuer


def test_an_operator_does_not_change_the_issuer_of_a_keyring(now: Clock):
    before = keyring.load().issuer
    rotate(now, reason="compromised", issuer="https://other.example.com")
    assert keyring.load().issuer == before


@pytest.mark.parametrize(
    "asked",
    [{"reason": "compromise"}, {"Reason": "asked"}, {"issuer": "id.example.com"}],
)
def test_a_request_that_is_not_understood_changes_nothing(now: Clock, asked: dict[str, str]):
    now.time += 90 * DAY
    before = keyring.read()
    assert operate("rotate_keys", "keys.rotate", **asked)["error"] == "invalid_argument"
    assert keyring.read() == before


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Send a custom resource's request, and return what CloudFormation is told."""
    told: list[dict[str, Any]] = []

    class Opened:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    def put(request: urllib.request.Request, timeout: int) -> Opened:
        told.append(json.loads(request.data))  # type: ignore[arg-type]
        return Opened()

    monkeypatch.setattr(urllib.request, "urlopen", put)

    def send(kind: str, issuer: str) -> dict[str, Any]:
        event = EVENT | {"RequestType": kind, "ResourceProperties": {"Issuer": issuer}}
        handler("rotate_keys")(event, CONTEXT)
        return told[-1]

    return send


def test_a_deployment_sets_the_issuer(cloudformation: Callable[..., dict[str, Any]]):
    answer = cloudformation("Update", "https://id.example.com/")
    assert (answer["Status"], answer["RequestId"]) == ("SUCCESS", EVENT["RequestId"])
    keyring.forget()
    assert keyring.load().issuer == "https://id.example.com"


def test_a_table_without_users_is_taken_over(cloudformation: Callable[..., dict[str, Any]]):
    aws.dynamodb().delete_item(TableName="Accounts", Key={"pk": {"S": "KEYRING"}})
    assert cloudformation("Create", "https://id.example.com")["Status"] == "SUCCESS"
    assert len(list(keyring.load().keys)) == 3


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Missing", "AWS does not show the table Missing (ResourceNotFoundException)"),
        ("Other", "Other is no table Accounts of Latchkey"),
    ],
)
def test_another_table_is_not_taken_over(
    cloudformation: Callable[..., dict[str, Any]],
    configure: Callable[..., None],
    name: str,
    why: str,
):
    boto3.client("dynamodb").create_table(TableName="Other", **table_definition("Grants"))
    configure(accounts_table=name)
    answer = cloudformation("Update", "https://id.example.com")
    boto3.client("dynamodb").delete_table(TableName="Other")
    assert (answer["Status"], why in answer["Reason"]) == ("FAILED", True)


def test_a_table_is_not_taken_over_with_another_wrapping_key(
    cloudformation: Callable[..., dict[str, Any]], configure: Callable[..., None]
):
    before, theirs = keyring.read(), os.environ["KMS_KEY_ID"]
    configure(kms_key_id=aws.kms().create_key()["KeyMetadata"]["Arn"])
    answer = cloudformation("Update", "https://id.example.com")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("WrappingKeyArn: the keys in Accounts are not wrapped by")
    assert theirs in answer["Reason"]
    assert keyring.read() == before


def test_a_wrapping_key_that_cannot_be_used_is_named(
    cloudformation: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    refusal = botocore.exceptions.ClientError({"Error": {"Code": "KMSInvalidState"}}, "Decrypt")
    monkeypatch.setattr(aws.kms(), "decrypt", Mock(side_effect=refusal))
    answer = cloudformation("Update", "https://id.example.com")
    assert (answer["Status"], "(KMSInvalidState)" in answer["Reason"]) == ("FAILED", True)


def test_a_deletion_is_answered(cloudformation: Callable[..., dict[str, Any]]):
    assert cloudformation("Delete", "https://id.example.com")["Status"] == "SUCCESS"


def test_a_failure_is_answered_with_its_place(
    cloudformation: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rotation, "rotate", lambda *_, **__: 1 / 0)
    answer = cloudformation("Create", "https://id.example.com")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("keyring: ZeroDivisionError in test_rotate_keys.py:")
    assert cloudformation("Delete", "https://id.example.com")["Status"] == "SUCCESS"


def test_a_refusal_of_aws_is_named(
    cloudformation: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    refusal = botocore.exceptions.ClientError({"Error": {"Code": "AccessDenied"}}, "Encrypt")
    monkeypatch.setattr(rotation, "rotate", Mock(side_effect=refusal))
    answer = cloudformation("Create", "https://id.example.com")
    assert "ClientError AccessDenied" in answer["Reason"]


def test_a_deployment_without_an_issuer_is_refused(cloudformation: Callable[..., dict[str, Any]]):
    answer = cloudformation("Update", "")
    assert (answer["Status"], "Issuer" in answer["Reason"]) == ("FAILED", True)


@pytest.mark.parametrize("missing", ["ResourceProperties", "StackId", "LogicalResourceId"])
def test_a_request_that_lacks_something_is_answered(
    cloudformation: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, missing: str
):
    answers: list[dict[str, Any]] = []
    monkeypatch.setattr("latchkey.cloudformation._put", lambda _, answer: answers.append(answer))
    event = {name: value for name, value in EVENT.items() if name != missing}
    handler("rotate_keys")(event, CONTEXT)
    assert answers[0]["Status"] == ("FAILED" if missing == "ResourceProperties" else "SUCCESS")


def test_an_answer_that_does_not_arrive_is_sent_again(
    cloudformation: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    put, failures = urllib.request.urlopen, iter([OSError(), OSError()])

    def fail_twice(*arguments: Any, **options: Any) -> Any:
        if failure := next(failures, None):
            raise failure
        return put(*arguments, **options)

    monkeypatch.setattr(urllib.request, "urlopen", fail_twice)
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert cloudformation("Update", "https://id.example.com")["Status"] == "SUCCESS"


def test_cloudformation_waits_no_hour_for_a_custom_resource():
    custom = [r for r in template()["Resources"].values() if r["Type"].startswith("Custom::")]
    assert len(custom) == 3
    assert all(60 <= r["Properties"]["ServiceTimeout"] <= 300 for r in custom)
