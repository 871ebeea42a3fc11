"""Captchas on the deployed stack, with IAM enforced: drawn by the layer, used once, in any race."""

import base64
import collections
from collections.abc import Callable, Iterator

import pytest

from tests.captchas import text_of
from tests.e2e.client import Answer, Device, NewDevice, at_once
from tests.e2e.stack import Stack

REQUIRED = (403, "captcha_required", 4001)
INVALID = (403, "captcha_invalid", 4002)
LIMITED = (429, "resource_exhausted", 8)
WRONG = (401, "invalid_username_or_password", 3)
SPENT = (400, "invalid_argument", 3)
PASSWORD = "engine1843"
FUNCTIONS = ("SignIn", "GrantToken", "UpdatePassword", "SendCode", "VerifyCode")

Solve = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def budget(stack: Stack) -> Iterator[None]:
    """Set the defaults for the tests of this file, as parameters would."""
    values = {"FAILURES_PER_DAY": "20", "CAPTCHA": "adaptive"}
    before = {name: stack.set_variables(name, **values) for name in FUNCTIONS}
    yield
    for name, variables in before.items():
        stack.set_variables(name, **variables)


@pytest.fixture(autouse=True)
def no_pictures_yet(stack: Stack) -> None:
    """Forget how many pictures this machine has asked for in this hour."""
    for item in stack.items("Grants"):
        if item["pk"].startswith("CAPTCHA-IP#"):
            stack.table("Grants").delete_item(Key={"pk": item["pk"], "sk": item["sk"]})


@pytest.fixture
def solve(stack: Stack, device: Device, seen: set[str]) -> Solve:
    """Return a function that solves a captcha and returns its token."""

    def get(state: str = "POST:/v1/signin") -> str:
        drawn = device.call("draw", {"state": state, "redirect_uri": ""})
        body = {"token": drawn["token"], "key": text_of(drawn["token"], stack.endpoint)}
        answered = device.call("answer", body)
        assert answered.status == 200, answered
        seen.update((drawn["token"], answered["captcha_token"]))
        return str(answered["captcha_token"])

    return get


def guess(device: Device, name: str, number: int, token: str | None = None) -> Answer:
    body = {"username": name, "password": f"wrong{number}"}
    return device.call("sign_in", body, captcha_token=token)


def half(new_device: NewDevice, name: str) -> None:
    for number in range(10):
        assert guess(new_device(), name, number).refusal == WRONG


def test_a_picture_is_drawn_from_the_layer(device: Device):
    drawn = device.call("draw", {"state": "POST:/v1/signin", "redirect_uri": ""})
    head, _, data = drawn["data"].partition(",")
    assert (drawn.status, drawn["type"], head) == (200, "image", "data:image/png;base64")
    assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")


@pytest.mark.parametrize("known", [True, False])
def test_of_100_guesses_without_a_captcha_ten_are_evaluated(
    device: Device, new_device: NewDevice, address: str, solve: Solve, known: bool
):
    if known:
        device.register(address, password=PASSWORD)
    found = collections.Counter(
        at_once(100, lambda number: guess(new_device(), address, number).refusal)
    )
    assert found == {WRONG: 10, REQUIRED: 90}
    if known:  # The right password of a stranger needs one, and the owner's device none.
        right = {"username": address, "password": PASSWORD}
        stranger = new_device()
        assert stranger.call("sign_in", right).refusal == REQUIRED
        assert stranger.call("sign_in", right, captcha_token=solve()).status == 200
        assert device.call("sign_in", right).status == 200


def test_of_40_guesses_with_a_captcha_each_the_lane_s_other_half_is_evaluated(
    new_device: NewDevice, address: str, solve: Solve
):
    half(new_device, address)
    solved = [solve() for _ in range(40)]
    found = collections.Counter(
        at_once(40, lambda n: guess(new_device(), address, n, solved[n]).refusal)
    )
    assert found == {WRONG: 10, LIMITED: 30}


def test_of_40_guesses_with_one_captcha_one_is_evaluated(
    new_device: NewDevice, address: str, solve: Solve
):
    half(new_device, address)
    token = solve()
    found = collections.Counter(
        at_once(40, lambda n: guess(new_device(), address, n, token).refusal)
    )
    assert found == {WRONG: 1, INVALID: 39}


def test_of_40_answers_at_once_to_one_picture_one_is_compared(device: Device, stack: Stack):
    drawn = device.call("draw", {"state": "POST:/v1/signin"})
    text = text_of(drawn["token"], stack.endpoint)

    def answer(_: int) -> int:
        return device.call("answer", {"token": drawn["token"], "key": text}).status

    assert collections.Counter(at_once(40, answer)) == {200: 1, 400: 39}
    late = device.call("answer", {"token": drawn["token"], "key": text})
    assert late.refusal == SPENT


def test_a_stranger_s_fourth_code_of_a_day_takes_a_captcha_that_is_used_with_it(
    new_device: NewDevice, address: str, solve: Solve
):
    half(new_device, address)
    for _ in range(3):
        assert new_device().call("send_code", {"email": address}).status == 200
    body = {"email": address}
    assert new_device().call("send_code", body).refusal == REQUIRED
    token = solve("POST:/v1/verification")
    asked = [new_device().call("send_code", body, captcha_token=token) for _ in range(2)]
    assert asked[0].status == 200
    assert asked[1].refusal == INVALID
