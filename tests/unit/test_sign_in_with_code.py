import pytest

from tests.unit.conftest import Answer, Call, Clock, Outbox


def redeem(call: Call, outbox: Outbox, address: str, **fields: object) -> Answer:
    sent = call("send_code", {"email": address})
    body = {
        "verification_id": sent["verification_id"],
        "verification_code": outbox.code(address),
    }
    return call("sign_in_with_code", body | fields)


def test_a_code_signs_in(call: Call, ada: Answer, outbox: Outbox, now: Clock):
    now.time += 60
    assert redeem(call, outbox, "ada@example.com")["sub"] == ada["sub"]


def test_a_code_makes_an_account_for_a_new_address(call: Call, outbox: Outbox):
    answer = redeem(call, outbox, "bob@example.com")
    assert call("get_user", bearer=answer["access_token"])["email"] == "bob@example.com"


@pytest.mark.parametrize("address", ["ada@example.com", "bob@example.com"])
def test_a_lost_answer_is_given_again(
    call: Call, ada: Answer, outbox: Outbox, now: Clock, address: str
):
    now.time += 60
    sent = call("send_code", {"email": address})
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code(address)}
    same = {"x-request-id": "a" * 32}
    first = call("sign_in_with_code", body, headers=same)
    again = call("sign_in_with_code", body, headers=same)
    assert first.status == 200
    assert again == first
    assert call("sign_in_with_code", body)["error"] == "invalid_argument"


def test_a_wrong_code_signs_nobody_in(call: Call, outbox: Outbox):
    answer = redeem(call, outbox, "bob@example.com", verification_code="abcdef")
    assert (answer.status, answer["error"]) == (400, "invalid_verification_code")


@pytest.mark.parametrize("body", [{}, {"verification_id": "a"}, {"verification_code": "123456"}])
def test_a_code_sign_in_without_a_field_is_refused(call: Call, body: dict[str, str]):
    answer = call("sign_in_with_code", body)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")
