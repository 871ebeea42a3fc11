import pytest

from latchkey.dynamodb import keys, store
from tests.unit.conftest import (
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


def delete(call: Call, session: Answer, token: str, **options: str) -> Answer:
    query = f"sudo_token={token}"
    return call("delete_user", bearer=session["access_token"], query=query, **options)


def test_a_deleted_user_is_gone_with_all_that_was_theirs(
    call: Call, ada: Answer, confirm: Confirm, sign_in: SignIn, alive: Alive, prove: Prove
):
    other = sign_in()
    prove("countess@example.com", bearer=ada["access_token"])
    assert delete(call, ada, confirm(ada)) == {}
    assert not alive(ada)
    assert not alive(other)
    body = {"grant_type": "refresh_token", "refresh_token": other["refresh_token"]}
    assert call("grant_token", body)["error"] == "invalid_grant"
    assert sign_in().status == 401
    assert list(store.query(keys.everything_of(ada["sub"]))) == []
    assert store.get(keys.user(ada["sub"])) == [None]


def test_address_and_name_are_free_again(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, now: Clock
):
    delete(call, ada, confirm(ada))
    now.time += 60
    again = call("sign_up", {"verification_token": prove(), "username": "ada_lovelace"})
    assert again.status == 200
    assert again["sub"] != ada["sub"]


def test_a_token_that_proved_the_address_before_signs_nobody_in(
    call: Call, ada: Answer, confirm: Confirm, prove: Prove, now: Clock
):
    now.time += 60
    token = prove()
    delete(call, ada, confirm(ada))
    assert call("sign_in", {"username": "", "verification_token": token})["error"] == "not_found"


def test_a_long_history_goes_too(call: Call, ada: Answer, confirm: Confirm, sign_in: SignIn):
    for _ in range(15):
        sign_in()
    delete(call, ada, confirm(ada))
    assert list(store.query(keys.everything_of(ada["sub"]))) == []


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
    assert delete(call, ada, token) == {}
    assert not alive(born[0])
    assert list(store.query(keys.everything_of(ada["sub"]))) == []


def test_a_session_that_ends_at_the_same_moment_deletes_nobody(
    call: Call, ada: Answer, confirm: Confirm, sign_in: SignIn, meanwhile: Meanwhile
):
    token = confirm(ada)
    meanwhile(lambda: call("sign_out", {}, bearer=ada["access_token"]))
    assert delete(call, ada, token)["error"] == "unauthenticated"
    assert sign_in().status == 200


def test_a_user_name_that_changes_at_the_same_moment_is_not_left_behind(
    call: Call, ada: Answer, confirm: Confirm, meanwhile: Meanwhile
):
    token, bearer = confirm(ada), ada["access_token"]
    meanwhile(lambda: call("edit_profile", {"username": "countess"}, bearer=bearer))
    assert delete(call, ada, token)["error"] == "aborted"
    assert call("get_user", bearer=bearer)["username"] == "countess"
    assert delete(call, ada, token) == {}
    assert store.get(keys.username("countess"), keys.username("ada_lovelace")) == [None, None]


def test_the_user_is_told_by_mail(call: Call, ada: Answer, confirm: Confirm, outbox: Outbox):
    delete(call, ada, confirm(ada))
    outbox.deliver()
    assert outbox.mails[-1].to == "ada@example.com"
    assert outbox.mails[-1].subject == "Your Latchkey account was deleted"


def test_version_two_deletes_too(call: Call, ada: Answer, confirm: Confirm, alive: Alive):
    assert delete(call, ada, confirm(ada), path="/auth/v2/user/me") == {}
    assert not alive(ada)


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_without_sudo_nobody_is_deleted(call: Call, ada: Answer, alive: Alive, token: str):
    answer = delete(call, ada, token)
    assert (answer.status, answer["error"], answer["error_code"]) == (403, "failed_precondition", 9)
    assert alive(ada)


def test_sudo_of_another_session_deletes_nobody(
    call: Call, ada: Answer, confirm: Confirm, sign_in: SignIn, alive: Alive
):
    assert delete(call, ada, confirm(sign_in())).status == 403
    assert alive(ada)


def test_nobody_is_deleted_without_a_session(call: Call, ada: Answer, confirm: Confirm):
    token = confirm(ada)
    assert call("delete_user", bearer="", query=f"sudo_token={token}").status == 401
    call("sign_out", {}, bearer=ada["access_token"])
    assert delete(call, ada, token).status == 401


def test_a_token_too_long_to_be_one_is_refused(call: Call, ada: Answer):
    assert delete(call, ada, "a" * 5000)["error"] == "invalid_argument"
