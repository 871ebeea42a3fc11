"""AWS in memory, and the container that an operation runs in."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.model_instances import reset_model_data
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.serialize import JSONSerializer
from moto.dynamodb.models import dynamodb_backends

from latchkey import aws, settings
from latchkey.keys import keyring, rotation
from latchkey.limits import ceiling, storm
from latchkey.mail import send
from local.template import table_definition
from tests import rights
from tests.engine import dynamodb_local
from tests.unit import recorder
from tests.unit.clock import NOW, Clock

Meanwhile = Callable[[Callable[[], object]], None]


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """Return the end point of AWS's own DynamoDB engine if ENGINE asks for it, else nothing: then
    DynamoDB is moto's, like everything else.
    """
    if os.environ.get("ENGINE") != "dynamodb-local":
        yield ""
    else:
        with dynamodb_local.running() as endpoint:
            yield endpoint


@pytest.fixture(scope="session")
def cloud(engine: str) -> Iterator[Any]:
    """Make AWS in memory: tables as the template describes them, a wrapping key, the first keys.

    It is made once, and emptied between tests, because making it takes longer than most tests.
    Return the item of the first keys. What is there by then, such as all tests and botocore, is
    taken from the garbage collector: each pass over it takes seconds.
    """
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
            environment.delenv(name, raising=False)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "test")
        environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        environment.setattr(JSONSerializer, "_serialize_structure_member", serialize_member)
        if engine:
            environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", engine)
        start_container()
        for resource in ("Accounts", "Grants"):
            boto3.client("dynamodb").create_table(TableName=resource, **table_definition(resource))
        variables = {
            "ACCOUNTS_TABLE": "Accounts",
            "GRANTS_TABLE": "Grants",
            "KMS_KEY_ID": boto3.client("kms").create_key()["KeyMetadata"]["KeyId"],
            "SENDER_ADDRESS": rights.SENDERS["SenderAddress"],
        }
        for name, value in variables.items():
            environment.setenv(name, value)
        rotation.rotate("https://login.example.com", now=NOW)
        item = aws.dynamodb().get_item(TableName="Accounts", Key={"pk": {"S": "KEYRING"}})["Item"]
        gc.collect()
        gc.freeze()
        yield item
        start_container()


@pytest.fixture(autouse=True)
def clean_cloud(cloud: Any, now: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start with nothing but the first keys, in a warm container; leave nothing behind."""
    queues = {
        variable: aws.sqs().create_queue(QueueName=name)["QueueUrl"]
        for variable, name in (("MAIL_QUEUE_URL", "MailQueue"), ("NOTICE_QUEUE_URL", "NoticeQueue"))
    }
    for variable, url in queues.items():
        monkeypatch.setenv(variable, url)
    aws.dynamodb().put_item(TableName="Accounts", Item=cloud)
    keyring.forget()
    storm.forget()
    ceiling.forget()
    forget_settings()
    recorder.forget()
    yield
    forget_settings()
    empty_tables()
    for url in queues.values():
        aws.sqs().delete_queue(QueueUrl=url)
    missing = {rights.statement_for(*refused) for refused in recorder.refused()}
    assert not missing, "template.yaml lacks:\n" + "\n".join(sorted(missing))


def serialize_member(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """Serialize a member as moto does, but skip at once the types that an attribute does not have:
    moto looks for each of ten in each attribute of each item, which takes longer than all else.
    """
    if shape.parent.name != "AttributeValue" or key in value:
        super(JSONSerializer, serializer)._serialize_structure_member(serialized, value, shape, key)


def empty_tables() -> None:
    """Delete all items of both tables, and the copies of items that moto keeps for its own page."""
    in_memory = dynamodb_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].tables
    for held in in_memory.values():
        held.items.clear()  # takes no time, unlike so many calls
    if not in_memory:  # the engine is AWS's own
        for table, names in (("Accounts", ["pk"]), ("Grants", ["pk", "sk"])):
            for item in aws.dynamodb().scan(TableName=table)["Items"]:
                key = {name: item[name] for name in names}
                aws.dynamodb().delete_item(TableName=table, Key=key)
    reset_model_data()


def start_container() -> None:
    """Forget all that a warm container would remember: whatever the layer's modules cache, but for
    what botocore has read about the services, which takes a second and 10 MB.
    """
    forget_settings()
    aws.forget()
    keyring.forget()
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "latchkey":
            for value in vars(module).values():
                if hasattr(value, "cache_clear") and value is not aws._models:
                    value.cache_clear()
    recorder.listen()


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets variables: `configure(code_seconds=60)`."""

    def set_variables(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name.upper(), str(value))
        forget_settings()

    return set_variables


@pytest.fixture
def meanwhile() -> Iterator[Meanwhile]:
    """Return a function that has something done right after the next batch is read from DynamoDB:
    between the time when an operation has read user and session and the time when it writes.
    """
    waiting: list[Callable[[], object]] = []
    events, event = aws.dynamodb().meta.events, "after-call.dynamodb.BatchGetItem"

    def act(**_: object) -> None:
        if waiting:
            waiting.pop()()

    events.register(event, act)
    yield waiting.append
    events.unregister(event, act)


def forget_settings() -> None:
    """Let the variables be read again: another test may have set other ones."""
    settings.Settings.load.__func__.cache_clear()  # type: ignore[attr-defined]
    send.forget()
