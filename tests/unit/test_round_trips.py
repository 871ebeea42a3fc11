"""How many calls of AWS a warm request makes, counted from botocore's own events."""

from collections.abc import Callable

import pytest

from latchkey import aws
from tests.unit.conftest import Answer, Call, Clock, Outbox


class Calls(list[str]):
    """The names of the AWS operations called since the last `clear`."""


@pytest.fixture
def calls() -> Calls:
    made = Calls()

    def note(model, **_):
        made.append(model.name)

    for client in (aws.dynamodb(), aws.sqs(), aws.kms()):
        client.meta.events.register("before-call", note)
    return made


def test_send_code_takes_three(call: Call, calls: Calls, ada: Answer, now: Clock):
    now.time += 60
    calls.clear()
    call("send_code")
    assert calls == ["BatchGetItem", "TransactWriteItems", "SendMessage"]


def test_send_code_takes_three_for_a_signed_in_user(
    call: Call, calls: Calls, ada: Answer, now: Clock
):
    now.time += 60
    calls.clear()
    call(
        "send_code", {"email": "ada@example.com", "target": "CUR_USER"}, bearer=ada["access_token"]
    )
    assert calls == ["BatchGetItem", "TransactWriteItems", "SendMessage"]


def test_verify_code_takes_two(call: Call, calls: Calls, outbox: Outbox):
    sent = call("send_code")
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code()}
    calls.clear()
    call("verify_code", body)
    assert calls == ["UpdateItem", "TransactWriteItems"]


def test_sign_up_takes_one(call: Call, calls: Calls, ada: Answer, prove: Callable[..., str]):
    body = {
        "verification_token": prove("bob@example.com"),
        "username": "bobby",
        "password": "b0bb0bb0b",
    }
    calls.clear()
    call("sign_up", body)
    assert calls == ["TransactWriteItems"]


def test_sign_in_by_code_takes_two(
    call: Call, calls: Calls, ada: Answer, prove: Callable[..., str], now: Clock
):
    now.time += 60
    body = {"verification_token": prove()}
    calls.clear()
    call("sign_in", body)
    assert calls == ["BatchGetItem", "TransactWriteItems"]


def test_a_notice_of_a_new_device_makes_it_three(
    call: Call, calls: Calls, ada: Answer, prove: Callable[..., str], now: Clock
):
    now.time += 60
    body = {"verification_token": prove()}
    calls.clear()
    call("sign_in", body, headers={"x-device-id": "another"})
    assert calls == ["BatchGetItem", "TransactWriteItems", "SendMessage"]


@pytest.mark.parametrize("username", ["ada@example.com", "ada_lovelace"])
def test_sign_in_by_password_takes_three(call: Call, calls: Calls, ada: Answer, username: str):
    calls.clear()
    call("sign_in", {"username": username, "password": "engine1843"})
    assert calls == ["GetItem", "BatchGetItem", "TransactWriteItems"]


@pytest.mark.parametrize("username", ["ada@example.com", "nobody@example.com", "nobody_here"])
def test_a_refused_password_takes_two_whoever_is_asked_for(
    call: Call, calls: Calls, ada: Answer, username: str
):
    calls.clear()
    call("sign_in", {"username": username, "password": "wrong1843"})
    assert calls == ["GetItem", "BatchGetItem"]


def test_refresh_takes_one(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("grant_token", {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]})
    assert calls == ["UpdateItem"]


def test_get_user_takes_one(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("get_user", bearer=ada["access_token"])
    assert calls == ["BatchGetItem"]


def test_sign_out_takes_one(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("sign_out", {}, bearer=ada["access_token"])
    assert calls == ["DeleteItem"]


def test_revoke_token_takes_one(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("revoke_token", {"token": ada["access_token"]})
    assert calls == ["DeleteItem"]


def test_discovery_takes_none_when_warm(call: Call, calls: Calls):
    call("discovery")
    calls.clear()
    call("discovery")
    assert calls == []
