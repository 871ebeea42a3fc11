from collections.abc import Callable

import pytest

from tests.unit.conftest import Answer, Call, Clock, Outbox


@pytest.fixture
def sent(call: Call, outbox: Outbox) -> dict[str, str]:
    """The right body to verify with."""
    answer = call("send_code")
    return {"verification_id": answer["verification_id"], "verification_code": outbox.code()}


def wrong(sent: dict[str, str]) -> dict[str, str]:
    return sent | {"verification_code": "000000" if sent["verification_code"] != "000000" else "1"}


def refusal(answer: Answer) -> tuple[int, str, int]:
    return answer.status, answer["error"], answer["error_code"]


def test_the_mailed_code_gives_a_token_once(call: Call, sent: dict[str, str]):
    answer = call("verify_code", sent)
    assert (answer.status, answer["expires_in"]) == (200, 600)
    again = call("verify_code", sent)
    assert refusal(again) == (400, "invalid_argument", 3)
    assert "verification code" in again["error_description"]


def test_five_guesses_and_no_more_are_looked_at(call: Call, sent: dict[str, str]):
    for _ in range(5):
        answer = call("verify_code", wrong(sent))
        assert refusal(answer) == (400, "invalid_verification_code", 3)
    answer = call("verify_code", sent)
    assert refusal(answer) == (400, "invalid_argument", 3)
    assert "too many attempts" in answer["error_description"]


def test_the_fifth_guess_may_be_right(call: Call, sent: dict[str, str]):
    for _ in range(4):
        call("verify_code", wrong(sent))
    assert call("verify_code", sent).status == 200


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 400)])
def test_a_code_lives_ten_minutes(
    call: Call, sent: dict[str, str], now: Clock, seconds: int, status: int
):
    now.time += seconds
    assert call("verify_code", sent).status == status


def test_a_code_may_come_as_a_number_without_its_leading_zeros(
    call: Call, outbox: Outbox, now: Clock
):
    for name in range(200):
        answer = call("send_code", {"email": f"{name}@example.com"}, source=f"203.0.113.{name}")
        code = outbox.code(f"{name}@example.com")
        if code.startswith("0"):
            break
    body = {"verification_id": answer["verification_id"], "verification_code": int(code)}
    assert call("verify_code", body).status == 200


def test_a_code_may_be_typed_with_blanks(call: Call, sent: dict[str, str]):
    code = sent["verification_code"]
    assert (
        call("verify_code", sent | {"verification_code": f" {code[:3]} {code[3:]}\n"}).status == 200
    )


@pytest.mark.parametrize("guess", ["", "12345", "1234567", "１２３４５６", "abcdef", -1, 10**9])
def test_what_is_no_code_is_wrong(call: Call, sent: dict[str, str], guess: object):
    answer = call("verify_code", sent | {"verification_code": guess})
    assert answer.status == 400
    assert answer["error"] in ("invalid_verification_code", "invalid_argument")


def test_an_unknown_id_answers_as_an_expired_one(call: Call, sent: dict[str, str], now: Clock):
    unknown = call("verify_code", sent | {"verification_id": "x" * 26})
    now.time += 600
    expired = call("verify_code", sent)
    unknown.pop("request_id"), expired.pop("request_id")
    assert unknown == expired


def test_a_lost_answer_is_given_again_to_the_same_request_only(
    call: Call, sent: dict[str, str], now: Clock
):
    headers = {"x-request-id": "d" * 32}
    first = call("verify_code", sent, headers=headers)
    now.time += 10
    again = call("verify_code", sent, headers=headers)
    assert (again["verification_token"], again["expires_in"]) == (first["verification_token"], 590)
    assert call("verify_code", wrong(sent), headers=headers).status == 400
    assert call("verify_code", sent, headers={"x-request-id": "e" * 32}).status == 400
    assert call("verify_code", sent, headers={"x-request-id": ""}).status == 400


@pytest.mark.parametrize(("seconds", "status"), [(120, 200), (121, 400)])
def test_a_lost_answer_is_kept_for_two_minutes(
    call: Call, sent: dict[str, str], now: Clock, seconds: int, status: int
):
    headers = {"x-request-id": "d" * 32}
    call("verify_code", sent, headers=headers)
    now.time += seconds
    assert call("verify_code", sent, headers=headers).status == status


def test_redeeming_one_of_two_mails_spends_the_other(
    call: Call, sent: dict[str, str], outbox: Outbox, now: Clock
):
    now.time += 60
    second = call("send_code")
    assert call("verify_code", sent).status == 200
    assert call("verify_code", sent | {"verification_id": second["verification_id"]}).status == 400


def test_a_right_fifth_guess_whose_answer_was_lost_is_answered_again(
    call: Call, sent: dict[str, str]
):
    for _ in range(4):
        assert call("verify_code", sent | {"verification_code": "x"}).status == 400
    same = {"x-request-id": "a" * 32}
    first = call("verify_code", sent, headers=same)
    assert first.status == 200
    assert call("verify_code", sent, headers=same) == first


def test_a_spent_code_stays_spent_when_another_one_was_sent(
    call: Call, sent: dict[str, str], outbox: Outbox, now: Clock
):
    now.time += 60
    second = call("send_code")
    assert call("verify_code", sent).status == 200
    now.time += 60
    third = call("send_code")
    assert outbox.code() != sent["verification_code"]
    assert call("verify_code", sent | {"verification_id": second["verification_id"]}).status == 400
    body = {"verification_id": third["verification_id"], "verification_code": outbox.code()}
    assert call("verify_code", body).status == 200


def test_a_code_opens_no_other_verification(call: Call, sent: dict[str, str]):
    other = call("send_code", {"email": "bob@example.com"})
    answer = call("verify_code", sent | {"verification_id": other["verification_id"]})
    assert answer["error"] == "invalid_verification_code"


def test_codes_of_eight_digits_can_be_had(
    call: Call, outbox: Outbox, configure: Callable[..., None]
):
    configure(code_length=8)
    answer = call("send_code")
    code = outbox.code()
    assert len(code) == 8
    body = {"verification_id": answer["verification_id"], "verification_code": code}
    assert call("verify_code", body).status == 200
