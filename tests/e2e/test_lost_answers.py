"""The SDK repeats a request whose answer was lost, with the same x-request-id."""

import secrets

import pytest

from tests.e2e.client import Answer, Device, Inbox, NewDevice
from tests.e2e.stack import Stack

SPENT = (400, "invalid_argument", 3)


@pytest.fixture
def request_id() -> str:
    return secrets.token_hex(16)


def test_a_repeated_ask_mails_no_second_code(
    device: Device, inbox: Inbox, address: str, request_id: str
):
    body = {"email": address}
    first = device.call("send_code", body, request_id=request_id)
    again = device.call("send_code", body, request_id=request_id)

    assert again["verification_id"] == first["verification_id"]
    inbox.wait(address)
    device.call("send_code", {"email": f"later-{address}"})
    inbox.wait(f"later-{address}")
    assert len({mail["subject"] for mail in inbox.mails(address)}) == 1


def test_a_repeated_verify_gives_the_same_token(
    device: Device, new_device: NewDevice, address: str, request_id: str
):
    verification_id, code = device.ask(address)
    first = device.verify(verification_id, code, request_id=request_id)
    again = device.verify(verification_id, code, request_id=request_id)

    assert first["verification_token"] == again["verification_token"]
    assert new_device().verify(verification_id, code).refusal == SPENT
    wrong = "0" * 6 if code != "0" * 6 else "1" * 6
    assert device.verify(verification_id, wrong, request_id=request_id).refusal == SPENT


def test_a_repeated_sign_up_gives_the_same_session(
    device: Device, new_device: NewDevice, address: str, request_id: str, stack: Stack
):
    body = {"verification_token": device.prove(address), "password": "engine1843"}
    first = device.call("sign_up", body, request_id=request_id)
    again = device.call("sign_up", body, request_id=request_id)

    _assert_same_session(first, again)
    assert len(stack.sessions(first["sub"])) == 1
    assert device.me(again["access_token"])["email"] == address
    assert device.refresh(again["refresh_token"]).status == 200
    assert new_device().call("sign_up", body).refusal == SPENT


def test_a_repeated_sign_in_gives_the_same_session(
    device: Device, new_device: NewDevice, address: str, request_id: str, stack: Stack
):
    device.register(address)
    body = {"username": address, "verification_token": device.prove(address)}
    first = device.call("sign_in", body, request_id=request_id)
    again = device.call("sign_in", body, request_id=request_id)

    _assert_same_session(first, again)
    assert len(stack.sessions(first["sub"])) == 1  # it replaced that of the sign-up on this device
    assert device.refresh(again["refresh_token"]).status == 200
    assert new_device().call("sign_in", body).refusal == SPENT


def test_a_repeated_refresh_gives_the_same_tokens(device: Device, address: str, request_id: str):
    tokens = device.register(address)
    first = device.refresh(tokens["refresh_token"], request_id=request_id)
    again = device.refresh(tokens["refresh_token"], request_id=request_id)

    _assert_same_session(first, again)
    assert device.refresh(again["refresh_token"]).status == 200


def test_a_repeated_sign_out_is_no_error(device: Device, address: str, request_id: str):
    tokens = device.register(address)
    for _ in range(2):
        answer = device.call("sign_out", {}, bearer=tokens["access_token"], request_id=request_id)
        assert answer == {}


def _assert_same_session(first: Answer, again: Answer) -> None:
    """`expires_in` may differ by the time between the answers."""
    assert first.pop("expires_in") - again.pop("expires_in") in range(6)
    assert first == again
