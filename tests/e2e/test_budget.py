"""The budget of failures under attack: many guesses at once, over all doors."""

import collections
import json
from collections.abc import Iterator

import pytest

from tests.e2e.client import Device, NewDevice, at_once
from tests.e2e.stack import Stack

WRONG = (401, "invalid_username_or_password", 3)
LIMITED = (429, "resource_exhausted", 8)
PASSWORD = "engine1843"
FUNCTIONS = ("SignIn", "GrantToken", "SendCode", "VerifyCode", "Sudo", "SecurityHistory")


@pytest.fixture(scope="module", autouse=True)
def budget(stack: Stack) -> Iterator[None]:
    """Set the default budget for the tests of this file, as a parameter would, and forget what
    other tests have failed from the one source that they all have.
    """
    for item in stack.items("Grants"):
        if item["pk"].startswith("SOURCE#"):
            stack.table("Grants").delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
    before = {name: stack.set_variables(name, FAILURES_PER_DAY="20") for name in FUNCTIONS}
    yield
    for name, variables in before.items():
        stack.set_variables(name, **variables)


def guess(device: Device, name: str, number: int) -> object:
    body = {"username": name, "password": f"wrong{number}"}
    if number % 2:
        return device.call("grant_token", body | {"grant_type": "password"}).refusal
    return device.call("sign_in", body).refusal


@pytest.mark.parametrize("known", [True, False])
def test_of_200_guesses_over_two_doors_twenty_are_evaluated(
    device: Device, new_device: NewDevice, address: str, stack: Stack, known: bool
):
    if known:
        device.register(address, password=PASSWORD)
    found = collections.Counter(at_once(200, lambda n: guess(new_device(), address, n)))
    assert found == {WRONG: 20, LIMITED: 180}

    right = {"username": address, "password": PASSWORD}
    stranger = new_device()
    assert stranger.call("sign_in", right).refusal == LIMITED
    if known:
        # The owner's device notices nothing, and a stranger's code is long.
        assert device.call("sign_in", right).status == 200
        assert len(device.ask(address)[1]) == 6
        verification_id, code = stranger.ask(address)
        assert len(code) == 10
        assert stranger.verify(verification_id, code).status == 200
    tags = [item for item in stack.items("Grants") if item["pk"].startswith("BUDGET#")]
    assert max(item.get("total", 0) for item in tags if item["sk"] == "-") <= 20


def test_successes_at_once_use_nothing_up(device: Device, new_device: NewDevice, address: str):
    device.register(address, password=PASSWORD)
    body = {"username": address, "password": PASSWORD}
    for _ in range(3):
        answers = at_once(12, lambda _: new_device().call("sign_in", body))
        assert {answer.status for answer in answers} == {200}
    found = collections.Counter(at_once(25, lambda n: guess(new_device(), address, n)))
    assert found == {WRONG: 20, LIMITED: 5}


def test_the_owner_and_the_operator_are_told(
    device: Device, new_device: NewDevice, address: str, stack: Stack
):
    owner = device.register(address, password=PASSWORD)
    at_once(25, lambda n: guess(new_device(), address, n))

    told = device.call("security_history", bearer=owner["access_token"])
    [failed] = [one for one in told["data"] if one["action"] == "WRONG_PASSWORD_OR_CODE"]
    assert (failed["meta"]["lane"], failed["meta"]["count"]) == ("strangers", 20)
    assert failed["meta"]["refused"] is True

    reported = device.call("sudo", {"password": "wrong1"}, bearer=owner["access_token"])
    lines = [
        json.loads(line[line.index("{") :])
        for line in stack.functions_log.read_text().splitlines()
        if '"message":"request"' in line
    ]
    [account] = [line["account"] for line in lines if line["request_id"] == reported["request_id"]]
    of_account = [line for line in lines if line.get("account") == account]
    tries = collections.Counter(
        (line["lane"], line.get("wrong"), line.get("event"))
        for line in of_account
        if line.get("tried") == "password"
    )
    assert tries == {
        ("strangers", 1, None): 20,
        ("strangers", None, "budget_spent"): 5,
        ("session", 1, None): 1,
    }
    assert {line["network"] for line in of_account} == {"127.0.0.0/24"}
