from typing import Any

import jwt
import pytest

from latchkey import aws, settings
from latchkey.dynamodb import keys
from latchkey.keys import tokens
from tests.unit.conftest import Answer, Call, Clock

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
    same = ("iss", "sub", "aud", "sid", "auth_time", "amr", "scope")
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
