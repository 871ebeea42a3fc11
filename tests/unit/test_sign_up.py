from collections.abc import Callable

import pytest

from latchkey.dynamodb import keys, store
from tests.unit.conftest import Answer, Call, Clock

Prove = Callable[..., str]


def refusal(answer: Answer) -> tuple[int, str, int]:
    return answer.status, answer["error"], answer["error_code"]


def test_a_proven_address_is_signed_up_and_in_at_once(call: Call, prove: Prove):
    answer = call("sign_up", {"verification_token": prove(), "name": "Ada", "gender": "FEMALE"})
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 7200, "user")
    profile = call("get_user", bearer=answer["access_token"])
    assert profile["sub"] == profile["uid"] == answer["sub"]
    assert (profile["email"], profile["email_verified"]) == ("ada@example.com", True)
    assert (profile["name"], profile["gender"], profile["hasPassword"]) == ("Ada", "FEMALE", False)
    assert profile["created_at"] == "2026-11-22T12:00:00Z"


@pytest.mark.parametrize("body", [{"email": ""}, {"email": "ADA@example.com"}, {"unknown": [1]}])
def test_the_token_alone_names_the_address(call: Call, prove: Prove, body: dict[str, object]):
    assert call("sign_up", {"verification_token": prove(), **body}).status == 200


def test_a_token_does_not_prove_another_address(call: Call, prove: Prove):
    answer = call("sign_up", {"verification_token": prove(), "email": "bob@example.com"})
    assert refusal(answer) == (400, "invalid_argument", 3)


def test_a_known_address_is_refused_and_its_token_still_signs_in(
    call: Call, ada: Answer, prove: Prove, now: Clock
):
    now.time += 60
    token = prove()
    answer = call("sign_up", {"verification_token": token})
    assert refusal(answer) == (409, "failed_precondition", 9)
    assert (
        call("sign_in", {"username": "ada@example.com", "verification_token": token}).status == 200
    )


def test_a_user_name_belongs_to_one_in_whatever_case(call: Call, ada: Answer, prove: Prove):
    token = prove("bob@example.com")
    answer = call("sign_up", {"verification_token": token, "username": "ADA_Lovelace"})
    assert refusal(answer) == (409, "failed_precondition", 9)
    assert "user name" in answer["error_description"]
    assert call("sign_up", {"verification_token": token, "username": "bobby"}).status == 200


@pytest.mark.parametrize(
    "name", ["", "four", "a" * 25, "ada@example", "ada love", "阿达阿达阿达", "adá_l"]
)
def test_a_bad_user_name_is_refused_and_loses_nothing(call: Call, prove: Prove, name: str):
    token = prove()
    answer = call("sign_up", {"verification_token": token, "username": name})
    assert refusal(answer) == (400, "invalid_argument", 3)
    assert call("sign_up", {"verification_token": token}).status == 200


@pytest.mark.parametrize(
    ("password", "clause"),
    [
        ("", "8 to 32"),
        ("seven77", "8 to 32"),
        ("engine1843" * 3 + "abc", "8 to 32"),
        ("password", "digit"),
        ("12345678", "letter"),
        ("________1", "letter"),
    ],
)
def test_a_weak_password_is_told_its_clause_and_loses_nothing(
    call: Call, prove: Prove, password: str, clause: str
):
    token = prove()
    answer = call("sign_up", {"verification_token": token, "password": password})
    assert refusal(answer) == (400, "invalid_argument", 3)
    assert clause in answer["error_description"]
    assert call("sign_up", {"verification_token": token}).status == 200


@pytest.mark.parametrize(
    "password", ["v7#qengi", "engine1843" * 3 + "ab", "мотылёк1843", "en gin 7"]
)
def test_a_password_within_the_policy_signs_in(call: Call, prove: Prove, password: str):
    call("sign_up", {"verification_token": prove(), "password": password})
    body = {"username": "ada@example.com", "password": password}
    assert call("sign_in", body).status == 200


def test_a_password_is_the_same_however_the_keyboard_spells_it(call: Call, prove: Prove):
    call("sign_up", {"verification_token": prove(), "password": "caf\u00e91234"})
    body = {"username": "ada@example.com", "password": "cafe\u03011234"}
    assert call("sign_in", body).status == 200


def test_a_token_signs_up_once(call: Call, prove: Prove):
    token = prove()
    assert call("sign_up", {"verification_token": token}).status == 200
    assert refusal(call("sign_up", {"verification_token": token})) == (400, "invalid_argument", 3)


def test_a_lost_answer_is_given_again_to_the_same_request_only(
    call: Call, prove: Prove, now: Clock
):
    body = {"verification_token": prove(), "username": "ada_lovelace", "password": "engine1843"}
    first = call("sign_up", body, headers={"x-request-id": "d" * 32})
    now.time += 10
    again = call("sign_up", body, headers={"x-request-id": "d" * 32})
    assert again == first | {"expires_in": 7190}
    assert call("sign_up", body, headers={"x-request-id": "e" * 32}).status == 400


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 400)])
def test_a_token_lives_ten_minutes(call: Call, prove: Prove, now: Clock, seconds: int, status: int):
    token = prove()
    now.time += seconds
    assert call("sign_up", {"verification_token": token}).status == status


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_token_of_another_kind_proves_nothing(call: Call, ada: Answer, kind: str):
    answer = call("sign_up", {"verification_token": ada[kind]})
    assert refusal(answer) == (400, "invalid_argument", 3)


def test_a_phone_number_is_told_that_it_cannot_sign_up(call: Call):
    answer = call("sign_up", {"phone_number": "+86 13800000000", "verification_code": "123456"})
    assert refusal(answer) == (403, "login_type_disabled", 4045)


@pytest.mark.parametrize("name", ["anonymous", " Anonymous "])
def test_the_name_that_means_nobody_is_refused(call: Call, prove: Prove, name: str):
    assert call("sign_up", {"verification_token": prove(), "name": name}).status == 400


def test_nothing_of_a_user_is_there_before_the_mailbox_is_proven(call: Call, outbox: object):
    call("send_code")
    assert store.get(keys.email("ada@example.com")) == [None]


def test_only_named_clients_get_tokens_if_any_are_named(
    call: Call, prove: Prove, configure: Callable[..., None]
):
    configure(client_ids="web,my-app")
    token = prove()
    answer = call("sign_up", {"verification_token": token}, query="client_id=other")
    assert refusal(answer) == (403, "unauthorized_client", 4022)
    assert call("sign_up", {"verification_token": token}, query="client_id=my-app").status == 200
