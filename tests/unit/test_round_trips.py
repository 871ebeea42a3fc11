"""How many calls of AWS a warm request makes, counted from botocore's own events."""

from collections.abc import Callable

import pytest

from latchkey import aws
from latchkey.keys import keyring
from tests.unit.conftest import NOW, Answer, Call, Clock, Confirm, Outbox, Prove, SignIn
from tests.unit.test_encryption import seal, thumbprint


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


def test_verify_code_takes_three(call: Call, calls: Calls, outbox: Outbox):
    sent = call("send_code")
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code()}
    calls.clear()
    call("verify_code", body)
    assert calls == ["UpdateItem", "UpdateItem", "TransactWriteItems"]


def test_sign_up_takes_one(call: Call, calls: Calls, ada: Answer, prove: Callable[..., str]):
    body = {
        "verification_token": prove("bob@example.com"),
        "username": "bobby",
        "password": "mail1843bag",
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
def test_sign_in_by_password_takes_four(call: Call, calls: Calls, ada: Answer, username: str):
    calls.clear()
    call("sign_in", {"username": username, "password": "engine1843"})
    assert calls == ["GetItem", "BatchGetItem", "UpdateItem", "TransactWriteItems"]


@pytest.mark.parametrize("username", ["ada@example.com", "nobody@example.com", "nobody_here"])
def test_a_refused_password_takes_three_whoever_is_asked_for(
    call: Call, calls: Calls, ada: Answer, username: str
):
    calls.clear()
    call("sign_in", {"username": username, "password": "wrong1843"})
    assert calls == ["GetItem", "BatchGetItem", "UpdateItem"]


def test_refresh_takes_two(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("grant_token", {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]})
    assert calls == ["BatchGetItem", "UpdateItem"]


def test_a_refresh_on_another_device_takes_three(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    call("grant_token", body, headers={"x-device-id": "another"})
    assert calls == ["BatchGetItem", "TransactWriteItems", "SendMessage"]


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


NEW = "countess@example.com"


@pytest.fixture
def sudo(ada: Answer, confirm: Confirm) -> str:
    return confirm(ada)


def test_sudo_by_password_takes_three(call: Call, calls: Calls, ada: Answer):
    call("sudo", bearer=ada["access_token"])
    assert calls[-3:] == ["BatchGetItem", "UpdateItem", "TransactWriteItems"]


def test_sudo_by_code_takes_two(call: Call, calls: Calls, ada: Answer, prove: Prove, now: Clock):
    now.time += 60
    body = {"verification_token": prove()}
    calls.clear()
    call("sudo", body, bearer=ada["access_token"])
    assert calls == ["BatchGetItem", "TransactWriteItems"]


ENDING = {0: [], 1: ["BatchWriteItem"], 5: ["BatchWriteItem"]}


@pytest.mark.parametrize("others", ENDING)
def test_set_password_takes_four_and_one_to_end_other_sessions(
    call: Call, calls: Calls, ada: Answer, sudo: str, sign_in: SignIn, others: int
):
    for _ in range(others):
        sign_in()
    calls.clear()
    body = {"new_password": "engine1844", "sudo_token": sudo}
    call("set_password", body, bearer=ada["access_token"])
    assert calls == ["BatchGetItem", "TransactWriteItems", "SendMessage", "Query", *ENDING[others]]


def test_change_email_takes_four(call: Call, calls: Calls, ada: Answer, sudo: str, prove: Prove):
    body = {"email": NEW, "sudo_token": sudo, "verification_token": prove(NEW)}
    calls.clear()
    call("change_email", body, bearer=ada["access_token"])
    assert calls == ["BatchGetItem", "TransactWriteItems", "SendMessage", "Query"]


def test_reset_password_takes_five(call: Call, calls: Calls, ada: Answer, prove: Prove, now: Clock):
    now.time += 60
    body = {"new_password": "engine1844", "verification_token": prove()}
    calls.clear()
    call("reset_password", body)
    assert calls == ["BatchGetItem", "TransactWriteItems", "SendMessage", "Query", "BatchWriteItem"]


def test_verify_code_takes_three_where_it_proves_a_new_address(
    call: Call, calls: Calls, ada: Answer, outbox: Outbox
):
    sent = call("send_code", {"email": NEW}, bearer=ada["access_token"])
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code(NEW)}
    calls.clear()
    call("verify_code", body)
    assert calls == ["UpdateItem", "UpdateItem", "TransactWriteItems"]


def test_edit_profile_takes_two(call: Call, calls: Calls, ada: Answer):
    call("edit_profile", bearer=ada["access_token"])
    assert calls[-2:] == ["BatchGetItem", "UpdateItem"]


def test_a_change_of_user_name_takes_two(call: Call, calls: Calls, ada: Answer):
    call("edit_profile", {"username": "countess"}, bearer=ada["access_token"])
    assert calls[-2:] == ["BatchGetItem", "TransactWriteItems"]


def test_a_change_of_address_by_basic_edit_takes_four(
    call: Call, calls: Calls, ada: Answer, prove: Prove
):
    prove(NEW, bearer=ada["access_token"])
    calls.clear()
    route = "POST /auth/v1/user/basic/edit"
    call("edit_profile", {"email": NEW}, bearer=ada["access_token"], route=route)
    assert calls == ["BatchGetItem", "TransactWriteItems", "SendMessage", "Query"]


def test_check_user_takes_one_for_a_name_and_two_for_an_address(call: Call, calls: Calls):
    call("check_user")
    assert calls == ["GetItem"]
    calls.clear()
    call("check_user", query="username=ada%40example.com")
    assert calls == ["UpdateItem", "GetItem"]


def test_query_user_takes_one_for_ids_and_three_for_a_name(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("query_user", bearer=ada["access_token"], query=f"id={ada['sub']}%2Cnobody")
    assert calls == ["BatchGetItem"]
    calls.clear()
    call("query_user", bearer=ada["access_token"])
    assert calls == ["BatchGetItem", "GetItem", "BatchGetItem"]


def test_list_providers_takes_one(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("list_providers", bearer=ada["access_token"])
    assert calls == ["BatchGetItem"]


def test_security_history_takes_two(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("security_history", bearer=ada["access_token"])
    assert calls == ["BatchGetItem", "Query"]


@pytest.mark.parametrize("operation", ["revoke_all", "revoke_device"])
def test_revoking_takes_two(call: Call, calls: Calls, ada: Answer, operation: str):
    calls.clear()
    call(operation, bearer=ada["access_token"])
    assert calls == ["Query", "BatchWriteItem"]


def test_delete_user_takes_six(call: Call, calls: Calls, ada: Answer, sudo: str):
    calls.clear()
    call("delete_user", bearer=ada["access_token"], query=f"sudo_token={sudo}")
    assert calls == [
        "BatchGetItem",
        "TransactWriteItems",
        "SendMessage",
        "Query",
        "BatchWriteItem",
        "DeleteItem",
    ]


def test_introspect_token_takes_one(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("introspect_token", {"token": ada["access_token"]})
    assert calls == ["BatchGetItem"]


def test_a_password_grant_takes_four(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    body = {"grant_type": "password", "username": "ada_lovelace", "password": "engine1843"}
    call("grant_token", body)
    assert calls == ["GetItem", "BatchGetItem", "UpdateItem", "TransactWriteItems"]


def test_an_encrypted_sign_in_takes_four(call: Call, calls: Calls, ada: Answer):
    text = '{"username": "ada_lovelace", "password": "engine1843"}'
    body = {"params": seal(text), "public_key_thumbprint": thumbprint()}
    call("sign_in", body)
    calls.clear()
    call("sign_in", body)
    assert calls == ["GetItem", "BatchGetItem", "UpdateItem", "TransactWriteItems"]


def test_the_public_key_takes_none_when_warm(call: Call, calls: Calls):
    call("encryption_key")
    calls.clear()
    call("encryption_key")
    assert calls == []


def test_a_code_sign_in_in_one_step_takes_five(
    call: Call, calls: Calls, ada: Answer, outbox: Outbox, now: Clock
):
    now.time += 60
    sent = call("send_code")
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code()}
    calls.clear()
    call("sign_in_with_code", body)
    assert calls == [
        "UpdateItem",
        "UpdateItem",
        "TransactWriteItems",
        "BatchGetItem",
        "TransactWriteItems",
    ]


def test_a_change_of_password_without_session_takes_seven(call: Call, calls: Calls, ada: Answer):
    body = {
        "username": "ada_lovelace",
        "password": seal("engine1843"),
        "new_password": seal("engine1844"),
        "public_key_thumbprint": thumbprint(),
    }
    call("encryption_key")
    keyring.private(keyring.load().current("encryption", NOW))
    calls.clear()
    call("update_password", body)
    assert calls == [
        "GetItem",
        "BatchGetItem",
        "UpdateItem",
        "TransactWriteItems",
        "SendMessage",
        "Query",
        "BatchWriteItem",
    ]
