"""What stands in for AWS, the clock and mail servers in unit tests; nothing else is replaced."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from moto import mock_aws

from latchkey import aws, clock, log, settings
from latchkey.keys import keyring, rotation
from latchkey.mail import render, send
from local.template import table_definition
from tests.unit import recorder

ROOT = Path(__file__).parents[2]
NOW = 1_795_348_800  # 2026-11-22T12:00:00Z
DEVICE = "0123456789abcdef0123456789abcdef"


class Context(LambdaContext):
    """What Lambda tells a function of an invocation."""

    _function_name = "function"
    _memory_limit_in_mb = 1024
    _invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:function"
    _aws_request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


CONTEXT = Context()

Call = Callable[..., "Answer"]
Prove = Callable[..., str]
SignIn = Callable[..., "Answer"]
Confirm = Callable[..., str]
Alive = Callable[["Answer"], bool]
Meanwhile = Callable[[Callable[[], object]], None]


class Answer(dict[str, Any]):
    """The JSON of an answer, with its status and headers."""

    status: int
    headers: dict[str, str]


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> int:
        return self.time


class Outbox:
    """The mail queue's other end: `send_mail` itself, with the last step replaced by a list."""

    def __init__(self, queue_url: str) -> None:
        self.queue_url = queue_url
        self.mails: list[render.RenderedMail] = []

    def deliver(self) -> list[str]:
        """Let the mailer have all waiting messages, and return the ids it wants again.

        Those that it has postponed are let wait.
        """
        sqs = boto3.client("sqs")
        again: list[str] = []
        while found := sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            records = [
                {
                    "messageId": m["MessageId"],
                    "receiptHandle": m["ReceiptHandle"],
                    "attributes": {"ApproximateReceiveCount": "1"},
                    "body": m["Body"],
                }
                for m in found
            ]
            answer = handler("send_mail")({"Records": records}, CONTEXT)
            again += [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            for message in found:
                if message["MessageId"] not in failed:
                    receipt = message["ReceiptHandle"]
                    sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=receipt)
        return again

    def code(self, address: str = "ada@example.com") -> str:
        """Read the code in the newest mail, as its reader would: alone on its line."""
        self.deliver()
        lines = (
            line
            for mail in reversed(self.mails)
            if mail.to == address
            for line in mail.text.splitlines()
        )
        return next(line for line in lines if line.isdigit())


def handler(operation: str) -> Any:
    """Return the Lambda handler of an operation, whose calls of AWS are noted."""
    app = importlib.import_module(f"functions.{operation}.app")
    return recorder.noting(operation, app.handler)


class Stdout:
    """Standard output as it is when a line is written, so that a test can capture it."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture(scope="session", autouse=True)
def _log_to_stdout() -> None:
    log.logger.logger_handler.setStream(Stdout())  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def cloud() -> Iterator[Any]:
    """AWS in memory: tables as the template describes them, a wrapping key, and the first keys.

    It is made once, and emptied between tests, because making it takes longer than most tests.
    """
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
            environment.delenv(name, raising=False)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "test")
        environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        start_container()
        for resource in ("Accounts", "Grants"):
            boto3.client("dynamodb").create_table(TableName=resource, **table_definition(resource))
        variables = {
            "ACCOUNTS_TABLE": "Accounts",
            "GRANTS_TABLE": "Grants",
            "KMS_KEY_ID": boto3.client("kms").create_key()["KeyMetadata"]["KeyId"],
            "SENDER_ADDRESS": "login@example.com",
        }
        for name, value in variables.items():
            environment.setenv(name, value)
        rotation.rotate("https://login.example.com", now=NOW)
        yield aws.dynamodb().get_item(TableName="Accounts", Key={"pk": {"S": "KEYRING"}})["Item"]
        start_container()


@pytest.fixture(autouse=True)
def _empty(cloud: Any, now: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start with nothing but the first keys, in a warm container; leave nothing behind."""
    queue = aws.sqs().create_queue(QueueName="MailQueue")["QueueUrl"]
    monkeypatch.setenv("MAIL_QUEUE_URL", queue)
    aws.dynamodb().put_item(TableName="Accounts", Item=cloud)
    keyring.forget()
    _forget_settings()
    recorder.forget()
    yield
    _forget_settings()
    for table, names in (("Accounts", ["pk"]), ("Grants", ["pk", "sk"])):
        for item in aws.dynamodb().scan(TableName=table)["Items"]:
            aws.dynamodb().delete_item(TableName=table, Key={name: item[name] for name in names})
    aws.sqs().delete_queue(QueueUrl=queue)
    assert recorder.refused() == [], "a policy in template.yaml does not allow this"


def _forget_settings() -> None:
    """What was read before a test, or by another one, is not this test's."""
    settings.Settings.load.__func__.cache_clear()  # type: ignore[attr-defined]
    send.transports.cache_clear()


def start_container() -> None:
    """Forget all that a warm container would remember."""
    _forget_settings()
    keyring.forget()
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "latchkey":
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
    recorder.listen()


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock, which stands still."""
    standing = Clock()
    monkeypatch.setattr(clock, "now", standing)
    return standing


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch, _empty: None) -> Outbox:
    """Return the mails that were sent."""
    box = Outbox(settings.Queue.load().mail_queue_url)
    monkeypatch.setattr(send, "send", box.mails.append)
    return box


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets variables: `configure(code_seconds=60)`."""

    def set_variables(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name.upper(), str(value))
        _forget_settings()

    return set_variables


_UNSET: Any = object()


@pytest.fixture
def call() -> Call:
    """Return a function that sends an operation its fixture of events/ with another body, headers
    or bearer."""
    count = 0

    def send(
        operation: str,
        body: object = _UNSET,
        *,
        raw: str | None = None,
        bearer: str | None = None,
        headers: dict[str, str] | None = None,
        source: str | None = None,
        query: str | None = None,
        path: str | None = None,
        route: str | None = None,
        parameters: dict[str, str] | None = None,
    ) -> Answer:
        nonlocal count
        count += 1
        event = json.loads((ROOT / "events" / f"{operation}.json").read_text())
        event["headers"]["x-request-id"] = f"request-{count:024d}"
        if body is not _UNSET:
            event["body"] = json.dumps(body)
        if raw is not None:
            event["body"] = raw
        if bearer is not None:
            event["headers"]["authorization"] = f"Bearer {bearer}"
        event["headers"].update(headers or {})
        if source is not None:
            event["requestContext"]["http"]["sourceIp"] = source
        if query is not None:
            event["rawQueryString"] = query
        if parameters is not None:
            event["pathParameters"] = parameters
        if route is not None:
            event["routeKey"] = event["requestContext"]["routeKey"] = route
            method, path = route.split(" ")
            event["requestContext"]["http"]["method"] = method
        if path is not None:
            event["rawPath"] = event["requestContext"]["http"]["path"] = path
        reply = handler(operation)(event, CONTEXT)
        answer = Answer(json.loads(reply["body"]))
        answer.status, answer.headers = reply["statusCode"], reply["headers"]
        return answer

    return send


@pytest.fixture
def prove(call: Call, outbox: Outbox) -> Callable[..., str]:
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
def ada(call: Call, prove: Callable[..., str]) -> Answer:
    """Sign Ada up and return her tokens."""
    body = {"verification_token": prove(), "password": "engine1843", "username": "ada_lovelace"}
    return call("sign_up", {**body, "name": "Ada"})


@pytest.fixture
def sign_in(call: Call) -> Callable[..., Answer]:
    """Return a function that signs Ada in once more, and returns the tokens."""

    def start(password: str = "engine1843", device: str = DEVICE) -> Answer:
        body = {"username": "ada@example.com", "password": password}
        return call("sign_in", body, headers={"x-device-id": device})

    return start


@pytest.fixture
def confirm(call: Call) -> Callable[..., str]:
    """Return a function that confirms a session with a password and returns the sudo token."""

    def grant(session: Answer, password: str = "engine1843") -> str:
        answer = call("sudo", {"password": password}, bearer=session["access_token"])
        return str(answer["sudo_token"])

    return grant


@pytest.fixture
def alive(call: Call) -> Callable[[Answer], bool]:
    """Return a function that says whether a session goes on."""

    def ask(session: Answer) -> bool:
        answer = call("get_user", bearer=session["access_token"])
        assert answer.status == 200 or answer["error"] == "unauthenticated"
        return answer.status == 200

    return ask


@pytest.fixture
def meanwhile() -> Iterator[Meanwhile]:
    """Return a function that has something done right after the next query of DynamoDB: between the
    time when an operation has read a user's sessions and the time when it writes.
    """
    waiting: list[Callable[[], object]] = []
    events, event = aws.dynamodb().meta.events, "after-call.dynamodb.Query"

    def act(**_: object) -> None:
        if waiting:
            waiting.pop()()

    events.register(event, act)
    yield waiting.append
    events.unregister(event, act)
