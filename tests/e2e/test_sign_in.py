"""A user signs in."""

import statistics
import sys
import time
from collections.abc import Callable

import pytest

from tests.e2e.client import TOKENS, Device, NewDevice

WRONG = (401, "invalid_username_or_password", 3)
PASSWORD = "engine1843"


@pytest.fixture
def user(device: Device, address: str):
    """Return a user's address and user name; the password is PASSWORD."""
    username = f"user_{device.id[:12]}"
    device.register(address, password=PASSWORD, username=username)
    return address, username


def test_a_password_signs_in_with_address_or_user_name_in_any_case(
    new_device: NewDevice, user: tuple[str, str]
):
    device = new_device()
    for name in (*user, *(name.upper() for name in user)):
        tokens = device.call("sign_in", {"username": name, "password": PASSWORD})
        assert tokens.keys() == TOKENS
        assert device.me(tokens["access_token"])["email"] == user[0]


def test_a_code_signs_a_known_address_in(new_device: NewDevice, user: tuple[str, str]):
    device = new_device()
    body = {"username": user[0], "verification_token": device.prove(user[0])}

    tokens = device.call("sign_in", body)
    assert device.me(tokens["access_token"])["email"] == user[0]


@pytest.mark.parametrize("odd", ["", "+86 undefined"])
def test_the_token_says_who_signs_in_where_the_sdk_sends_an_odd_name(
    device: Device, user: tuple[str, str], odd: str
):
    token = device.prove(user[0])

    tokens = device.call("sign_in", {"username": odd, "verification_token": token})
    assert device.me(tokens["access_token"])["email"] == user[0]


def test_a_code_for_a_new_address_registers_in_one_go(device: Device, address: str):
    sent = device.call("send_code", {"email": address})
    assert sent["is_user"] is False
    token = device.verify(sent["verification_id"], device.inbox.code(address))["verification_token"]

    tokens = device.call("sign_up", {"email": address, "verification_token": token})
    assert tokens.keys() == TOKENS


def test_a_proof_of_an_unknown_address_is_kept_for_the_sign_up(device: Device, address: str):
    token = device.prove(address)

    unknown = device.call("sign_in", {"username": address, "verification_token": token})
    assert unknown.refusal == (404, "not_found", 5)
    assert device.call("sign_up", {"verification_token": token}).status == 200


def test_a_proof_signs_in_once(new_device: NewDevice, user: tuple[str, str]):
    device = new_device()
    body = {"username": user[0], "verification_token": device.prove(user[0])}

    assert device.call("sign_in", body).status == 200
    assert device.call("sign_in", body).refusal == (400, "invalid_argument", 3)
    assert device.call("sign_up", body).refusal == (400, "invalid_argument", 3)


def test_a_proof_of_one_address_signs_nobody_else_in(
    new_device: NewDevice, user: tuple[str, str], address: str
):
    device = new_device()
    token = device.prove(f"other-{address}")

    answer = device.call("sign_in", {"username": user[0], "verification_token": token})
    assert answer.refusal == (400, "invalid_argument", 3)


def test_an_unknown_user_and_a_wrong_password_answer_alike(
    device: Device,
    new_device: NewDevice,
    user: tuple[str, str],
    record_property: Callable[[str, object], None],
):
    without = f"no-password-{user[0]}"
    new_device().register(without)
    names = {
        "wrong password": user[0],
        "unknown address": f"nobody-{user[0]}",
        "unknown name": "nobody_here",
        "no password": without,
    }
    times: dict[str, list[float]] = {case: [] for case in names}
    for _ in range(12):
        for case, name in names.items():
            began = time.perf_counter()
            answer = device.call("sign_in", {"username": name, "password": "engine1844"})
            times[case].append(time.perf_counter() - began)
            assert answer.refusal == WRONG
            del answer["request_id"]
            assert answer == {
                "error": WRONG[1],
                "error_code": WRONG[2],
                "error_description": "The user name or the password is wrong.",
            }
    # The times are only shown, because other work disturbs them. Unit tests count calls and hashes.
    medians = {case: round(statistics.median(found) * 1000, 1) for case, found in times.items()}
    record_property("milliseconds", medians)
    sys.stdout.write(f"median milliseconds of a refusal: {medians}\n")
