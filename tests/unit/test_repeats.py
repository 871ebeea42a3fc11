"""A repeated request is the same operation, caller, body and id; all else is another request."""

from typing import Any

import pytest

from latchkey.mail import delivery, dispatch, queue, send
from tests.unit.conftest import NOW, Answer, Call, Clock, Confirm, Outbox, Prove

SAME = {"x-request-id": "a" * 32}


def test_a_repeated_request_for_a_code_is_answered_and_mailed_once(call: Call, outbox: Outbox):
    first = call("send_code", headers=SAME)
    for _ in range(20):
        assert call("send_code", headers=SAME) == first
    outbox.deliver()
    assert len(outbox.mails) == 1


def test_a_code_whose_message_was_lost_is_mailed_when_the_request_is_repeated(
    call: Call, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    queued: list[queue.Message] = []
    with monkeypatch.context() as patch:
        patch.setattr(queue, "enqueue", queued.append)
        first = call("send_code", headers=SAME)
        for _ in range(20):
            assert call("send_code", headers=SAME) == first
    # Once more, and not 20 times. A mailer that gets both messages sends one mail.
    assert [message.verification_id for message in queued] == [first["verification_id"]] * 2
    for message in queued:
        dispatch.dispatch(message, now=NOW)
    assert len(outbox.mails) == 1
    assert call("send_code", headers=SAME) == first
    assert len(queued) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {**SAME, "x-device-id": "f" * 32}},
        {"headers": SAME, "query": "client_id=another"},
        {"headers": SAME, "body": {"email": "ada@example.com", "usage": "other"}},
        {"headers": {"x-request-id": "b" * 32}},
    ],
)
def test_another_request_with_a_known_id_is_no_repeat(
    call: Call, outbox: Outbox, changes: dict[str, Any]
):
    body = {"email": "ada@example.com"}
    call("send_code", body, headers=SAME)
    answer = call("send_code", **{"body": body} | changes)
    assert answer["error"] == "resource_exhausted"


@pytest.mark.parametrize(("seconds", "repeat"), [(120, True), (121, False)])
def test_a_request_is_a_repeat_for_two_minutes(
    call: Call, outbox: Outbox, now: Clock, seconds: int, repeat: bool
):
    same = {"x-request-id": "a" * 32}
    first = call("send_code", headers=same)
    now.time += seconds
    again = call("send_code", headers=same)
    assert again.status == 200
    assert (again["verification_id"] == first["verification_id"]) is repeat


def test_a_repeat_comes_from_any_network(call: Call, outbox: Outbox):
    first = call("send_code", headers=SAME)
    assert call("send_code", headers=SAME, source="198.51.100.1") == first


def test_a_proof_that_a_reset_used_up_signs_nobody_in(
    call: Call, ada: Answer, prove: Prove, now: Clock
):
    now.time += 60
    token = prove()
    body = {"verification_token": token, "new_password": "engine1844"}
    assert call("reset_password", body, headers=SAME) == {}
    answer = call("sign_in", {"verification_token": token}, headers=SAME)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


def test_another_password_under_a_known_id_is_not_answered_as_done(
    call: Call, ada: Answer, confirm: Confirm
):
    body = {"new_password": "engine1844", "sudo_token": confirm(ada)}
    for _ in range(2):
        assert call("set_password", body, bearer=ada["access_token"], headers=SAME) == {}
    other = {"new_password": "engine1845", "sudo_token": "junk"}
    answer = call("set_password", other, bearer=ada["access_token"], headers=SAME)
    assert (answer.status, answer["error"]) == (403, "failed_precondition")


def test_a_session_that_has_ended_is_not_given_again(
    call: Call, ada: Answer, prove: Prove, now: Clock
):
    now.time += 60
    body = {"verification_token": prove()}
    first = call("sign_in", body, headers=SAME)
    assert call("sign_in", body, headers=SAME) == first
    call("sign_out", {}, bearer=first["access_token"])
    assert call("sign_in", body, headers=SAME)["error"] == "invalid_argument"


# One mail for each verification.


def message(call: Call) -> queue.Message:
    return queue.Message(call("send_code")["verification_id"])


def test_a_mail_that_another_mailer_sends_is_left_to_it(
    call: Call, outbox: Outbox, now: Clock, monkeypatch: pytest.MonkeyPatch
):
    asked, mails = message(call), list[object]()

    def slow(mail: object) -> None:
        mails.append(mail)
        if len(mails) == 1:  # the second mailer comes while the first one sends
            assert dispatch.dispatch(asked, now=now.time) > 0

    monkeypatch.setattr(send, "send", slow)
    assert dispatch.dispatch(asked, now=now.time) == 0
    assert dispatch.dispatch(asked, now=now.time) == 0
    assert len(mails) == 1


@pytest.mark.parametrize(("seconds", "mails"), [(89, 0), (90, 1)])
def test_a_mail_whose_mailer_has_died_is_sent_by_another(
    call: Call, outbox: Outbox, now: Clock, seconds: int, mails: int
):
    asked = message(call)
    assert delivery.claim(asked.verification_id, now=now.time)
    now.time += seconds
    dispatch.dispatch(asked, now=now.time)
    assert len(outbox.mails) == mails


def test_a_mail_that_is_being_sent_is_told_as_queued(call: Call, outbox: Outbox):
    asked = message(call)
    delivery.claim(asked.verification_id, now=NOW)
    path = f"/auth/v1/verification/{asked.verification_id}"
    assert call("get_verification", path=path)["delivery"] == "queued"
