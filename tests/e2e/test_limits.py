"""How often a client may ask for codes, with the default limits of the template."""

import collections
import contextlib
import json
import time
from collections.abc import Iterator

import pytest

from tests.e2e.client import Device, Inbox, NewDevice, at_once
from tests.e2e.stack import ROOT, Stack

LIMITED = (429, "resource_exhausted", 8)


@pytest.fixture
def cooldown(stack: Stack) -> Iterator[None]:
    """Set the default cool-down of `send_code` for one test, as a parameter would."""
    before = stack.set_variables("SendCode", CODE_COOLDOWN_SECONDS="60")
    yield
    stack.set_variables("SendCode", **before)


def test_twenty_parallel_asks_for_one_address_send_one_mail(
    cooldown: None, new_device: NewDevice, inbox: Inbox, address: str
):
    for turn in range(3):
        to = f"turn{turn}-{address}"
        devices = [new_device() for _ in range(20)]
        answers = at_once(20, lambda i: devices[i].call("send_code", {"email": to}))  # noqa: B023

        outcome = collections.Counter(answer.status for answer in answers)
        assert outcome == {200: 1, 429: 19}
        for answer in answers:
            if answer.status == 429:
                assert answer.refusal == LIMITED
                assert answer["retry_after"] == int(answer.headers["retry-after"]) in range(1, 61)
        # Mails are sent in order, so when the next one has arrived, all before it have too.
        new_device().ask(f"after{turn}-{address}")
        assert len(inbox.mails(to)) == 1


def test_fifty_mails_a_day_go_to_one_address_from_one_network_and_no_more(
    device: Device, new_device: NewDevice, address: str, inbox: Inbox
):
    for _ in range(50):
        assert new_device().call("send_code", {"email": address}).status == 200

    answer = device.call("send_code", {"email": address})
    assert answer.refusal == LIMITED
    assert answer["retry_after"] in range(1, 86401)
    inbox.wait(address, 50)
    assert device.call("send_code", {"email": f"other-{address}"}).status == 200


@contextlib.contextmanager
def seventy_of_a_hundred(stack: Stack) -> Iterator[None]:
    """Let the ceiling be 100 mails, of which 70 were sent."""
    functions = ("SendCode", "SendMail")
    before = {name: stack.set_variables(name, MAILS_PER_DAY="100") for name in functions}
    table, key = stack.table("Grants"), {"pk": "MAILS", "sk": "-"}
    mails, now = table.get_item(Key=key, ConsistentRead=True)["Item"], int(time.time())
    table.put_item(Item=key | {"total": 70, f"h{now // 3600}": 70, "expires_at": now + 86400})
    try:
        yield
    finally:
        table.put_item(Item=mails)
        for name, variables in before.items():
            stack.set_variables(name, **variables)


def test_near_the_ceiling_of_mails_only_known_devices_get_codes(
    stack: Stack, address: str, device: Device, new_device: NewDevice, inbox: Inbox
):
    device.register(address)
    with seventy_of_a_hundred(stack):
        answer = new_device().call("send_code", {"email": address})
        assert answer.refusal == LIMITED
        assert answer["retry_after"] in range(86400, 90001)
        assert device.call("send_code", {"email": address}).status == 200
        inbox.wait(address, 2)


def test_a_source_may_ask_so_many_times_an_hour_and_others_go_on(stack: Stack, address: str):
    """The local stack has only one source, so this invokes the function as the gateway does."""
    before = stack.set_variables("SendCode", CODES_PER_SOURCE_PER_HOUR="3")
    try:
        event = json.loads((ROOT / "events/send_code.json").read_text())
        client, name = stack.client("lambda"), stack.names["SendCode"]

        def ask(source: str, turn: int) -> int:
            event["headers"]["x-request-id"] = ""
            event["requestContext"]["http"]["sourceIp"] = source
            event["body"] = json.dumps({"email": f"{turn}-{address}"})
            answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
            return int(json.loads(answer["Payload"].read())["statusCode"])

        assert [ask("198.51.100.7", turn) for turn in range(5)] == [200, 200, 200, 429, 429]
        assert ask("198.51.100.8", 9) == 200
        # The /64 network of a subscriber counts as one source.
        sources = [f"2001:db8:1:2::{turn}" for turn in range(4)]
        assert [ask(s, 10 + i) for i, s in enumerate(sources)] == [200, 200, 200, 429]
        assert ask("2001:db8:1:3::1", 20) == 200
    finally:
        stack.set_variables("SendCode", **before)
