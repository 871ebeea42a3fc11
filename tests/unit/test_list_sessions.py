from typing import Any

import pytest

from latchkey.dynamodb import keys, store
from latchkey.sessions import change
from latchkey.users.profile import iso
from tests.unit.conftest import DEVICE, NOW, Answer, Call, Clock, Confirm, Prove, SignIn

PHONE = "f" * 32


def listed(call: Call, session: Answer) -> list[dict[str, Any]]:
    answer = call("list_sessions", bearer=session["access_token"])
    assert answer.keys() == {"data"}, answer
    return list(answer["data"])


def test_living_sessions_are_listed_last_used_first(
    call: Call, ada: Answer, sign_in: SignIn, now: Clock
):
    now.time += 60
    phone = sign_in(device=PHONE)
    now.time += 60
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    refreshed = call("grant_token", body)

    first, second = listed(call, refreshed)
    assert [first["current"], second["current"]] == [True, False]
    assert [one["current"] for one in listed(call, phone)] == [False, True]
    history = call("security_history", bearer=phone["access_token"], query="")
    assert second["device_id"] == history["data"][0]["device_id"]  # a name, not the id
    assert DEVICE not in str(first)
    assert PHONE not in str(second)
    assert (first["created_at"], first["refreshed_at"]) == (iso(NOW), iso(NOW + 120))
    assert second["created_at"] == second["refreshed_at"] == iso(NOW + 60)
    assert first["expires_at"] > second["expires_at"]
    assert first["ip"] == "203.0.113.7"


def test_a_session_that_has_ended_is_not_listed(
    call: Call, ada: Answer, sign_in: SignIn, now: Clock
):
    gone, expired = sign_in(), sign_in()
    call("sign_out", bearer=gone["access_token"])
    assert len(listed(call, ada)) == 2
    now.time += 30 * 86400 - 1
    again = sign_in()
    assert len(listed(call, again)) == 3
    now.time += 1
    assert len(listed(call, again)) == 1
    assert call("list_sessions", bearer=expired["access_token"])["error"] == "unauthenticated"


def test_a_session_of_older_credentials_is_not_listed(
    call: Call, ada: Answer, sign_in: SignIn, confirm: Confirm, monkeypatch: pytest.MonkeyPatch
):
    """An interrupted change of the password left it in the table."""
    sign_in()
    with monkeypatch.context() as broken:
        broken.setattr(change, "end_older", lambda *_, **__: None)
        body = {"new_password": "difference1822", "sudo_token": confirm(ada)}
        assert call("set_password", body, bearer=ada["access_token"]) == {}
    assert len(list(store.query(keys.sessions(ada["sub"])))) == 2
    assert [one["current"] for one in listed(call, ada)] == [True]


def test_the_sessions_of_others_are_not_listed(call: Call, ada: Answer, prove: Prove):
    body = {"verification_token": prove("bob@example.com"), "email": "bob@example.com"}
    bob = call("sign_up", body)
    assert len(listed(call, bob)) == len(listed(call, ada)) == 1


def test_nobody_sees_sessions_without_one(call: Call, ada: Answer):
    assert call("list_sessions")["error"] == "unauthenticated"
    call("sign_out", bearer=ada["access_token"])
    assert call("list_sessions", bearer=ada["access_token"])["error"] == "unauthenticated"
