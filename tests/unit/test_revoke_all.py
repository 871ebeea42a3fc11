import pytest

from tests.unit.conftest import Alive, Answer, Call, Prove, SignIn


def test_all_sessions_end_the_asking_one_included(
    call: Call, ada: Answer, sign_in: SignIn, alive: Alive
):
    others = [sign_in() for _ in range(30)]
    assert call("revoke_all", bearer=ada["access_token"]) == {}
    assert not any(map(alive, [ada, *others]))


def test_sessions_of_others_go_on(call: Call, ada: Answer, prove: Prove, alive: Alive):
    bob = call("sign_up", {"verification_token": prove("bob@example.com")})
    call("revoke_all", bearer=ada["access_token"])
    assert alive(bob)


def test_the_history_says_so(call: Call, ada: Answer, sign_in: SignIn):
    call("revoke_all", bearer=ada["access_token"])
    again = sign_in()
    query = "query[action]=SESSIONS_REVOKED"
    answer = call("security_history", bearer=again["access_token"], query=query)
    assert len(answer["data"]) == 1


@pytest.mark.parametrize("bearer", ["", "nonsense"])
def test_nobody_revokes_nothing(call: Call, bearer: str):
    assert call("revoke_all", bearer=bearer).status == 401


def test_an_ended_session_revokes_nothing(call: Call, ada: Answer, sign_in: SignIn, alive: Alive):
    other = sign_in()
    call("sign_out", {}, bearer=ada["access_token"])
    assert call("revoke_all", bearer=ada["access_token"])["error"] == "unauthenticated"
    assert alive(other)
