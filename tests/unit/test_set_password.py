from typing import Any

import pytest

from latchkey.caller import Caller
from latchkey.dynamodb import keys, store, values, writes
from latchkey.sessions import session
from latchkey.users import find
from tests.unit.conftest import (
    NOW,
    Alive,
    Answer,
    Call,
    Clock,
    Confirm,
    Meanwhile,
    Outbox,
    Prove,
    SignIn,
)


def change(call: Call, ada: Answer, token: str, password: str = "engine1844") -> Answer:
    body = {"new_password": password, "sudo_token": token}
    return call("set_password", body, bearer=ada["access_token"])


def test_the_new_password_signs_in_and_the_old_one_does_not(
    call: Call, ada: Answer, confirm: Confirm, sign_in: SignIn
):
    assert change(call, ada, confirm(ada)) == {}
    assert sign_in("engine1844").status == 200
    assert sign_in("engine1843")["error"] == "invalid_username_or_password"


def test_all_other_sessions_end_at_once(
    call: Call, ada: Answer, confirm: Confirm, sign_in: SignIn, alive: Alive
):
    others = [sign_in() for _ in range(3)]
    assert change(call, ada, confirm(ada)) == {}
    assert alive(ada)
    assert not any(map(alive, others))
    body = {"grant_type": "refresh_token", "refresh_token": others[0]["refresh_token"]}
    assert call("grant_token", body)["error"] == "invalid_grant"


def test_more_sessions_than_a_transaction_holds_end_as_well(
    call: Call, ada: Answer, confirm: Confirm
):
    for number in range(130):
        made = session.Session(
            sub=ada["sub"],
            sid=f"s{number}",
            client_id="my-app",
            device_id="",
            ip="",
            user_agent="",
            created_at=NOW,
            amr=["pwd"],
            expires_at=NOW + 1000,
            refreshed_at=NOW,
            confirmed_at=NOW,
        )
        store.write(writes.Put(made.key, item=values.item_of(made)))
    assert change(call, ada, confirm(ada)) == {}
    assert len(list(store.query(keys.sessions(ada["sub"])))) == 1


def test_a_session_started_at_the_same_moment_ends_too(
    call: Call,
    ada: Answer,
    confirm: Confirm,
    sign_in: SignIn,
    alive: Alive,
    meanwhile: Meanwhile,
):
    born: list[Answer] = []
    token = confirm(ada)
    meanwhile(lambda: born.append(sign_in()))
    assert change(call, ada, token) == {}
    assert not alive(born[0])


def test_a_sign_in_that_checked_the_old_password_comes_too_late(
    call: Call, ada: Answer, confirm: Confirm, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
):
    by_password, token = find.by_password, confirm(ada)

    def slow(*who: Any, **how: Any) -> find.SignedBy:
        found = by_password(*who, **how)
        monkeypatch.setattr(find, "by_password", by_password)
        assert change(call, ada, token) == {}
        return found

    monkeypatch.setattr(find, "by_password", slow)
    assert sign_in()["error"] == "aborted"


def test_a_session_that_ended_changes_nothing(
    call: Call, ada: Answer, confirm: Confirm, sign_in: SignIn
):
    token = confirm(ada)
    call("sign_out", {}, bearer=ada["access_token"])
    assert change(call, ada, token).status == 401
    assert sign_in("engine1843").status == 200


def test_a_session_that_ends_at_the_same_moment_changes_nothing(
    call: Call, ada: Answer, confirm: Confirm, sign_in: SignIn, meanwhile: Meanwhile
):
    token = confirm(ada)
    meanwhile(lambda: call("sign_out", {}, bearer=ada["access_token"]))
    assert change(call, ada, token).status == 401
    assert sign_in("engine1843").status == 200


def test_a_lost_answer_is_given_again(call: Call, ada: Answer, confirm: Confirm, now: Clock):
    body = {"new_password": "engine1844", "sudo_token": confirm(ada)}
    same = {"x-request-id": "a" * 32}
    for _ in range(2):
        assert call("set_password", body, bearer=ada["access_token"], headers=same) == {}
    now.time += 121
    late = call("set_password", body, bearer=ada["access_token"], headers=same)
    assert late["error"] == "failed_precondition"


def test_the_user_is_told_by_mail(call: Call, ada: Answer, confirm: Confirm, outbox: Outbox):
    change(call, ada, confirm(ada))
    outbox.deliver()
    assert outbox.mails[-1].to == "ada@example.com"
    assert outbox.mails[-1].subject == "Your Latchkey password was changed"


def test_a_queue_that_refuses_does_not_undo_the_change(
    call: Call, ada: Answer, confirm: Confirm, sign_in: SignIn, configure
):
    token = confirm(ada)
    configure(notice_queue_url="https://sqs.eu-central-1.amazonaws.com/1/none")
    assert change(call, ada, token) == {}
    assert sign_in("engine1844").status == 200


def test_the_first_password_needs_sudo_by_code(
    call: Call, prove: Prove, now: Clock, outbox: Outbox
):
    bob = call("sign_up", {"verification_token": prove("bob@example.com")})
    assert change(call, bob, "").status == 403
    now.time += 60
    body = {"verification_token": prove("bob@example.com")}
    token = call("sudo", body, bearer=bob["access_token"])["sudo_token"]
    assert change(call, bob, token) == {}
    body = {"username": "bob@example.com", "password": "engine1844"}
    assert call("sign_in", body).status == 200


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("short1", "8 to 32"),
        ("a1" * 17, "8 to 32"),
        ("12345678", "letter"),
        ("abcdefgh", "digit"),
        ("engine1843", "current"),
    ],
)
def test_a_password_against_the_policy_is_refused(
    call: Call, ada: Answer, confirm: Confirm, password: str, told: str
):
    answer = change(call, ada, confirm(ada), password)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")
    assert told in answer["error_description"]


@pytest.mark.parametrize("password", ["ada1@example.com", "ADA1@Example.com"])
def test_the_address_is_no_password(call: Call, prove: Prove, confirm: Confirm, password: str):
    body = {"verification_token": prove("ada1@example.com"), "password": "engine1843"}
    session = call("sign_up", body)
    answer = change(call, session, confirm(session), password)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")
    assert "e-mail address" in answer["error_description"]


@pytest.mark.parametrize(
    "body",
    [{}, {"new_password": 1}, {"new_password": "engine1844", "sudo_token": 5}, {"sudo_token": "a"}],
)
def test_a_malformed_request_is_refused(call: Call, ada: Answer, body: dict[str, object]):
    answer = call("set_password", body, bearer=ada["access_token"])
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_without_sudo_nothing_changes(call: Call, ada: Answer, sign_in: SignIn, token: str):
    answer = change(call, ada, token)
    assert (answer.status, answer["error"]) == (403, "failed_precondition")
    assert sign_in("engine1843").status == 200


def _caller() -> Caller:
    return Caller("", "", b"", "", False, "", "", "", "", {}, "")
