import pytest

from tests.unit.conftest import Answer, Call, Clock, Confirm, Prove, SignIn


def set_password(call: Call, session: Answer, token: str) -> Answer:
    body = {"new_password": "engine1844", "sudo_token": token}
    return call("set_password", body, bearer=session["access_token"])


def test_a_password_gives_sudo(call: Call, ada: Answer):
    answer = call("sudo", bearer=ada["access_token"])
    assert (answer.status, answer["expires_in"]) == (200, 600)
    assert set_password(call, ada, answer["sudo_token"]) == {}


def test_a_proof_of_the_own_address_gives_sudo_once(
    call: Call, ada: Answer, prove: Prove, now: Clock
):
    now.time += 60
    body = {"verification_token": prove()}
    answer = call("sudo", body, bearer=ada["access_token"])
    assert set_password(call, ada, answer["sudo_token"]) == {}
    again = call("sudo", body, bearer=ada["access_token"])
    assert (again.status, again["error"]) == (400, "invalid_argument")


def test_a_lost_answer_to_a_proof_is_given_again(call: Call, ada: Answer, prove: Prove, now: Clock):
    now.time += 60
    body, same = {"verification_token": prove()}, {"x-request-id": "a" * 32}
    first = call("sudo", body, bearer=ada["access_token"], headers=same)
    now.time += 5
    again = call("sudo", body, bearer=ada["access_token"], headers=same)
    assert again["sudo_token"] == first["sudo_token"]
    assert again["expires_in"] == 595


def test_a_lost_answer_to_a_proof_is_given_to_no_other_session(
    call: Call, ada: Answer, prove: Prove, sign_in: SignIn, now: Clock
):
    now.time += 60
    body, same = {"verification_token": prove()}, {"x-request-id": "a" * 32}
    assert call("sudo", body, bearer=ada["access_token"], headers=same).status == 200
    answer = call("sudo", body, bearer=sign_in()["access_token"], headers=same)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


def test_a_proof_of_another_address_gives_no_sudo(call: Call, ada: Answer, prove: Prove):
    body = {"verification_token": prove("bob@example.com")}
    answer = call("sudo", body, bearer=ada["access_token"])
    assert (answer.status, answer["error"], answer["error_code"]) == (400, "invalid_argument", 3)


def test_a_wrong_password_keeps_the_user_signed_in(call: Call, ada: Answer):
    answer = call("sudo", {"password": "engine1844"}, bearer=ada["access_token"])
    assert (answer.status, answer["error"], answer["error_code"]) == (400, "invalid_password", 3)
    assert call("get_user", bearer=ada["access_token"]).status == 200


def test_an_account_without_password_says_so(call: Call, prove: Prove):
    bob = call("sign_up", {"verification_token": prove("bob@example.com")})
    answer = call("sudo", {"password": "engine1843"}, bearer=bob["access_token"])
    assert (answer.status, answer["error"], answer["error_code"]) == (400, "password_not_set", 3)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"password": 1},
        {"password": None},
        {"password": "a" * 257},
        {"verification_token": ["a"]},
        {"verification_token": "nonsense"},
    ],
)
def test_a_malformed_request_is_refused(call: Call, ada: Answer, body: dict[str, object]):
    answer = call("sudo", body, bearer=ada["access_token"])
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


def test_nobody_gets_no_sudo(call: Call, ada: Answer):
    assert call("sudo", bearer="").status == 401


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 403)])
def test_sudo_lasts_ten_minutes(
    call: Call, ada: Answer, confirm: Confirm, now: Clock, seconds: int, status: int
):
    token = confirm(ada)
    now.time += seconds
    assert set_password(call, ada, token).status == status


def test_sudo_of_another_session_is_refused(
    call: Call, ada: Answer, sign_in: SignIn, confirm: Confirm
):
    other = sign_in()
    answer = set_password(call, ada, confirm(other))
    assert (answer.status, answer["error"], answer["error_code"]) == (403, "failed_precondition", 9)


def test_sudo_of_another_user_is_refused(call: Call, ada: Answer, prove: Prove, confirm: Confirm):
    body = {"verification_token": prove("bob@example.com"), "password": "engine1843"}
    bob = call("sign_up", body)
    assert set_password(call, ada, confirm(bob)).status == 403


def test_sudo_ends_with_the_credentials_it_was_given_for(call: Call, ada: Answer, confirm: Confirm):
    token = confirm(ada)
    assert set_password(call, ada, token) == {}
    body = {"new_password": "engine1845", "sudo_token": token}
    assert call("set_password", body, bearer=ada["access_token"]).status == 403


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_token_of_another_kind_is_no_sudo(call: Call, ada: Answer, kind: str):
    assert set_password(call, ada, ada[kind]).status == 403


def test_a_sudo_token_is_no_bearer_and_no_proof(call: Call, ada: Answer, confirm: Confirm):
    token = confirm(ada)
    assert call("get_user", bearer=token).status == 401
    assert call("sign_in", {"username": "", "verification_token": token}).status == 400
