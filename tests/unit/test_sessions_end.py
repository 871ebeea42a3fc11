"""The operations that end a session or look at it: revoke_token, sign_out, get_user."""

from collections.abc import Callable

import pytest

from tests.unit.conftest import Answer, Call, Clock, SignIn


def test_revoking_an_access_token_ends_its_session(call: Call, ada: Answer):
    assert call("revoke_token", {"token": ada["access_token"]}) == {}
    assert call("get_user", bearer=ada["access_token"])["error"] == "unauthenticated"
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    assert call("grant_token", body)["error"] == "invalid_grant"


def test_revoking_a_refresh_token_ends_its_session(call: Call, ada: Answer):
    assert call("revoke_token", {"token": ada["refresh_token"]}) == {}
    assert call("get_user", bearer=ada["access_token"])["error"] == "unauthenticated"


def test_an_expired_access_token_still_ends_its_session(call: Call, ada: Answer, now: Clock):
    now.time += 86400
    assert call("revoke_token", {"token": ada["access_token"]}) == {}
    body = {"grant_type": "refresh_token", "refresh_token": ada["refresh_token"]}
    assert call("grant_token", body)["error"] == "invalid_grant"


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_revoking_what_is_no_token_is_a_success(call: Call, token: str):
    answer = call("revoke_token", {"token": token})
    assert (answer.status, answer) == (200, {})


@pytest.mark.parametrize("body", [{}, {"token": 1}, {"token": "a" * 5000}])
def test_revoking_nothing_is_refused(call: Call, body: dict[str, object]):
    assert call("revoke_token", body)["error"] == "invalid_argument"


def test_signing_out_ends_the_session_and_tells_the_way_on(call: Call, ada: Answer):
    answer = call("sign_out", bearer=ada["access_token"])
    assert answer == {"redirect_uri": "https://app.example.com/bye"}
    assert call("get_user", bearer=ada["access_token"])["error"] == "unauthenticated"
    assert call("sign_out", {}, bearer=ada["access_token"]).status == 200


@pytest.mark.parametrize("operation", ["sign_out", "get_user"])
@pytest.mark.parametrize("bearer", ["", "nonsense", "a.b.c", "é"])
def test_a_bad_bearer_is_unauthenticated(call: Call, operation: str, bearer: str):
    answer = call(operation, bearer=bearer)
    assert (answer.status, answer["error"], answer["error_code"]) == (401, "unauthenticated", 16)


def test_a_refresh_token_is_no_bearer(call: Call, ada: Answer):
    assert call("get_user", bearer=ada["refresh_token"]).status == 401


def test_basic_authorization_is_no_bearer(call: Call):
    assert call("get_user", headers={"authorization": "Basic bXktYXBwOg=="}).status == 401


@pytest.mark.parametrize(("seconds", "status"), [(7229, 200), (7230, 401)])
def test_an_access_token_lives_two_hours_and_thirty_seconds(
    call: Call, ada: Answer, now: Clock, seconds: int, status: int
):
    now.time += seconds
    assert call("get_user", bearer=ada["access_token"]).status == status


@pytest.mark.parametrize(("seconds", "status"), [(86399, 200), (86400, 401)])
def test_an_expired_session_that_is_still_stored_is_refused(
    call: Call,
    ada: Answer,
    sign_in: SignIn,
    now: Clock,
    configure: Callable[..., None],
    seconds: int,
    status: int,
):
    configure(session_days=1, access_token_seconds=86400)
    token = sign_in()["access_token"]
    now.time += seconds  # The access token is accepted for 30 seconds more.
    assert call("get_user", bearer=token).status == status
