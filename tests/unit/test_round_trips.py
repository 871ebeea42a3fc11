"""How many calls of AWS a warm request makes, counted from botocore's own events."""

from collections.abc import Callable

import pytest

from latchkey import aws
from latchkey.keys import keyring
from latchkey.limits import captcha
from tests.unit.conftest import (
    CONTEXT,
    NOW,
    Answer,
    Call,
    Clock,
    Confirm,
    Outbox,
    Prove,
    SignIn,
    handler,
)
from tests.unit.test_encryption import seal, thumbprint

CREATE = ["TransactWriteItems"]


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


@pytest.fixture
def captcha_token(call: Call, configure: Callable[..., None]) -> str:
    """Let the next tries of strangers take a captcha, and return a token of one."""
    made = captcha.picture("", now=NOW)
    body = {"token": made.token, "key": made.text}
    token = call("solve_captcha", body, route="POST /auth/v1/captcha/data/verify")["captcha_token"]
    configure(failures_per_day=2)
    call("sign_in", {"username": "bob@example.com", "password": "wrong1843"})
    return str(token)


def test_a_captcha_takes_one_to_draw_and_one_to_answer(call: Call, calls: Calls):
    call("solve_captcha")
    calls.clear()
    made = call("solve_captcha")
    assert calls == ["UpdateItem"]
    calls.clear()
    body = {"token": made["token"], "key": "0000"}
    call("solve_captcha", body, route="POST /auth/v1/captcha/data/verify")
    assert calls == ["PutItem"]


def test_a_captcha_makes_a_sign_in_by_password_take_two_more(
    call: Call, calls: Calls, captcha_token: str
):
    body = {"username": "bob@example.com", "password": "wrong1843"}
    calls.clear()
    assert call("sign_in", body)["error"] == "captcha_required"
    assert calls == ["GetItem", "BatchGetItem", "UpdateItem"]
    calls.clear()
    call("sign_in", body, query=f"captcha_token={captcha_token}")
    assert calls == ["GetItem", "BatchGetItem", *["UpdateItem"] * 4]


def test_a_captcha_makes_send_code_take_no_more(
    call: Call, calls: Calls, captcha_token: str, configure: Callable[..., None]
):
    configure(code_cooldown_seconds=0)
    for _ in range(3):
        call("send_code", {"email": "bob@example.com"})
    body = {"email": "bob@example.com"}
    assert call("send_code", body)["error"] == "captcha_required"
    calls.clear()
    assert call("send_code", body, query=f"captcha_token={captcha_token}").status == 200
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


def test_verify_code_takes_three_on_a_known_device(
    call: Call, calls: Calls, ada: Answer, outbox: Outbox, now: Clock
):
    now.time += 60
    sent = call("send_code")
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code()}
    calls.clear()
    call("verify_code", body)
    assert calls == ["UpdateItem", "UpdateItem", "TransactWriteItems"]


@pytest.mark.parametrize("address", ["ada@example.com", "nobody@example.com"])
def test_verify_code_takes_four_for_a_stranger_right_or_wrong(
    call: Call, calls: Calls, ada: Answer, outbox: Outbox, address: str
):
    stranger = {"x-device-id": "d" * 32}
    sent = call("send_code", {"email": address}, headers=stranger, source="203.0.113.9")
    body = {"verification_id": sent["verification_id"], "verification_code": "000"}
    calls.clear()
    call("verify_code", body)
    assert calls == ["UpdateItem"] * 4
    right = body | {"verification_code": outbox.code(address)}
    calls.clear()
    call("verify_code", right)
    assert calls == ["UpdateItem", "UpdateItem", "UpdateItem", "TransactWriteItems"]


def test_the_deployment_s_counters_are_read_once_a_minute(
    call: Call, calls: Calls, outbox: Outbox, now: Clock
):
    sent = call("send_code")
    body = {"verification_id": sent["verification_id"], "verification_code": "000"}
    call("verify_code", body)
    now.time += 59
    calls.clear()
    call("verify_code", body)
    assert calls == ["UpdateItem"] * 4
    now.time += 1
    calls.clear()
    call("verify_code", body)
    assert calls == ["UpdateItem", "BatchGetItem", *["UpdateItem"] * 3]
    now.time += 60
    calls.clear()
    call("send_code")
    assert calls == ["BatchGetItem", "TransactWriteItems", "SendMessage"]


def test_a_sign_in_by_code_counts_once_a_day(
    call: Call, calls: Calls, ada: Answer, prove: Callable[..., str], now: Clock
):
    now.time += 86400
    for counted in (["UpdateItem"], []):
        now.time += 60
        body = {"verification_token": prove()}
        calls.clear()
        call("sign_in", body)
        assert calls == ["BatchGetItem", "TransactWriteItems", *counted]


def test_sign_up_takes_one(call: Call, calls: Calls, ada: Answer, prove: Callable[..., str]):
    body = {
        "verification_token": prove("bob@example.com"),
        "username": "bobby",
        "password": "mail1843bag",
    }
    calls.clear()
    call("sign_up", body)
    assert calls == ["TransactWriteItems"]


def test_with_strict_account_discovery_a_sign_up_of_a_known_address_takes_two(
    call: Call, calls: Calls, ada: Answer, prove: Callable[..., str], now: Clock, configure
):
    configure(account_discovery="strict")
    now.time += 60
    known, unknown = prove(), prove("bob@example.com")
    for token, made in ((known, ["BatchGetItem", "TransactWriteItems"]), (unknown, CREATE)):
        calls.clear()
        assert call("sign_up", {"verification_token": token}).status == 200
        assert calls == made


def test_with_strict_account_discovery_a_sign_in_of_an_unknown_address_takes_three(
    call: Call, calls: Calls, prove: Callable[..., str], configure
):
    configure(account_discovery="strict")
    token = prove()
    calls.clear()
    assert call("sign_in", {"verification_token": token}).status == 200
    assert calls == ["GetItem", "BatchGetItem", *CREATE]


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
def test_a_refused_password_takes_four_whoever_is_asked_for(
    call: Call, calls: Calls, ada: Answer, username: str
):
    calls.clear()
    body = {"username": username, "password": "wrong1843"}
    call("sign_in", body, headers={"x-device-id": "d" * 32})
    assert calls == ["GetItem", "BatchGetItem", "UpdateItem", "UpdateItem"]


def test_a_refused_password_takes_three_on_a_known_device(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("sign_in", {"username": "ada@example.com", "password": "wrong1843"})
    assert calls == ["GetItem", "BatchGetItem", "UpdateItem"]


def test_sign_in_by_password_takes_five_for_a_stranger_and_a_notice(
    call: Call, calls: Calls, ada: Answer
):
    calls.clear()
    body = {"username": "ada@example.com", "password": "engine1843"}
    call("sign_in", body, headers={"x-device-id": "d" * 32})
    assert calls == [
        "GetItem",
        "BatchGetItem",
        "UpdateItem",
        "UpdateItem",
        "TransactWriteItems",
        "SendMessage",
    ]


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


def test_verify_code_takes_four_where_it_proves_a_new_address(
    call: Call, calls: Calls, ada: Answer, outbox: Outbox
):
    sent = call("send_code", {"email": NEW}, bearer=ada["access_token"])
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code(NEW)}
    calls.clear()
    call("verify_code", body)
    assert calls == ["UpdateItem", "UpdateItem", "UpdateItem", "TransactWriteItems"]


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


def test_with_strict_account_discovery_a_question_about_an_address_reads_nothing(
    call: Call, calls: Calls, ada: Answer, configure: Callable[..., None]
):
    configure(account_discovery="strict")
    calls.clear()
    call("check_user", query="username=ada%40example.com")
    assert calls == []
    call("query_user", bearer=ada["access_token"], query="email=bob%40example.com")
    assert calls == ["BatchGetItem"]


def test_list_providers_takes_one(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("list_providers", bearer=ada["access_token"])
    assert calls == ["BatchGetItem"]


@pytest.mark.parametrize(
    ("query", "queries"),
    [("query[action]=USER_LOGIN", 1), ("", 2), (f"page_token={'9' * 12}-{'a' * 26}", 1)],
)
def test_security_history_takes_two_and_one_to_read_the_failures(
    call: Call, calls: Calls, ada: Answer, query: str, queries: int
):
    calls.clear()
    call("security_history", bearer=ada["access_token"], query=query)
    assert calls == ["BatchGetItem", *["Query"] * queries]


def test_list_sessions_takes_two(call: Call, calls: Calls, ada: Answer):
    calls.clear()
    call("list_sessions", bearer=ada["access_token"])
    assert calls == ["BatchGetItem", "Query"]


def test_on_the_day_after_a_rotation_the_failures_take_one_more(
    call: Call, calls: Calls, sign_in: SignIn, ada: Answer, now: Clock
):
    now.time += 90 * 86400
    handler("rotate_keys")({"detail-type": "Scheduled Event"}, CONTEXT)
    found = []
    for _ in range(3):  # one second before the new key signs, then a day after, then a second more
        now.time += 86399
        bearer = sign_in()["access_token"]
        calls.clear()
        call("security_history", bearer=bearer, query="")
        found.append(calls.count("Query"))
        now.time += 1
    assert found == [2, 3, 2]


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
