from collections.abc import Callable

import pytest
from passlib.hash import argon2

from latchkey.dynamodb import keys, store, writes
from latchkey.users import passwords
from tests.unit.conftest import Answer, Call, Clock

Prove = Callable[..., str]
RIGHT = {"username": "ada@example.com", "password": "engine1843"}


@pytest.mark.parametrize(
    "name", ["ada@example.com", "ADA@Example.com", "ada_lovelace", "Ada_Lovelace"]
)
def test_address_and_user_name_sign_in_in_any_case(call: Call, ada: Answer, name: str):
    answer = call("sign_in", RIGHT | {"username": name})
    assert (answer.status, answer["sub"]) == (200, ada["sub"])
    assert call("get_user", bearer=answer["access_token"]).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"password": "engine1844"},
        {"password": ""},
        {"password": "engine1843 "},
        {"username": "nobody@example.com"},
        {"username": "nobody_here"},
        {"username": ""},
        {"username": "no such @ name"},
        {"username": "x" * 300},
    ],
)
def test_an_unknown_user_and_a_wrong_password_answer_alike(
    call: Call, ada: Answer, body: dict[str, str]
):
    answer = call("sign_in", RIGHT | body)
    answer.pop("request_id")
    assert (answer.status, answer) == (
        401,
        {
            "error": "invalid_username_or_password",
            "error_code": 3,
            "error_description": "The user name or the password is wrong.",
        },
    )


def test_an_account_without_password_answers_as_a_wrong_one(call: Call, prove: Prove):
    call("sign_up", {"verification_token": prove()})
    assert call("sign_in", RIGHT)["error"] == "invalid_username_or_password"


@pytest.mark.parametrize("name", ["", "+86 undefined", "ada@example.com", "ADA@example.com", "odd"])
def test_a_proven_address_signs_in_beside_odd_names(
    call: Call, ada: Answer, prove: Prove, now: Clock, name: str
):
    now.time += 60
    answer = call("sign_in", {"username": name, "verification_token": prove()})
    assert (answer.status, answer["sub"]) == (200, ada["sub"])


def test_a_proof_of_another_address_is_refused(call: Call, ada: Answer, prove: Prove):
    body = {"username": "ada@example.com", "verification_token": prove("bob@example.com")}
    answer = call("sign_in", body)
    assert (answer.status, answer["error"], answer["error_code"]) == (400, "invalid_argument", 3)


def test_a_new_address_is_not_found_and_can_still_sign_up(call: Call, prove: Prove):
    token = prove()
    answer = call("sign_in", {"verification_token": token})
    assert (answer.status, answer["error"], answer["error_code"]) == (404, "not_found", 5)
    assert call("sign_up", {"verification_token": token}).status == 200


def test_a_proof_signs_in_once_and_its_lost_answer_again(
    call: Call, ada: Answer, prove: Prove, now: Clock
):
    now.time += 60
    body = {"verification_token": prove()}
    first = call("sign_in", body, headers={"x-request-id": "d" * 32})
    assert call("sign_in", body, headers={"x-request-id": "d" * 32}) == first
    assert call("sign_in", body).status == 400


@pytest.mark.parametrize("body", [{}, {"username": "ada@example.com"}, {"password": None}])
def test_neither_password_nor_token_is_told(call: Call, body: dict[str, object]):
    answer = call("sign_in", body)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")
    assert answer["details"] == [{"field": "password"}]


def test_a_phone_number_is_told_that_it_cannot_sign_in(call: Call):
    answer = call("sign_in", RIGHT | {"username": "+86 13800000000"})
    assert (answer.status, answer["error"]) == (403, "login_type_disabled")


def test_each_sign_in_is_a_session_of_its_own(call: Call, ada: Answer):
    first, second = call("sign_in", RIGHT), call("sign_in", RIGHT)
    call("sign_out", {}, bearer=first["access_token"])
    assert call("get_user", bearer=second["access_token"]).status == 200


def test_a_hash_of_other_settings_is_replaced(call: Call, ada: Answer):
    old = argon2.using(memory_cost=8192, time_cost=1, parallelism=1).hash("engine1843")
    place = keys.user(ada["sub"])
    store.write(writes.Update(place, sets={"password_hash": old}))
    assert call("sign_in", RIGHT).status == 200
    [item] = store.get(place)
    assert item
    assert "m=19456,t=2,p=1" in item["password_hash"]
    assert call("sign_in", RIGHT).status == 200
    [later] = store.get(keys.user(ada["sub"]))
    assert later
    assert later["password_hash"] == item["password_hash"]


def test_no_session_is_born_from_credentials_that_changed_meanwhile(
    call: Call, ada: Answer, monkeypatch: pytest.MonkeyPatch
):
    def change_then_match(password: str, stored: str | None) -> bool:
        store.write(writes.Update(keys.user(ada["sub"]), adds={"version": 1}))
        return True

    monkeypatch.setattr(passwords, "matches", change_then_match)
    answer = call("sign_in", RIGHT)
    assert (answer.status, answer["error"], answer["error_code"]) == (409, "aborted", 10)


def test_the_profile_tells_the_last_sign_in(call: Call, ada: Answer, now: Clock):
    now.time += 3600
    tokens = call("sign_in", RIGHT)
    profile = call("get_user", bearer=tokens["access_token"])
    assert profile["last_sign_in_at"] == "2026-11-22T13:00:00Z"
