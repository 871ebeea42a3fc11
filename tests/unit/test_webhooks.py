"""The example of signed webhooks, against a server of HTTP that checks them as a customer does."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from examples.webhooks.src import app
from tests.unit.conftest import CONTEXT

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
DETAIL = {"id": "7de3041dd7", "type": "user.deleted", "time": "", "data": {"sub": "ada"}}


class Receiver(ThreadingHTTPServer):
    """Notes what is posted, and answers `statuses` one after the other."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.wait = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status = receiver.statuses.pop(0) if receiver.statuses else 204
                if status == 0:  # no answer
                    receiver.wait.wait(10)
                    return
                self.send_response(status)
                self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    secret = boto3.client("secretsmanager").create_secret(Name="webhooks", SecretString=SECRET)
    with Receiver() as server:
        monkeypatch.setenv("SECRET_ARN", secret["ARN"])
        monkeypatch.setenv("WEBHOOK_URL", f"http://127.0.0.1:{server.server_port}/hooks")
        app._webhook.cache_clear()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.wait.set()
        server.shutdown()
        thread.join()
    boto3.client("secretsmanager").delete_secret(
        SecretId="webhooks", ForceDeleteWithoutRecovery=True
    )


def post(*ids: str) -> list[str]:
    """Hand messages over as SQS does, and return those that stay in the queue."""
    records = [
        {"messageId": f"message-{i}", "body": json.dumps({"detail": DETAIL | {"id": i}})}
        for i in ids
    ]
    answer = app.handler({"Records": records}, CONTEXT)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_an_event_is_posted_with_a_signature_that_the_library_takes(receiver: Receiver):
    assert post("a") == []
    [(headers, body)] = receiver.got
    assert Webhook(SECRET).verify(body, headers) == DETAIL | {"id": "a"}
    assert headers["webhook-id"] == "a"


@pytest.mark.parametrize(
    "forge",
    [
        lambda headers, body: (headers, body + b" "),
        lambda headers, body: (headers | {"webhook-id": "b"}, body),
        lambda headers, body: (headers | {"webhook-timestamp": "1795348800"}, body),
    ],
)
def test_a_changed_event_is_noticed(receiver: Receiver, forge: Callable[..., Any]):
    post("a")
    headers, body = forge(*receiver.got[0])
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, headers)


@pytest.mark.parametrize("status", [301, 307, 400, 410, 500, 503])
def test_only_what_is_not_taken_comes_again(receiver: Receiver, status: int):
    receiver.statuses = [204, status, 200]
    assert post("a", "b", "c") == ["message-b"]
    assert len(receiver.got) == 3
    assert post("b") == []
    [first, second] = [body for headers, body in receiver.got if headers["webhook-id"] == "b"]
    assert first == second


def test_a_receiver_without_an_answer_is_left(receiver: Receiver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app, "SECONDS", 0.2)
    receiver.statuses = [0]
    assert post("a") == ["message-a"]


def test_a_receiver_that_is_down_loses_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("WEBHOOK_URL", "http://127.0.0.1:9/secret-token")
    assert post("a") == ["message-a"]
    assert "secret-token" not in capsys.readouterr().out
