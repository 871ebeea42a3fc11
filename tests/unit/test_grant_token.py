from collections.abc import Callable
from typing import Any

import jwt
import pytest

from latchkey import aws, settings
from latchkey.dynamodb import keys
from latchkey.keys import tokens
from tests.unit.conftest import Answer, Call, Clock, Meanwhile, Outbox, SignIn

DAY = 86400


def refresh(call: Call, token: str, **how: object) -> Answer:
    body = {"client_id": "my-app", "grant_type": "refresh_token", "refresh_token": token}
    return call("grant_token", body, **how)


def test_each_refresh_gives_the_next_generation(call: Call, ada: Answer, now: Clock):
    now.time += 7200
    second = refresh(call, ada["refresh_token"])
    assert (second.status, second["sub"], second["expires_in"]) == (200, ada["sub"], 7200)
    assert call("get_user", bearer=second["access_token"]).status == 200
    assert refresh(call, second["refresh_token"]).status == 200


@pytest.mark.parametrize(("seconds", "status"), [(30, 200), (31, 400)])
def test_the_token_just_used_gives_the_same_successor_for_thirty_seconds(
    call: Call, ada: Answer, now: Clock, seconds: int, status: int
):
    first = refresh(call, ada["refresh_token"])
    now.time += seconds
    again = refresh(call, ada["refresh_token"])
    assert again.status == status
    if status == 200:
        assert again == first | {"expires_in": 7200 - seconds}


def test_a_token_used_late_ends_the_session_and_is_written_down(
    call: Call, ada: Answer, now: Clock
):
    second = refresh(call, ada["refresh_token"])
    now.time += 31
    answer = refresh(call, ada["refresh_token"])
    assert (answer.status, answer["error"], answer["error_code"]) == (400, "invalid_grant", 3)
    assert refresh(call, second["refresh_token"])["error"] == "invalid_grant"
    assert call("get_user", bearer=second["access_token"])["error"] == "unauthenticated"
    assert events(ada["sub"]) == ["USER_LOGIN", "REFRESH_TOKEN_REUSED"]


def test_a_token_used_from_another_device_ends_the_session(call: Call, ada: Answer):
    second = refresh(call, ada["refresh_token"])
    stolen = refresh(call, ada["refresh_token"], headers={"x-device-id": "f" * 32})
    assert stolen["error"] == "invalid_grant"
    assert refresh(call, second["refresh_token"])["error"] == "invalid_grant"


def test_a_token_before_the_last_ends_the_session_at_once(call: Call, ada: Answer):
    second = refresh(call, ada["refresh_token"])
    third = refresh(call, second["refresh_token"])
    assert refresh(call, ada["refresh_token"])["error"] == "invalid_grant"
    assert refresh(call, third["refresh_token"])["error"] == "invalid_grant"


@pytest.mark.parametrize(("seconds", "status"), [(30 * DAY - 1, 200), (30 * DAY, 400)])
def test_a_session_lives_thirty_days_from_its_last_use(
    call: Call, ada: Answer, now: Clock, seconds: int, status: int
):
    now.time += 10 * DAY
    second = refresh(call, ada["refresh_token"])
    now.time += seconds
    assert refresh(call, second["refresh_token"]).status == status


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "é", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(call: Call, token: str):
    answer = refresh(call, token)
    assert (answer.status, answer["error"], answer["error_code"]) == (400, "invalid_grant", 3)


def test_an_access_token_refreshes_nothing(call: Call, ada: Answer):
    assert refresh(call, ada["access_token"])["error"] == "invalid_grant"


def test_a_fault_is_no_refusal(call: Call, ada: Answer, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as broken:
        broken.setenv("GRANTS_TABLE", "gone")
        settings.Settings.load.__func__.cache_clear()  # type: ignore[attr-defined]
        answer = refresh(call, ada["refresh_token"])
    settings.Settings.load.__func__.cache_clear()  # type: ignore[attr-defined]
    assert (answer.status, answer["error"], answer["error_code"]) == (503, "unavailable", 14)
    assert refresh(call, ada["refresh_token"]).status == 200


@pytest.mark.parametrize(
    "body", [{}, {"grant_type": "password"}, {"grant_type": "refresh_token"}, {"grant_type": 1}]
)
def test_another_grant_is_refused(call: Call, body: dict[str, object]):
    answer = call("grant_token", body)
    assert (answer.status, answer["error"], answer["error_code"]) == (400, "invalid_argument", 3)


def test_a_refreshed_access_token_keeps_its_session_and_time_of_sign_in(
    call: Call, ada: Answer, now: Clock
):
    options: Any = {"verify_signature": False}
    first = jwt.decode(ada["access_token"], options=options)
    now.time += 100
    second = jwt.decode(refresh(call, ada["refresh_token"])["access_token"], options=options)
    same = ("iss", "sub", "aud", "client_id", "sid", "auth_time", "amr", "scope")
    assert [first[name] for name in same] == [second[name] for name in same]
    assert first["jti"] != second["jti"]
    assert second["exp"] - first["exp"] == 100
    assert set(first) == {*same, "exp", "iat", "jti"}


def events(sub: str) -> list[str]:
    answer = aws.dynamodb().query(
        TableName="Grants",
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": keys.user(sub).pk}, ":sk": {"S": "EVENT#"}},
    )
    return [item["action"]["S"] for item in answer["Items"]]


def test_tokens_of_one_kind_are_none_of_another(ada: Answer, now: Clock):
    with pytest.raises(tokens.Refused):
        tokens.read_mac("verification", ada["refresh_token"], now=now.time)


@pytest.mark.parametrize("name", ["ada@example.com", "ada_lovelace"])
def test_a_password_is_granted_a_session(call: Call, ada: Answer, name: str):
    body = {"grant_type": "password", "username": name, "password": "engine1843"}
    granted = call("grant_token", body)
    assert granted["sub"] == ada["sub"]
    assert call("get_user", bearer=granted["access_token"]).status == 200


def test_a_password_may_come_in_a_form(call: Call, ada: Answer):
    raw = "grant_type=password&username=ada%40example.com&password=engine1843&client_id=my-app"
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert call("grant_token", raw=raw, headers=form)["sub"] == ada["sub"]


def test_a_wrong_password_is_granted_nothing(call: Call, ada: Answer):
    body = {"grant_type": "password", "username": "ada_lovelace", "password": "wrong1843"}
    answer = call("grant_token", body)
    assert (answer.status, answer["error"]) == (401, "invalid_username_or_password")


@pytest.mark.parametrize("missing", ["username", "password"])
def test_a_password_grant_needs_both(call: Call, missing: str):
    body = {"grant_type": "password", "username": "ada_lovelace", "password": "wrong1843"}
    answer = call("grant_token", {k: v for k, v in body.items() if k != missing})
    assert (answer["error"], answer["details"]) == ("invalid_argument", [{"field": missing}])


def test_a_session_of_either_version_refreshes_at_both(call: Call, ada: Answer):
    token = ada["refresh_token"]
    for route in ("POST /auth/v2/token", "POST /auth/v1/token"):
        body = {"grant_type": "refresh_token", "refresh_token": token}
        token = call("grant_token", body, route=route)["refresh_token"]


@pytest.mark.parametrize("source", ["203.0.113.7", "203.0.113.250"])
def test_a_lost_answer_is_given_again_to_the_same_device_in_the_same_network(
    call: Call, ada: Answer, source: str
):
    second = refresh(call, ada["refresh_token"])
    assert refresh(call, ada["refresh_token"], source=source) == second


@pytest.mark.parametrize(
    ("first", "then", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:2:2::1", False),
    ],
)
def test_a_site_is_one_network(call: Call, ada: Answer, first: str, then: str, same: bool):
    second = refresh(call, ada["refresh_token"], source=first)
    answer = refresh(call, ada["refresh_token"], source=then)
    assert (answer == second) is same


def test_a_device_that_changes_its_network_gets_no_successor_and_keeps_its_session(
    call: Call, ada: Answer
):
    second = refresh(call, ada["refresh_token"])
    answer = refresh(call, ada["refresh_token"], source="198.51.100.1")
    assert (answer.status, answer["error"], answer["error_code"]) == (503, "unavailable", 14)
    assert refresh(call, second["refresh_token"]).status == 200
    assert "REFRESH_TOKEN_REUSED" not in events(ada["sub"])


def test_a_repeated_request_gets_its_answer_from_any_network_and_agent(call: Call, ada: Answer):
    same = {"x-request-id": "a" * 32}
    second = refresh(call, ada["refresh_token"], headers=same)
    again = {**same, "user-agent": "other"}
    token = ada["refresh_token"]
    assert refresh(call, token, headers=again, source="198.51.100.1") == second


@pytest.mark.parametrize("other", [{"x-device-id": "f" * 32}, {"user-agent": "curl/8"}])
def test_another_device_or_agent_is_a_thief(call: Call, ada: Answer, other: dict[str, str]):
    second = refresh(call, ada["refresh_token"])
    assert refresh(call, ada["refresh_token"], headers=other)["error"] == "invalid_grant"
    assert refresh(call, second["refresh_token"])["error"] == "invalid_grant"
    assert "REFRESH_TOKEN_REUSED" in events(ada["sub"])


def test_of_two_devices_that_refresh_at_once_one_is_a_thief(
    call: Call, ada: Answer, meanwhile: Meanwhile
):
    token, thief = ada["refresh_token"], {"x-device-id": "f" * 32}
    stolen: list[Answer] = []
    meanwhile(lambda: stolen.append(refresh(call, token, headers=thief)))
    assert refresh(call, token)["error"] == "invalid_grant"
    assert stolen[0].status == 200
    assert refresh(call, stolen[0]["refresh_token"], headers=thief)["error"] == "invalid_grant"


def test_a_refresh_on_another_device_is_told_to_the_user(call: Call, ada: Answer, outbox: Outbox):
    assert refresh(call, ada["refresh_token"], headers={"x-device-id": "f" * 32}).status == 200
    assert "REFRESHED_ELSEWHERE" in events(ada["sub"])
    outbox.deliver()
    assert outbox.mails[-1].kind == "new_device"


@pytest.mark.parametrize(("seconds", "status"), [(40 * DAY - 1, 200), (40 * DAY, 400)])
def test_a_session_ends_however_often_it_is_used(
    call: Call,
    ada: Answer,
    now: Clock,
    configure: Callable[..., None],
    seconds: int,
    status: int,
):
    configure(session_max_days=40)
    second = refresh(call, ada["refresh_token"])
    now.time += 20 * DAY
    third = refresh(call, second["refresh_token"])
    now.time += seconds - 20 * DAY
    assert refresh(call, third["refresh_token"]).status == status


def test_a_client_that_is_no_longer_accepted_refreshes_nothing(
    call: Call, ada: Answer, configure: Callable[..., None]
):
    configure(client_ids="another-app")
    answer = refresh(call, ada["refresh_token"])
    assert (answer.status, answer["error"]) == (403, "unauthorized_client")
    configure(client_ids="my-app")
    assert refresh(call, ada["refresh_token"]).status == 200


@pytest.mark.parametrize(
    ("client_ids", "audience"), [("", "latchkey"), ("my-app,another-app", "my-app")]
)
def test_no_caller_makes_up_an_audience(
    call: Call,
    ada: Answer,
    sign_in: SignIn,
    configure: Callable[..., None],
    client_ids: str,
    audience: str,
):
    configure(client_ids=client_ids)
    claims = jwt.decode(sign_in()["access_token"], options={"verify_signature": False})
    assert (claims["aud"], claims["client_id"]) == (audience, "my-app")


def test_a_client_id_is_cut_to_128_characters(call: Call, ada: Answer):
    body = {"username": "ada_lovelace", "password": "engine1843"}
    signed_in = call("sign_in", body, query=f"client_id={'a' * 200}")
    claims = jwt.decode(signed_in["access_token"], options={"verify_signature": False})
    assert claims["client_id"] == "a" * 128
