"""Check what all journeys have left in logs and tables."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from boto3.dynamodb.types import Binary

from tests.e2e.stack import Stack

pytestmark = pytest.mark.last


@pytest.fixture(scope="module")
def lines(stack: Stack) -> list[str]:
    """Return every line that the functions have logged, from the file and from CloudWatch."""
    logs = stack.client("logs")
    found = stack.functions_log.read_text().splitlines()
    for group in logs.describe_log_groups()["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        found += [event["message"] for page in pages for event in page["events"]]
    return found


def test_every_request_is_logged_with_its_operation_and_outcome(lines: list[str]):
    requests = [found for found in _objects(lines) if found.get("message") == "request"]

    assert requests
    assert all(r["operation"] and r["status"] and r["request_id"] for r in requests)


def test_no_code_token_password_or_address_is_logged(lines: list[str], seen: set[str]):
    assert seen
    text = "\n".join(lines)
    # A code is six digits that stand alone. An id may have six digits in it too.
    found = {
        secret
        for secret in seen
        if secret in text and re.search(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", text)
    }
    assert found == set()
    assert "@example.com" not in text


def test_nothing_failed_inside(lines: list[str]):
    assert [found for found in _objects(lines) if found.get("level") == "ERROR"] == []
    assert [line for line in lines if "Traceback" in line] == []


def test_no_code_token_or_password_is_stored(stack: Stack, seen: set[str]):
    secrets = {value for value in seen if "@" not in value}
    stored = {
        text
        for table in ("Accounts", "Grants")
        for item in stack.items(table)
        for text in _texts(item)
    }
    assert stored
    assert stored & secrets == set()
    assert not any(text.startswith("eyJ") for text in stored)


def test_every_item_of_grants_expires(stack: Stack):
    assert [item for item in stack.items("Grants") if not item.get("expires_at")] == []


@pytest.mark.parametrize("queue", ["DeadMails", "DeadNotices"])
def test_no_mail_was_given_up(stack: Stack, queue: str):
    url = stack.names[queue]
    found = stack.client("sqs").get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert found["Attributes"]["ApproximateNumberOfMessages"] == "0"


def _objects(lines: list[str]) -> list[dict[str, Any]]:
    """Return what the functions have logged as JSON."""
    found = [json.loads(line[line.index("{") :]) for line in lines if line.endswith("}")]
    assert found
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | set | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, Binary):
        yield bytes(value.value).decode("latin-1")  # type: ignore[attr-defined]
    else:
        yield str(value)
