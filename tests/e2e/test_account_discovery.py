"""A stack that tells only the mailbox whether an address has an account, with IAM enforced."""

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.client import Device, Inbox, NewDevice, at_once, new_address
from tests.e2e.conftest import PARAMETERS
from tests.e2e.stack import ROOT, NotReady, Stack, running

PASSWORD = "correct-horse-1"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Return a stack of its own: the parameter changes the rights of functions."""
    try:
        with running(
            ROOT / ".local/e2e-strict", f"{PARAMETERS} AccountDiscovery=strict"
        ) as started:
            yield started
    except NotReady as error:
        pytest.exit(str(error), returncode=3)


@pytest.fixture(scope="module")
def new_device(stack: Stack, seen: set[str]) -> Iterator[NewDevice]:
    with (
        httpx.Client(base_url=stack.api, timeout=90) as api,
        httpx.Client(base_url=stack.inbox, timeout=20) as mails,
    ):
        yield lambda: Device(api, Inbox(mails, seen), seen)


@pytest.mark.parametrize("target", ["ANY", "USER", "NOT_USER"])
def test_a_stranger_gets_the_same_answer_and_each_mailbox_a_mail_of_its_kind(
    new_device: NewDevice, address: str, target: str
):
    new_device().register(address, password=PASSWORD)
    stranger, unknown = new_device(), new_address()

    for email, mails, word in ((address, 2, "sign in"), (unknown, 1, "create")):
        answer = stranger.call("send_code", {"email": email, "target": target})
        assert (answer.status, answer["is_user"], answer["expires_in"]) == (200, False, 600)
        assert word in stranger.inbox.wait(email, mails)["text"].lower()


def test_both_branches_of_a_client_lead_in(new_device: NewDevice, address: str):
    first, second, third = new_device(), new_device(), new_device()
    created = first.call("sign_in", {"verification_token": first.prove(address)})
    body = {"verification_token": second.prove(address), "password": PASSWORD, "name": "Eve"}
    signed_up = second.call("sign_up", body)
    signed_in = third.call("sign_in", {"verification_token": third.prove(address)})

    assert created.status == signed_up.status == signed_in.status == 200
    assert created["sub"] == signed_up["sub"] == signed_in["sub"]
    profile = third.me(signed_in["access_token"])
    assert (profile["email"], profile["hasPassword"], "name" in profile) == (address, False, False)


def test_sign_ups_and_sign_ins_at_once_lead_into_one_account(new_device: NewDevice, address: str):
    devices = [new_device() for _ in range(8)]
    tokens = [device.prove(address) for device in devices]

    def enter(i: int) -> str:
        operation = "sign_up" if i % 2 else "sign_in"
        answer = devices[i].call(operation, {"verification_token": tokens[i]})
        assert answer.status == 200, answer
        return str(answer["sub"])

    assert len(set(at_once(len(devices), enter))) == 1
