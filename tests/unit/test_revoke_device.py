import pytest

from tests.unit.conftest import DEVICE, Alive, Answer, Call, SignIn

PHONE = "f" * 32


def revoke(call: Call, session: Answer, device: str) -> Answer:
    return call("revoke_device", bearer=session["access_token"], parameters={"device_id": device})


def test_all_sessions_of_the_device_end_and_no_others(
    call: Call, ada: Answer, sign_in: SignIn, alive: Alive
):
    phone, again, desktop = sign_in(device=PHONE), sign_in(device=PHONE), sign_in()
    assert revoke(call, ada, PHONE) == {}
    assert [alive(session) for session in (phone, again, desktop, ada)] == [
        False,
        False,
        True,
        True,
    ]


def test_the_own_device_may_be_revoked(call: Call, ada: Answer, alive: Alive):
    assert revoke(call, ada, DEVICE) == {}
    assert not alive(ada)


@pytest.mark.parametrize("device", ["unknown", "0", "%00", "a" * 256])
def test_a_device_without_sessions_is_a_success(call: Call, ada: Answer, alive: Alive, device: str):
    assert revoke(call, ada, device) == {}
    assert alive(ada)


def test_a_name_too_long_for_a_device_is_refused(call: Call, ada: Answer):
    assert revoke(call, ada, "a" * 257)["error"] == "invalid_argument"


def test_nobody_revokes_nothing(call: Call, ada: Answer, alive: Alive):
    assert call("revoke_device", bearer="").status == 401
    assert alive(ada)
