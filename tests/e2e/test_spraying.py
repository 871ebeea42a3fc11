"""A few guesses at each of many accounts, from one network and from many. The local stack has only
one source, so this invokes the functions as the gateway does.
"""

import collections
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.client import Device, Inbox, at_once, new_address
from tests.e2e.stack import ROOT, Stack

FUNCTIONS = ("SignIn", "SendCode", "VerifyCode")
WRONG, LIMITED = "invalid_username_or_password", "resource_exhausted"
_number = itertools.count(1)

Invoke = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def budget(stack: Stack) -> Iterator[None]:
    """Set a small budget for the tests of this file, as a parameter would: 20 failures for a
    source, and the storm after 20 wrong codes.
    """
    before = {name: stack.set_variables(name, FAILURES_PER_DAY="4") for name in FUNCTIONS}
    yield
    for name, variables in before.items():
        stack.set_variables(name, **variables)
    # What the storm has counted, so that it is over for other tests.
    for item in stack.items("Grants"):
        if item["pk"].startswith("STORM#"):
            stack.table("Grants").delete_item(Key={"pk": item["pk"], "sk": item["sk"]})


@pytest.fixture
def invoke(stack: Stack) -> Invoke:
    """Return a function that sends an operation a body from a source, on a new device."""
    client = stack.client("lambda")

    def send(function: str, operation: str, body: object, source: str) -> dict[str, Any]:
        event = json.loads((ROOT / "events" / f"{operation}.json").read_text())
        event["headers"]["x-request-id"] = ""
        event["headers"]["x-device-id"] = f"{next(_number):032x}"
        event["requestContext"]["http"]["sourceIp"] = source
        event["body"] = json.dumps(body)
        answer = client.invoke(FunctionName=stack.names[function], Payload=json.dumps(event))
        return dict(json.loads(json.loads(answer["Payload"].read())["body"]))

    return send


def test_of_60_parallel_guesses_at_60_accounts_from_one_address_20_are_evaluated(
    invoke: Invoke,
):
    def guess(source: str) -> str:
        body = {"username": new_address(), "password": "wrong1843"}
        return str(invoke("SignIn", "sign_in", body, source).get("error"))

    found = collections.Counter(at_once(60, lambda _: guess("198.51.100.77")))
    assert found == {WRONG: 20, LIMITED: 40}
    assert guess("198.51.100.78") == WRONG


def test_wrong_codes_from_ever_other_networks_make_strangers_codes_long(
    invoke: Invoke, inbox: Inbox, device: Device, address: str
):
    device.register(address)

    def spray(number: int) -> str:
        source = f"192.0.2.{number % 250}"
        sent = invoke("SendCode", "send_code", {"email": new_address()}, source)
        assert "verification_id" in sent, sent
        body = {"verification_id": sent["verification_id"], "verification_code": "x"}
        return str(invoke("VerifyCode", "verify_code", body, source)["error"])

    found = collections.Counter(at_once(40, spray))
    # Those under way when the twenty-first was counted are evaluated as well, and so are long
    # codes.
    assert found["invalid_verification_code"] > 20

    stranger = new_address()
    invoke("SendCode", "send_code", {"email": stranger}, "192.0.2.251")
    assert len(inbox.code(stranger)) == 10
    # The owner's device notices nothing.
    assert len(device.ask(address)[1]) == 6
