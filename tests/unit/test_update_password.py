import pytest

from tests.unit.conftest import Alive, Answer, Call, Outbox, SignIn
from tests.unit.test_encryption import NOT_SEALED, seal, thumbprint


def update(call: Call, password: str, new: str, name: str = "ada@example.com") -> Answer:
    body = {"username": name, "password": password, "new_password": new}
    body["public_key_thumbprint"] = thumbprint()
    return call("update_password", body)


@pytest.mark.parametrize("name", ["ada@example.com", "ada_lovelace"])
def test_the_current_password_sets_another_and_ends_all_sessions(
    call: Call, ada: Answer, sign_in: SignIn, alive: Alive, outbox: Outbox, name: str
):
    assert update(call, seal("engine1843"), seal("engine1844"), name) == {}
    outbox.deliver()
    assert outbox.mails[-1].subject == "Your Latchkey password was changed"
    assert sign_in("engine1844").status == 200
    assert not alive(ada)


@pytest.mark.parametrize("password", NOT_SEALED)
def test_without_the_current_password_none_is_set(
    call: Call, ada: Answer, sign_in: SignIn, password: str
):
    answer = update(call, password, seal("engine1844"))
    assert (answer.status, answer["error"]) == (401, "invalid_username_or_password")
    assert sign_in("engine1843").status == 200


def test_a_repeated_change_whose_answer_was_lost_is_answered_as_done(
    call: Call, ada: Answer, sign_in: SignIn, outbox: Outbox
):
    body = {
        "username": "ada@example.com",
        "password": seal("engine1843"),
        "new_password": seal("engine1844"),
        "public_key_thumbprint": thumbprint(),
    }
    same = {"x-request-id": "a" * 32}
    assert [call("update_password", body, headers=same) for _ in range(2)] == [{}, {}]
    assert call("update_password", body).status == 401
    outbox.deliver()
    assert [mail.kind for mail in outbox.mails].count("password_changed") == 1


@pytest.mark.parametrize("new", NOT_SEALED)
def test_a_new_password_that_cannot_be_opened_is_a_wrong_one(call: Call, ada: Answer, new: str):
    answer = update(call, seal("engine1843"), new)
    assert (answer.status, answer["error"]) == (401, "invalid_username_or_password")


def test_an_unknown_user_is_a_wrong_password(call: Call):
    answer = update(call, seal("engine1843"), seal("engine1844"), "nobody@example.com")
    assert (answer.status, answer["error"]) == (401, "invalid_username_or_password")


@pytest.mark.parametrize("password", ["engine1843", "short1"])
def test_a_password_against_the_policy_is_refused(call: Call, ada: Answer, password: str):
    answer = update(call, seal("engine1843"), seal(password))
    assert (answer.status, answer["error"]) == (400, "invalid_argument")


@pytest.mark.parametrize("body", [{}, {"username": "ada_lovelace"}, {"username": 5}])
def test_a_malformed_change_is_refused(call: Call, body: dict[str, object]):
    answer = call("update_password", body)
    assert (answer.status, answer["error"]) == (400, "invalid_argument")
