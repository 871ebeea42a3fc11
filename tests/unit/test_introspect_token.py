import pytest

from tests.unit.conftest import NOW, Answer, Call, Clock, Confirm, Prove, SignIn

FORM = {"content-type": "application/x-www-form-urlencoded"}


def ask(call: Call, token: str) -> Answer:
    return call("introspect_token", {"token": token})


def test_a_good_access_token_is_active(call: Call, ada: Answer):
    answer = ask(call, ada["access_token"])
    assert answer["active"] is True
    assert (answer["sub"], answer["client_id"], answer["aud"]) == (ada["sub"], "my-app", "latchkey")
    assert (answer["iss"], answer["scope"]) == ("https://login.example.com", "user")
    assert (answer["iat"], answer["exp"], answer["token_type"]) == (NOW, NOW + 7200, "Bearer")


def test_nobody_can_watch_when_a_refresh_token_is_used(call: Call, ada: Answer):
    assert ask(call, ada["refresh_token"]) == {"active": False}
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    call("grant_token", body)
    assert ask(call, ada["refresh_token"]) == {"active": False}


def test_a_form_asks_as_well(call: Call, ada: Answer):
    raw = f"token={ada['access_token']}&token_type_hint=access_token"
    assert call("introspect_token", raw=raw, headers=FORM)["active"] is True


def test_a_token_of_an_ended_session_is_not(call: Call, ada: Answer):
    call("sign_out", {}, bearer=ada["access_token"])
    assert ask(call, ada["access_token"]) == {"active": False}
    assert ask(call, ada["refresh_token"]) == {"active": False}


@pytest.mark.parametrize(("seconds", "active"), [(7229, True), (7230, False)])
def test_an_expired_token_is_not(call: Call, ada: Answer, now: Clock, seconds: int, active: bool):
    now.time += seconds
    assert ask(call, ada["access_token"])["active"] is active


def test_a_token_of_another_kind_is_not(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, now: Clock
):
    now.time += 60
    assert ask(call, confirm(ada)) == {"active": False}
    assert ask(call, prove()) == {"active": False}


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_not(call: Call, token: str):
    answer = ask(call, token)
    assert (answer.status, answer) == (200, {"active": False})


@pytest.mark.parametrize("raw", ["", "token", "token=", "{}", '{"token": 1}', "[]", "tok=a"])
def test_a_malformed_question_is_refused(call: Call, raw: str):
    answer = call("introspect_token", raw=raw, headers=FORM)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


def test_another_session_of_the_user_stays_active(call: Call, ada: Answer, sign_in: SignIn):
    other = sign_in()
    call("sign_out", {}, bearer=ada["access_token"])
    assert ask(call, other["access_token"])["active"] is True
