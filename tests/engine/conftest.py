"""Operations on AWS's own DynamoDB engine, called by many threads at once.

All threads share this process, so what one container does for one request at a time is replaced:
metrics are not written, and the queue is a list.
"""

import itertools
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from latchkey import aws, metrics
from latchkey.codes import verification
from latchkey.keys import keyring
from latchkey.users import passwords
from tests.engine import dynamodb_local
from tests.engine.conflicts import Conflicts
from tests.unit.calls import CONTEXT, ROOT, Answer, app
from tests.unit.clock import NOW, now
from tests.unit.cloud import clean_cloud, cloud, configure

__all__ = ["clean_cloud", "cloud", "configure", "now"]

PASSWORD = "engine1843"
Crowd = Callable[..., list[Any]]


@dataclass
class Device:
    """An installation of the SDK. `source` is its IP address."""

    source: str
    id: str = field(default_factory=lambda: secrets.token_hex(16))

    def call(
        self,
        operation: str,
        body: object = None,
        *,
        bearer: str | None = None,
        request_id: str | None = None,
        query: str | None = None,
    ) -> Answer:
        """Send a request in this thread."""
        event = json.loads((ROOT / "events" / f"{operation}.json").read_text())
        headers = {
            "x-device-id": self.id,
            "x-request-id": request_id or secrets.token_hex(16),
            "user-agent": "Mozilla/5.0",
        }
        event["headers"] = headers | ({"authorization": f"Bearer {bearer}"} if bearer else {})
        event["body"] = json.dumps({} if body is None else body)
        event["requestContext"]["http"]["sourceIp"] = self.source
        if query is not None:
            event["rawQueryString"] = query
        return Answer.of(app(operation)(event, CONTEXT))

    def ask(self, address: str, *, bearer: str | None = None) -> tuple[str, str]:
        """Ask for a code, and return the verification's id and the code."""
        sent = self.call("send_code", {"email": address}, bearer=bearer)
        assert sent.status == 200, sent
        return sent["verification_id"], mailed_code(sent["verification_id"])

    def verify(self, verification_id: str, code: str, **how: Any) -> Answer:
        """Redeem a code."""
        body = {"verification_id": verification_id, "verification_code": code}
        return self.call("verify_code", body, **how)

    def prove(self, address: str) -> str:
        """Ask for a code, redeem it, and return the verification token."""
        verified = self.verify(*self.ask(address))
        assert verified.status == 200, verified
        return str(verified["verification_token"])

    def register(self, address: str) -> Answer:
        """Prove an address and sign up with PASSWORD; return the tokens."""
        body = {"verification_token": self.prove(address), "password": PASSWORD}
        tokens = self.call("sign_up", body)
        assert tokens.status == 200, tokens
        return tokens

    def sign_in(self, address: str, password: str = PASSWORD, **how: Any) -> Answer:
        """Sign in with a password."""
        return self.call("sign_in", {"username": address, "password": password}, **how)


def mailed_code(verification_id: str) -> str:
    """Return the code that the mailer derives for a verification."""
    found = verification.read(verification_id)
    assert found is not None
    return found.code()


_sources = itertools.count()


def new_device() -> Device:
    """Return a device with an id and a network that nobody has used."""
    number = next(_sources)
    return Device(source=f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}")


def new_address() -> str:
    """Return an address that nobody has used."""
    return f"person-{secrets.token_hex(6)}@example.com"


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """Run AWS's own engine for all tests of this folder."""
    with dynamodb_local.running() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def container(clean_cloud: None) -> Iterator[list[dict[str, Any]]]:
    """Replace what threads cannot share, and return the messages that were queued."""
    queued: list[dict[str, Any]] = []
    queue = SimpleNamespace(send_message=lambda **message: queued.append(message))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws, "sqs", lambda: queue)
        patch.setattr(metrics, "_write", lambda *_, **__: None)
        keyring.tag("warm", NOW)
        keyring.private(keyring.load().current("signing", NOW))
        yield queued


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Store passwords as they are, so that races are close. Return what was compared."""
    tried: list[str] = []

    def matches(password: str, stored: str | None) -> bool:
        tried.append(password)
        return password == stored

    monkeypatch.setattr(passwords, "matches", matches)
    monkeypatch.setattr(passwords, "_hash", str)
    monkeypatch.setattr(passwords, "rehash", lambda *_: None)
    return tried


@pytest.fixture
def conflicts() -> Iterator[Conflicts]:
    """Let writes of the same item meet as they do on AWS."""
    met = Conflicts(aws.dynamodb())
    yield met
    met.stop()
