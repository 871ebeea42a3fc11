"""Hooks: functions of Python that stand in for the deployer's, behind Lambda's Invoke."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, cast

import botocore.awsrequest
import pytest
from botocore.awsrequest import HeadersDict

from latchkey import aws

Asked: TypeAlias = dict[str, Any]
Hook: TypeAlias = Callable[[str, Callable[[Asked], object]], list[Asked]]


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


class Raw(bytes):
    """An answer that is sent as it is, and not as JSON."""


class Refused(Exception):
    """What a stand-in raises so that Lambda itself refuses to run it, with this code."""


@pytest.fixture
def hook(configure: Callable[..., None]) -> Iterator[Hook]:
    """Return a function that puts a function behind the parameter of a hook, such as
    `claims_function_arn`, and returns the list of what it is asked.

    The function gets the event and returns the answer. One that raises fails as it does on Lambda,
    with `FunctionError`.
    """
    behind: dict[str, tuple[Callable[[Asked], object], list[Asked]]] = {}

    def answer(request: Any, **_: object) -> botocore.awsrequest.AWSResponse:
        name = request.url.rpartition("%3A")[2].partition("/")[0]
        function, asked = behind[name]
        asked.append(json.loads(request.body))
        status, headers = 200, {"content-type": "application/json"}
        try:
            told = function(asked[-1])
        except Refused as refused:
            status, headers["x-amzn-errortype"] = 429, str(refused)
            told = {"message": "no"}
        except ZeroDivisionError:
            headers["x-amz-function-error"] = "Unhandled"
            told = {"errorMessage": "no"}
        body = bytes(told) if isinstance(told, Raw) else json.dumps(told).encode()
        headers["content-length"] = str(len(body))
        raw, sent = _Raw(body), cast("Any", HeadersDict(headers))
        return botocore.awsrequest.AWSResponse(request.url, status, sent, raw)

    def put(parameter: str, function: Callable[[Asked], object]) -> list[Asked]:
        name = parameter.title().replace("_", "")
        arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{name}"
        configure(**{parameter: arn})
        behind[name] = function, []
        return behind[name][1]

    events: Any = aws.lambda_().meta.events
    events.register_first("before-send.lambda.Invoke", answer)
    yield put
    events.unregister("before-send.lambda.Invoke", answer)
