"""A disabled user is refused at each door, and nobody without a right credential learns it."""

import pytest

from latchkey.mail import delivery
from tests.unit.conftest import Alive, Answer, Call, Clock, Confirm, Outbox, Prove, SignIn
from tests.unit.operators import operate

ADA = {"user": "ada@example.com"}
PASSWORD = {"username": "ada@example.com", "password": "engine1843"}


def disable() -> None:
    assert "result" in operate("operator_change", "users.disable", **ADA)


def test_a_bearer_is_nobody_at_once(call: Call, ada: Answer):
    disable()
    bearer = ada["access_token"]
    for operation in ("get_user", "list_sessions", "list_providers", "sudo", "delete_user"):
        answer = call(operation, bearer=bearer)
        assert (answer.status, answer["error"]) == (401, "unauthenticated"), operation
    assert call("introspect_token", {"token": bearer})["active"] is False


def test_a_refresh_is_refused(call: Call, ada: Answer):
    disable()
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    answer = call("grant_token", body)
    assert (answer.status, answer["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("operation", "body"),
    [("sign_in", PASSWORD), ("grant_token", PASSWORD | {"grant_type": "password"})],
)
def test_a_right_password_learns_it_and_a_wrong_one_does_not(
    call: Call, ada: Answer, operation: str, body: dict[str, str]
):
    disable()
    answer = call(operation, body)
    assert (answer.status, answer["error"], answer["error_code"]) == (403, "user_blocked", 7)
    wrong = call(operation, body | {"password": "wrong1843"})
    assert wrong["error"] == "invalid_username_or_password"


@pytest.mark.parametrize("operation", ["sign_in", "sign_up"])
def test_a_proven_mailbox_learns_it(
    call: Call, ada: Answer, prove: Prove, now: Clock, operation: str
):
    now.time += 60
    token = prove()
    disable()
    answer = call(operation, {"verification_token": token})
    expected = {"sign_in": "user_blocked", "sign_up": "failed_precondition"}[operation]
    assert answer["error"] == expected or answer["error"].endswith(("taken", "exists"))
    operate("operator_change", "users.enable", **ADA)
    assert call("sign_in", {"verification_token": token}).status == 200  # it was not used up


def test_a_reset_is_refused(call: Call, ada: Answer, prove: Prove, now: Clock):
    now.time += 60
    body = {"new_password": "engine1844", "verification_token": prove()}
    disable()
    assert call("reset_password", body)["error"] == "user_blocked"
    operate("operator_change", "users.enable", **ADA)
    assert call("sign_in", PASSWORD).status == 200


def test_no_mail_is_sent_and_strangers_do_not_learn_it(
    call: Call, ada: Answer, outbox: Outbox, now: Clock
):
    disable()
    now.time += 60
    sent = call("send_code", {"email": "ada@example.com"})
    assert sent.status == 200
    assert outbox.deliver() == []
    assert [mail.to for mail in outbox.mails].count("ada@example.com") == 1  # of the sign-up
    read = call("get_verification", path=f"/auth/v1/verification/{sent['verification_id']}")
    assert read["delivery"] == "sent"
    assert delivery.suppressed("ada@example.com", now=now.time) is None


def test_an_enabled_user_signs_in_again_with_new_sessions_only(
    ada: Answer, sign_in: SignIn, alive: Alive
):
    disable()
    operate("operator_change", "users.enable", **ADA)
    assert not alive(ada)
    assert alive(sign_in())


def test_a_sudo_token_dies_with_the_session(call: Call, ada: Answer, confirm: Confirm):
    token = confirm(ada)
    disable()
    operate("operator_change", "users.enable", **ADA)
    body = {"new_password": "engine1844", "sudo_token": token}
    assert call("set_password", body, bearer=ada["access_token"])["error"] == "unauthenticated"
