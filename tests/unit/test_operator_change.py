import json
from collections.abc import Callable

import pytest

from latchkey.mail import delivery
from tests.unit.conftest import Alive, Answer, Call, Clock, Outbox, Prove, SignIn
from tests.unit.operators import WHO, operate

CHANGE = "operator_change"
ADA = {"user": "ada@example.com"}


def changed(act: str, **request: object) -> dict[str, str]:
    """Let something be changed, which must succeed, and return the result."""
    answer = operate(CHANGE, act, **request)
    assert "result" in answer, answer
    return dict(answer["result"])


def shown(name: str = "ada@example.com") -> dict[str, object]:
    return dict(operate("operator_read", "users.show", user=name)["result"]["user"])


def test_a_created_user_signs_in_by_code_and_has_then_proven_the_address(call: Call, prove: Prove):
    made = changed("users.create", email="Bob@Example.com", username="bobby", groups=["staff"])
    assert shown("bobby")["email_verified"] is False
    answer = call("sign_in", {"verification_token": prove("bob@example.com")})
    assert (answer.status, answer["sub"]) == (200, made["sub"])
    assert shown("bobby")["email_verified"] is True


def test_a_password_needs_an_address_that_somebody_vouches_for(call: Call):
    request = {"email": "bob@example.com", "password": "engine1843"}
    assert operate(CHANGE, "users.create", **request)["error"] == "invalid_argument"
    made = changed("users.create", **request, verified=True)
    answer = call("sign_in", {"username": "bob@example.com", "password": "engine1843"})
    assert answer["sub"] == made["sub"]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"email": "ada@example.com"}, "failed_precondition"),
        ({"email": "bob@example.com", "username": "ADA_lovelace"}, "failed_precondition"),
        ({"email": "bob"}, "invalid_argument"),
        ({"email": "bob@example.com", "username": "b"}, "invalid_argument"),
        ({"email": "bob@example.com", "password": "short", "verified": True}, "invalid_argument"),
        ({"email": "bob@example.com", "groups": ["a b"]}, "invalid_argument"),
    ],
)
def test_a_user_who_cannot_be_is_not_created(ada: Answer, request_: dict[str, object], error: str):
    answer = operate(CHANGE, "users.create", **request_)
    assert answer["error"] in (error, "invalid_password") or answer["error"].endswith("taken")
    assert operate("operator_read", "users.show", user="bob@example.com")["error"] == "not_found"


def test_a_deleted_user_is_gone_with_everything(ada: Answer, outbox: Outbox, alive: Alive):
    changed("users.delete", **ADA)
    assert not alive(ada)
    assert operate("operator_read", "users.show", **ADA)["error"] == "not_found"
    outbox.deliver()
    assert outbox.mails[-1].kind == "account_deleted"


def test_all_sessions_end_and_the_password_stays(ada: Answer, sign_in: SignIn, alive: Alive):
    other = sign_in()
    changed("users.sign-out", **ADA)
    assert not alive(ada)
    assert not alive(other)
    assert sign_in().status == 200


def test_one_session_ends(ada: Answer, sign_in: SignIn, alive: Alive, now: Clock):
    now.time += 1
    other = sign_in()
    sessions = operate("operator_read", "users.show", **ADA)["result"]["sessions"]
    changed("sessions.end", **ADA, sid=sessions[0]["sid"])  # the last used one
    assert alive(ada)
    assert not alive(other)
    again = operate(CHANGE, "sessions.end", **ADA, sid=sessions[0]["sid"])
    assert again["error"] == "not_found"


def test_a_spent_budget_is_given_back(ada: Answer, sign_in: SignIn, configure: Callable[..., None]):
    configure(failures_per_day=3, captcha="off")
    for _ in range(4):
        sign_in(password="wrong1843")
    assert sign_in()["error"] == "resource_exhausted"
    changed("users.unlock", **ADA)
    assert sign_in().status == 200


def test_a_device_is_still_known_after_its_failures_are_forgotten(
    ada: Answer, sign_in: SignIn, configure: Callable[..., None]
):
    device = "d" * 32
    configure(failures_per_day=3, captcha="off")
    sign_in(device=device)
    for _ in range(4):
        sign_in(password="wrong1843", device=device)
    assert sign_in(device=device)["error"] == "resource_exhausted"
    changed("users.unlock", **ADA)
    for _ in range(4):
        sign_in(password="wrong1843")  # strangers spend their own lane
    assert sign_in(device=device).status == 200


def test_a_new_address_has_no_password_until_it_is_proven(
    call: Call, ada: Answer, sign_in: SignIn, alive: Alive, prove: Prove, outbox: Outbox
):
    changed("users.set-email", **ADA, email="lady@example.com")
    assert not alive(ada)
    outbox.deliver()
    assert (outbox.mails[-1].kind, outbox.mails[-1].to) == ("address_changed", "ada@example.com")
    body = {"username": "lady@example.com", "password": "engine1843"}
    assert call("sign_in", body)["error"] == "invalid_username_or_password"
    assert shown("ada_lovelace")["email_verified"] is False
    answer = call("sign_in", {"verification_token": prove("lady@example.com")})
    assert answer["sub"] == ada["sub"]
    profile = call("get_user", bearer=answer["access_token"])
    assert (profile["email"], profile["email_verified"]) == ("lady@example.com", True)


def test_with_an_operator_s_word_the_password_stays(call: Call, ada: Answer):
    changed("users.set-email", **ADA, email="lady@example.com", verified=True)
    body = {"username": "lady@example.com", "password": "engine1843"}
    assert call("sign_in", body)["sub"] == ada["sub"]


def test_after_a_required_reset_only_a_code_lets_in(
    call: Call, ada: Answer, sign_in: SignIn, alive: Alive, prove: Prove, now: Clock
):
    changed("users.require-reset", **ADA)
    assert not alive(ada)
    assert sign_in()["error"] == "invalid_username_or_password"
    now.time += 60
    body = {"new_password": "engine1844", "verification_token": prove()}
    assert call("reset_password", body).status == 200
    assert sign_in(password="engine1844").status == 200


def test_a_user_s_history_tells_what_an_operator_did(ada: Answer):
    changed("users.disable", **ADA)
    changed("users.enable", **ADA)
    history = operate("operator_read", "users.history", **ADA)["result"]["data"]
    done = {entry["action"] for entry in history if entry["client_id"] == "operator"}
    assert done == {"ENABLED", "DISABLED"}


def test_a_suppression_is_lifted_once(now: Clock):
    delivery.suppress("ada@example.com", "complained", now=now.time)
    answer = changed("suppressions.lift", email="Ada@Example.com")
    assert "complained" in answer["message"]
    assert delivery.suppressed("ada@example.com", now=now.time) is None
    again = operate(CHANGE, "suppressions.lift", email="ada@example.com")
    assert again["error"] == "not_found"


def test_the_audit_log_has_who_what_and_whom_and_no_value(
    ada: Answer, capsys: pytest.CaptureFixture[str]
):
    capsys.readouterr()
    changed("users.set-email", **ADA, email="lady@example.com")
    operate(CHANGE, "users.create", email="bob@example.com", password="engine1843", verified=True)
    operate(CHANGE, "users.create", email="bob@example.com", password=5)
    operate(CHANGE, "users.delete", user="nobody@example.com")
    said = capsys.readouterr().out
    acts = [json.loads(line) for line in said.splitlines() if '"operator"' in line]
    assert [(line["act"], line["outcome"]) for line in acts] == [
        ("users.set-email", "done"),
        ("users.create", "done"),
        ("none", "invalid_argument"),
        ("users.delete", "not_found"),
    ]
    assert acts[0]["sub"] == ada["sub"]
    assert {line["who"] for line in acts} == {WHO}
    assert "example.com" not in said
    assert "engine1843" not in said


def test_two_operators_at_once_do_not_undo_each_other(ada: Answer, monkeypatch: pytest.MonkeyPatch):
    """The second has read the user before the first changed it."""
    from latchkey.operators import changing, showing

    stale = showing.find("ada@example.com")
    changed("users.disable", **ADA)
    monkeypatch.setattr(changing, "find", lambda _: stale)
    assert operate(CHANGE, "users.require-reset", **ADA)["error"] == "aborted"
    assert shown()["status"] == "disabled"
