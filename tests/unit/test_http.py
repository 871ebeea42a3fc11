"""What every operation does with bad input and with what goes wrong inside."""

import base64
import json
import re
from datetime import datetime, timedelta
from typing import Any, NoReturn

import pytest

from latchkey import bodies, clock, http
from tests.unit.conftest import CONTEXT, ROOT, Answer, Call, handler

POSTS = ["send_code", "verify_code", "sign_up", "sign_in", "grant_token", "revoke_token"]


def refusal(answer: Answer) -> tuple[int, str, int]:
    return answer.status, answer["error"], answer["error_code"]


@pytest.mark.parametrize("operation", POSTS)
@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "{",
        "null",
        "[]",
        "true",
        '"text"',
        "1",
        "email=ada@example.com",
        "[" * 30_000,
        '{"a":' * 10_000,
        '{"email": "\\ud800"}',
        "\ufeff{}",
    ],
)
def test_what_is_no_json_object_is_refused(call: Call, operation: str, raw: str):
    assert refusal(call(operation, raw=raw)) == (400, "invalid_argument", 3)


@pytest.mark.parametrize("operation", POSTS)
def test_an_empty_object_is_refused(call: Call, operation: str):
    answer = call(operation, {})
    assert refusal(answer) == (400, "invalid_argument", 3)
    assert answer["details"][0]["field"]


@pytest.mark.parametrize("operation", POSTS)
@pytest.mark.parametrize("value", [1, True, [], {}, 1.5])
def test_every_field_of_a_wrong_type_is_refused(call: Call, operation: str, value: object):
    body = json.loads(json.loads(call_fixture(operation))["body"])
    unread = {"client_id", "client_secret"} | (
        {"verification_code"} if operation == "sign_up" else set()
    )
    for field in body.keys() - unread:
        if (operation, field, type(value)) == ("verify_code", "verification_code", int):
            continue
        answer = call(operation, body | {field: value})
        assert refusal(answer) == (400, "invalid_argument", 3), field
        assert answer["details"] == [{"field": field}]


@pytest.mark.parametrize("operation", POSTS)
def test_every_field_that_is_too_long_is_refused(call: Call, operation: str):
    body = json.loads(json.loads(call_fixture(operation))["body"])
    unread = {"client_id", "client_secret"} | (
        {"verification_code"} if operation == "sign_up" else set()
    )
    for field in body.keys() - unread:
        assert call(operation, body | {field: "x" * 5000}).status == 400, field


def call_fixture(operation: str) -> str:
    return (ROOT / "events" / f"{operation}.json").read_text()


def test_a_refused_field_is_named_beside_the_text(call: Call):
    answer = call("verify_code", {"verification_id": 1, "verification_code": "1"})
    # Not in it: the SDK would take "verification" for a wrong code.
    assert answer["error_description"] == "Expected `str`, got `int`."
    assert answer["details"] == [{"field": "verification_id"}]


@pytest.mark.parametrize(("size", "status"), [(65_536, 200), (65_537, 413), (1_000_000, 413)])
def test_a_body_has_64_kb(call: Call, outbox: object, size: int, status: int):
    start = '{"email":"ada@example.com","pad":"'
    assert call("send_code", raw=start + "x" * (size - len(start) - 2) + '"}').status == status


def encoded(operation: str, data: bytes) -> Answer:
    event = json.loads(call_fixture(operation))
    event |= {"body": base64.b64encode(data).decode(), "isBase64Encoded": True}
    reply = handler(operation)(event, CONTEXT)
    answer = Answer(json.loads(reply["body"]))
    answer.status = reply["statusCode"]
    return answer


def test_a_body_may_come_as_base64(outbox: object):
    assert encoded("send_code", b'{"email":"ada@example.com"}').status == 200


@pytest.mark.parametrize("data", [b"\xff\xfe", b'{"email":"\xc3\x28@example.com"}'])
def test_what_is_not_utf8_is_refused(data: bytes):
    assert refusal(encoded("send_code", data)) == (400, "invalid_argument", 3)


def test_base64_that_is_none_is_refused():
    event = json.loads(call_fixture("send_code")) | {"body": "a", "isBase64Encoded": True}
    assert handler("send_code")(event, CONTEXT)["statusCode"] == 400


SECRET = "ada@example.com knows 123456"


def fail(*_: object) -> NoReturn:
    raise RuntimeError(SECRET)


@pytest.mark.parametrize("operation", [*POSTS, "sign_out", "get_user", "discovery"])
def test_an_exception_inside_tells_nothing_of_itself(
    call: Call,
    ada: Answer,
    operation: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    body = json.loads(json.loads(call_fixture(operation)).get("body", "{}"))
    if operation == "revoke_token":
        body = {"token": ada["access_token"]}  # The clock is asked for the keys of a real one.
    monkeypatch.setattr(clock, "now", fail)
    answer = call(operation, body)
    assert refusal(answer) == (500, "internal", 13)
    told(answer, capsys.readouterr().out)


def test_an_exception_of_an_operation_that_asks_for_nothing_tells_nothing_of_itself(
    capsys: pytest.CaptureFixture[str],
):
    broken = http.entry("unknown_route", fail, bodies.NoBody)
    reply = broken(json.loads(call_fixture("unknown_route")), CONTEXT)
    answer = Answer(json.loads(reply["body"]))
    answer.status = reply["statusCode"]
    assert refusal(answer) == (500, "internal", 13)
    told(answer, capsys.readouterr().out)


def told(answer: Answer, logged: str) -> None:
    assert SECRET not in json.dumps(answer) + logged
    assert '"type":"RuntimeError"' in logged
    assert "test_http.py" in logged


def test_an_answer_is_json_that_nobody_keeps_and_names_its_request(call: Call):
    answer = call("unknown_route", headers={"x-request-id": "f" * 32})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer["request_id"] == "f" * 32


@pytest.mark.parametrize("sent", ["", "1", "x" * 65, "a b c d e f g h i j k l", '"<script>"' * 4])
def test_an_odd_request_id_is_replaced_by_the_gateways(call: Call, sent: str):
    assert call("unknown_route", headers={"x-request-id": sent})["request_id"] == "JKJaXmPLvHcESHA="


def test_headers_may_all_be_missing():
    event = json.loads(call_fixture("send_code"))
    event.pop("headers"), event.pop("rawQueryString"), event.pop("requestContext")
    assert handler("send_code")(event, CONTEXT)["statusCode"] in (200, 400)


def test_a_request_is_logged_without_its_values(
    call: Call, ada: Answer, capsys: pytest.CaptureFixture[str]
):
    capsys.readouterr()
    call("sign_in", {"username": "ada@example.com", "password": "engine1843"})
    [log] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (log["operation"], log["status"]) == ("sign_in", 200)
    assert set(log) == LOGGED | TRIED


def test_a_refusal_is_logged_with_its_word(call: Call, capsys: pytest.CaptureFixture[str]):
    call("sign_in", {"username": "ada@example.com", "password": "engine1843"})
    [log] = map(json.loads, capsys.readouterr().out.splitlines())
    assert (log["status"], log["error"]) == (401, "invalid_username_or_password")
    assert set(log) == LOGGED | TRIED | {"error"}


LOGGED = {
    "level",
    "message",
    "timestamp",
    "service",
    "cold_start",
    "function_name",
    "function_request_id",
    "operation",
    "status",
    "milliseconds",
    "request_id",
}
TRIED = {"tried", "wrong", "account", "lane", "network"}


def test_a_line_has_the_timestamp_and_level_that_lambda_files_it_by(
    call: Call, capsys: pytest.CaptureFixture[str]
):
    call("unknown_route")
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    # RFC 3339, section 5.6; Lambda files a line with another timestamp under INFO.
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)", line["timestamp"]
    )
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)
    assert line["level"] == "INFO"


def test_a_caller_cannot_have_events_logged(
    call: Call, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    call("sign_in", {"username": "ada@example.com", "password": "engine1843"})
    assert "engine1843" not in capsys.readouterr().out


LONG_ID = "x" * 2100  # DynamoDB refuses keys of more than 2,048 bytes
IDS: dict[str, tuple[str, dict[str, Any], int]] = {
    "ids of users": ("query_user", {"query": f"id={LONG_ID}"}, 400),
    "a user name": ("query_user", {"query": f"username={LONG_ID}"}, 400),
    "a user name to check": ("check_user", {"query": f"username={LONG_ID}"}, 400),
    "a page": ("security_history", {"query": f"page_token={LONG_ID}"}, 400),
    "an action": ("security_history", {"query": f"query[action]={LONG_ID}"}, 400),
    "a device to revoke": ("revoke_device", {"parameters": {"device_id": LONG_ID}}, 400),
    "a mail": ("get_verification", {"path": f"/auth/v1/verification/{LONG_ID}"}, 404),
    "a code": (
        "verify_code",
        {"body": {"verification_id": LONG_ID, "verification_code": "1"}},
        400,
    ),
    "a code to sign in with": (
        "sign_in_with_code",
        {"body": {"verification_id": LONG_ID, "verification_code": "1"}},
        400,
    ),
    "an own id": (
        "edit_profile",
        {"body": {"user_id": LONG_ID}, "route": "POST /auth/v1/user/basic/edit"},
        400,
    ),
    "a sudo token": ("delete_user", {"query": f"sudo_token={LONG_ID}"}, 403),
    "a device": ("sign_in", {"headers": {"x-device-id": LONG_ID}}, 200),
    "a request": ("sign_in", {"headers": {"x-request-id": LONG_ID}}, 200),
    "a client": ("sign_in", {"query": f"client_id={LONG_ID}"}, 200),
}


@pytest.mark.parametrize(("operation", "request_", "status"), IDS.values(), ids=IDS.keys())
def test_an_id_that_is_longer_than_any_key_calls_for_no_failing_call(
    call: Call, ada: Answer, operation: str, request_: dict[str, Any], status: int
):
    answer = call(operation, bearer=ada["access_token"], **request_)
    assert answer.status == status
    assert answer.get("error") not in ("internal", "unavailable")
