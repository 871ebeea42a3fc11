import pytest

from tests.unit.conftest import Alive, Answer, Call, Clock, Confirm, Outbox, Prove, SignIn

NEW = "countess@example.com"


def change(call: Call, session: Answer, sudo: str, token: str, **fields: object) -> Answer:
    body = {"email": NEW, "sudo_token": sudo, "verification_token": token}
    return call("change_email", body | fields, bearer=session["access_token"])


def test_the_new_address_signs_in_and_the_old_one_is_free(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, now: Clock
):
    assert change(call, ada, confirm(ada), prove(NEW)) == {}
    assert call("get_user", bearer=ada["access_token"])["email"] == NEW
    assert call("sign_in", {"username": NEW, "password": "engine1843"})["sub"] == ada["sub"]
    assert call("sign_in", {"username": "ada@example.com", "password": "engine1843"}).status == 401
    now.time += 60
    again = call("sign_up", {"verification_token": prove("ada@example.com")})
    assert again["sub"] != ada["sub"]


def test_all_other_sessions_end(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, sign_in: SignIn, alive: Alive
):
    other = sign_in()
    assert change(call, ada, confirm(ada), prove(NEW)) == {}
    assert alive(ada)
    assert not alive(other)


def test_the_old_address_is_told(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, outbox: Outbox
):
    change(call, ada, confirm(ada), prove(NEW))
    outbox.deliver()
    assert outbox.mails[-1].to == "ada@example.com"
    assert outbox.mails[-1].subject == "The e-mail address of your Latchkey account was changed"


def test_an_address_of_another_user_stays_theirs(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, now: Clock
):
    bob = call("sign_up", {"verification_token": prove(NEW)})
    now.time += 60
    answer = change(call, ada, confirm(ada), prove(NEW))
    assert (answer.status, answer["error"], answer["error_code"]) == (409, "failed_precondition", 9)
    assert call("get_user", bearer=bob["access_token"])["email"] == NEW
    assert call("get_user", bearer=ada["access_token"])["email"] == "ada@example.com"


def test_of_two_who_proved_an_address_one_gets_it(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, now: Clock
):
    body = {"verification_token": prove("bob@example.com"), "password": "engine1843"}
    bob = call("sign_up", body)
    first = prove(NEW)
    now.time += 60
    second = prove(NEW)
    assert change(call, bob, confirm(bob), second) == {}
    answer = change(call, ada, confirm(ada), first)
    assert (answer.status, answer["error"]) == (409, "failed_precondition")


def test_a_lost_answer_is_given_again(call: Call, ada: Answer, confirm: Confirm, prove: Prove):
    body = {"email": NEW, "sudo_token": confirm(ada), "verification_token": prove(NEW)}
    same = {"x-request-id": "a" * 32}
    for _ in range(2):
        assert call("change_email", body, bearer=ada["access_token"], headers=same) == {}
    assert call("change_email", body, bearer=ada["access_token"])["error"] == "failed_precondition"


def test_a_proof_changes_an_address_once(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, now: Clock
):
    token = prove(NEW)
    call("sign_up", {"verification_token": token})
    answer = change(call, ada, confirm(ada), token)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


def test_a_proof_of_another_address_changes_nothing(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove
):
    answer = change(call, ada, confirm(ada), prove("bob@example.com"))
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


@pytest.mark.parametrize("sudo", ["", "nonsense"])
def test_without_sudo_nothing_changes(call: Call, ada: Answer, prove: Prove, sudo: str):
    answer = change(call, ada, sudo, prove(NEW))
    assert (answer.status, answer["error"], answer["error_code"]) == (403, "failed_precondition", 9)


def test_the_own_address_is_no_change(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, now: Clock
):
    now.time += 60
    answer = change(call, ada, confirm(ada), prove(), email="Ada@example.com")
    assert (answer.status, answer["error"]) == (409, "failed_precondition")


@pytest.mark.parametrize("resolution", ["TRANSFER", "DELETE_ACCOUNT_TRANSFER", "nonsense"])
def test_no_account_is_taken_from_another(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, resolution: str
):
    sudo, token = confirm(ada), prove(NEW)
    answer = change(call, ada, sudo, token, conflict_resolution=resolution)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")
    assert "DEFAULT" in answer["error_description"]
    assert change(call, ada, sudo, token, conflict_resolution="DEFAULT") == {}


@pytest.mark.parametrize(
    "fields",
    [{"email": 1}, {"email": "no address"}, {"email": ""}, {"verification_token": ""}],
)
def test_a_malformed_request_is_refused(
    call: Call, ada: Answer, confirm: Confirm, fields: dict[str, object]
):
    answer = change(call, ada, confirm(ada), "nonsense", **fields)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


def test_no_address_is_refused_and_a_phone_number_too(call: Call, ada: Answer):
    assert call("change_email", {}, bearer=ada["access_token"])["error"] == "invalid_argument"
    phone = {"phone_number": "+86 13800000000"}
    answer = call("change_email", phone, bearer=ada["access_token"])
    assert answer["error"] == "login_type_disabled"
    assert call("change_email", bearer="").status == 401
