"""Requests to the operations, as API Gateway hands them over."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from tests import described
from tests.unit import recorder

ROOT = Path(__file__).parents[2]
DEVICE = "0123456789abcdef0123456789abcdef"

Call = Callable[..., "Answer"]


class Context(LambdaContext):
    """What Lambda tells a function about an invocation."""

    _function_name = "function"
    _memory_limit_in_mb = 1024
    _invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:function"
    _aws_request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


CONTEXT = Context()


class Answer(dict[str, Any]):
    """The JSON of an answer, with its status and headers."""

    status: int
    headers: dict[str, str]

    @classmethod
    def of(cls, reply: dict[str, Any]) -> "Answer":
        """Return the answer that a handler's reply is."""
        answer = cls(json.loads(reply["body"]))
        answer.status, answer.headers = reply["statusCode"], reply["headers"]
        return answer


def app(operation: str) -> Any:
    """Return the Lambda handler of an operation."""
    return importlib.import_module(f"functions.{operation}.app").handler


def handler(operation: str) -> Any:
    """Return the Lambda handler of an operation, whose calls of AWS are noted."""
    return recorder.noting(operation, app(operation))


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
        answer = Answer.of(handler(operation)(event, CONTEXT))
        described.check(event["routeKey"], answer.status, answer)
        return answer

    return send
