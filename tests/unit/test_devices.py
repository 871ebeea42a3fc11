"""Devices are kept by name, and only a random id may become known."""

import json

import pytest

from latchkey import devices
from tests.unit.conftest import DEVICE, Alive, Answer, Call, SignIn


@pytest.mark.parametrize(
    ("device_id", "secret"),
    [
        (DEVICE, True),
        (DEVICE.upper(), True),
        ("0f8fad5b-d9cb-469f-a165-70867728950e", True),
        ("0F8FAD5B-D9CB-469F-A165-70867728950E", True),
        (DEVICE[:-1], False),
        (DEVICE + "0", False),
        (DEVICE[:-1] + "g", False),
        ("my-laptop", False),
        ("", False),
    ],
)
def test_only_a_random_id_is_secret(device_id: str, secret: bool):
    assert devices.is_secret(device_id) is secret


def test_a_name_tells_nothing_of_its_id_and_is_always_the_same():
    assert devices.name_of(DEVICE) == devices.name_of(DEVICE)
    assert devices.name_of(DEVICE) != devices.name_of(DEVICE[::-1])
    assert DEVICE not in devices.name_of(DEVICE)
    assert devices.name_of("") == ""


@pytest.mark.parametrize("device", [DEVICE[::-1], "my-laptop"])
@pytest.mark.parametrize("by_name", [True, False])
def test_a_device_is_revoked_by_its_name_and_by_its_id(
    call: Call, ada: Answer, sign_in: SignIn, alive: Alive, device: str, by_name: bool
):
    other = sign_in(device=device)
    given = devices.name_of(device) if by_name else device
    call("revoke_device", bearer=ada["access_token"], parameters={"device_id": given})
    assert not alive(other)
    assert alive(ada)


def test_no_log_line_holds_the_id_of_a_device(call: Call, capsys: pytest.CaptureFixture[str]):
    call("sign_in", {"username": "ada@example.com", "password": "engine1843"})
    logged = capsys.readouterr().out
    assert json.loads(logged.splitlines()[0])["operation"] == "sign_in"
    assert DEVICE not in logged
