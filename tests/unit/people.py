"""Ada, her mailbox and her sessions."""

import itertools
from collections.abc import Callable

import pytest

from tests.unit.calls import Answer, Call
from tests.unit.mailbox import Outbox

Prove = Callable[..., str]
SignIn = Callable[..., Answer]
Confirm = Callable[..., str]
Alive = Callable[[Answer], bool]


@pytest.fixture
def prove(call: Call, outbox: Outbox) -> Prove:
    """Return a function that proves an address by its mail and returns the verification token."""

    def redeem(address: str = "ada@example.com", bearer: str | None = None) -> str:
        sent = call("send_code", {"email": address}, bearer=bearer)
        body = {
            "verification_id": sent["verification_id"],
            "verification_code": outbox.code(address),
        }
        return str(call("verify_code", body)["verification_token"])

    return redeem


@pytest.fixture
def ada(call: Call, prove: Prove) -> Answer:
    """Sign Ada up and return her tokens."""
    body = {"verification_token": prove(), "password": "engine1843", "username": "ada_lovelace"}
    return call("sign_up", {**body, "name": "Ada"})


@pytest.fixture
def sign_in(call: Call) -> SignIn:
    """Return a function that signs Ada in once more, on a new device, and returns the tokens."""
    devices = itertools.count(1)

    def start(password: str = "engine1843", device: str | None = None) -> Answer:
        device = f"{next(devices):032x}" if device is None else device
        body = {"username": "ada@example.com", "password": password}
        return call("sign_in", body, headers={"x-device-id": device})

    return start


@pytest.fixture
def confirm(call: Call) -> Confirm:
    """Return a function that confirms a session with a password and returns the sudo token."""

    def grant(session: Answer, password: str = "engine1843") -> str:
        answer = call("sudo", {"password": password}, bearer=session["access_token"])
        return str(answer["sudo_token"])

    return grant


@pytest.fixture
def alive(call: Call) -> Alive:
    """Return a function that says whether a session goes on."""

    def ask(session: Answer) -> bool:
        answer = call("get_user", bearer=session["access_token"])
        assert answer.status == 200 or answer["error"] == "unauthenticated"
        return answer.status == 200

    return ask
