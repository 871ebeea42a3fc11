"""Hooks and events on a stack of its own: real functions beside it, as a deployer has them."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jwt
import pytest

from tests.e2e.client import Answer, Device, Inbox, at_once
from tests.e2e.stack import ROOT, Stack, running

ACCOUNT = "000000000000"
NAMES = {
    "BeforeSignUpFunctionArn": "before-sign-up",
    "ClaimsFunctionArn": "claims",
    "MessageFunctionArn": "message",
    "MigrationFunctionArn": "migration",
}
# How long a function that does not answer sleeps: longer than a hook has (latchkey/hooks.py).
CODE = """
import time

FAIL = {
    "slow": lambda: time.sleep(8),
    "nonsense": lambda: {"allow": "yes"},
    "raises": lambda: 1 / 0,
}


def handler(event, context):
    name = event.get("email", "").partition("-")[0]
    if event["hook"] == "message":
        return {"send": True, "text": event["text"] + "\\nSent with love."}
    if event["hook"] == "claims":
        if event["generation"] == 2:
            raise RuntimeError
        return {"claims": {"app": {"generation": event["generation"], "groups": event["groups"]}}}
    if name in FAIL:
        return FAIL[name]()
    if event["hook"] == "migration":
        right = event["password"] == "old"
        return {"accepted": right, "email_verified": name != "unproven", "groups": ["moved"]}
    if name == "no":
        return {"allow": False, "reason": "Not you."}
    return {"allow": True, "groups": ["members"]}
"""
REFUSED = (401, "invalid_username_or_password", 3)
# Lambda looks for new records once a second, and starts a container.
EVENT_SECONDS = 60


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    arns = " ".join(
        f"{parameter}=arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{name}"
        for parameter, name in NAMES.items()
    )
    parameters = f"CodeCooldownSeconds=0 Captcha=off EventBusName=default {arns}"
    with running(ROOT / ".local/e2e-hooks", parameters) as started:
        deploy(started)
        yield started


def deploy(stack: Stack) -> None:
    """Create the deployer's functions, and a queue that a rule of the bus fills."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("hook.py", CODE)
    deployed = stack.client("lambda").get_function_configuration(
        FunctionName=stack.names["UnknownRoute"]
    )
    for name in NAMES.values():
        stack.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=deployed["Role"],
            Handler="hook.handler",
            Timeout=10,
            Code={"ZipFile": archive.getvalue()},
        )
    queue = stack.client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=queue, AttributeNames=["QueueArn"]
    )
    events = stack.client("events")
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["latchkey"]}))
    target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
    events.put_targets(Rule="all", Targets=[target])


@pytest.fixture(scope="module")
def heard(stack: Stack) -> Callable[[str, str], dict[str, Any]]:
    """Return a function that waits for an event of a type about a user, and returns it."""
    queue = stack.client("sqs").get_queue_url(QueueName="heard")["QueueUrl"]
    details: list[dict[str, Any]] = []

    def wait(kind: str, sub: str) -> dict[str, Any]:
        end = time.monotonic() + EVENT_SECONDS
        while time.monotonic() < end:
            for detail in details:
                if (detail["type"], detail["data"].get("sub")) == (kind, sub):
                    return detail
            found = stack.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
            for message in found.get("Messages", []):
                details.append(json.loads(message["Body"])["detail"])
                stack.client("sqs").delete_message(
                    QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"]
                )
            time.sleep(0.1)
        raise AssertionError(f"no {kind} of {sub} among {details}")

    return wait


@pytest.fixture(scope="module")
def device(stack: Stack) -> Iterator[Device]:
    with (
        httpx.Client(base_url=stack.api, timeout=90) as api,
        httpx.Client(base_url=stack.inbox, timeout=20) as mails,
    ):
        yield Device(api, Inbox(mails, set()), set())


def said(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(jwt.decode(answer["access_token"], options={"verify_signature": False}))


def test_groups_claims_and_words_come_from_the_deployers_functions(device: Device):
    tokens = device.register("ada@example.com")
    assert tokens["groups"] == said(tokens)["groups"] == ["members"]
    assert said(tokens)["app"] == {"generation": 0, "groups": ["members"]}
    assert "Sent with love." in device.inbox.wait("ada@example.com")["text"]
    assert device.me(tokens["access_token"])["groups"] == ["members"]

    first = device.refresh(tokens["refresh_token"], request_id="a" * 32)
    again = device.refresh(tokens["refresh_token"], request_id="a" * 32)
    assert again["access_token"] == first["access_token"]
    assert said(first)["app"]["generation"] == 1
    second = device.refresh(first["refresh_token"])  # for which the function raises
    assert said(second)["app"]["generation"] == 1
    assert said(device.refresh(second["refresh_token"]))["app"]["generation"] == 3


def test_a_refused_sign_up_has_the_hooks_sentence(device: Device):
    answer = device.call("sign_up", {"verification_token": device.prove("no-one@example.com")})
    assert answer.refusal == (403, "failed_precondition", 9)
    assert answer["error_description"] == "Not you."


@pytest.mark.parametrize("name", ["slow", "nonsense", "raises"])
def test_a_sign_up_whose_hook_fails_is_unavailable(device: Device, stack: Stack, name: str):
    address = f"{name}-person@example.com"
    answer = device.call("sign_up", {"verification_token": device.prove(address)})
    assert answer.refusal == (503, "unavailable", 14)
    assert f"EMAIL#{address}" not in {item["pk"] for item in stack.items("Accounts")}


def old_user(device: Device, address: str, password: str = "old") -> Answer:
    return device.call("sign_in", {"username": address, "password": password})


def test_a_user_of_another_system_moves_at_the_first_sign_in(
    device: Device, stack: Stack, heard: Callable[[str, str], dict[str, Any]]
):
    address = "hedy@example.com"
    assert old_user(device, address, "wrong").refusal == REFUSED
    assert f"EMAIL#{address}" not in {item["pk"] for item in stack.items("Accounts")}
    first = old_user(device, address)
    assert (first.status, first["groups"], said(first)["amr"]) == (200, ["moved"], ["pwd"])
    assert heard("user.created", first["sub"])["data"]["email"] == address
    # From now on, the other system is not asked: its function would refuse any other password.
    bearer, new = first["access_token"], "correct-horse-1"
    sudo = device.call("sudo", {"password": "old"}, bearer=bearer)["sudo_token"]
    body = {"new_password": new, "sudo_token": sudo}
    assert device.call("set_password", body, bearer=bearer).status == 200
    assert old_user(device, address).refusal == REFUSED
    assert old_user(device, address, new)["sub"] == first["sub"]


def test_sign_ins_at_once_move_a_user_once(device: Device, stack: Stack):
    address = "radia@example.com"
    answers = at_once(8, lambda _: old_user(device, address))
    # On a busy machine, eight containers take longer to start than a hook has.
    assert {answer.get("error") for answer in answers} <= {None, "aborted", "unavailable"}
    moved = {answer["sub"] for answer in answers if answer.status == 200}
    assert moved == {old_user(device, address)["sub"]}
    subs = [item["sub"] for item in stack.items("Accounts") if item.get("email") == address]
    assert subs == [*moved]


def test_an_address_that_the_other_system_has_not_verified_does_not_move(
    device: Device, stack: Stack
):
    address = "unproven-one@example.com"
    assert old_user(device, address).refusal == REFUSED
    assert f"EMAIL#{address}" not in {item["pk"] for item in stack.items("Accounts")}


@pytest.mark.parametrize("name", ["slow", "nonsense", "raises"])
def test_a_sign_in_whose_hook_fails_is_unavailable(device: Device, name: str):
    answer = old_user(device, f"{name}-user@example.com")
    assert answer.refusal == (503, "unavailable", 14)


def test_the_bus_hears_of_what_happens(device: Device, heard: Callable[[str, str], dict[str, Any]]):
    tokens = device.register("grace@example.com", password="cobol1959x")
    sub, bearer = tokens["sub"], tokens["access_token"]
    created = heard("user.created", sub)
    assert created["data"] == {"sub": sub, "email": "grace@example.com", "groups": ["members"]}
    signed_in = heard("user.signed_in", sub)
    assert signed_in["data"] == {
        "sub": sub, "client_id": "e2e", "sid": said(tokens)["sid"], "amr": "otp"
    }  # fmt: skip
    device.call("edit_profile", {"name": "Grace"}, bearer=bearer)
    assert heard("user.changed", sub)["data"] == {"sub": sub, "changed": ["name"]}
    sudo = device.call("sudo", {"password": "cobol1959x"}, bearer=bearer)["sudo_token"]
    device.call("DELETE /auth/v1/user/me", bearer=bearer, query={"sudo_token": sudo})
    assert heard("user.deleted", sub)["data"] == {"sub": sub}
    assert heard("session.revoked", sub)["data"]["sid"] == said(tokens)["sid"]
