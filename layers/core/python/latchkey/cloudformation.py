"""CloudFormation's custom resources: its requests, and the answer that it waits for.

A deployment waits for the answer until the resource's ServiceTimeout, and so does the roll-back of
a deployment that failed. So every request is answered, whatever is wrong with it.
"""

import json
import time
import traceback
import urllib.request
from collections.abc import Callable
from typing import Any

from latchkey import aws, log

# The answer has room for 4 KB.
_MOST_REASON = 2000
_ATTEMPTS = 3
_PAUSE_SECONDS = 1
# IAM is eventually consistent: what a new role may do holds everywhere after some seconds.
RIGHTS_SECONDS = 20
_RIGHTS_PAUSE_SECONDS = 2


def is_custom_resource(event: dict[str, Any]) -> bool:
    """Return whether an event comes from CloudFormation."""
    return "ResponseURL" in event


def serve(
    event: dict[str, Any], name: str, work: Callable[[dict[str, Any]], list[str]]
) -> dict[str, object]:
    """Do `work`, and tell CloudFormation the result. Return what a handler returns.

    `work` gets the properties of the resource, and returns what is wrong, in sentences that say
    what to do. They fail the deployment and are shown to the deployer, and so is an exception. A
    deletion does nothing and always succeeds: otherwise a stack that cannot be created could not be
    deleted either.

    Raises OSError if CloudFormation cannot be reached. Lambda then repeats the request.
    """
    problems: list[str] = []
    if event.get("RequestType") != "Delete":
        try:
            problems = work(event.get("ResourceProperties") or {})
        except Exception as cause:
            log.fault("a custom resource failed", cause, resource=name)
            problems = [_unexpected(name, cause)]
    _put(
        str(event["ResponseURL"]),
        {
            "Status": "FAILED" if problems else "SUCCESS",
            "Reason": " ".join(problems)[:_MOST_REASON],
            "PhysicalResourceId": event.get("PhysicalResourceId") or name,
            **{key: event.get(key, "") for key in ("StackId", "RequestId", "LogicalResourceId")},
        },
    )
    return {}


def patiently(check: Callable[[], str]) -> str:
    """Return what a check finds wrong, or an empty text. It is repeated for RIGHTS_SECONDS while it
    says AccessDenied, because the role of the function can be new.
    """
    until = time.monotonic() + RIGHTS_SECONDS
    while "AccessDenied" in (problem := check()) and time.monotonic() < until:
        time.sleep(_RIGHTS_PAUSE_SECONDS)
    return problem


def _unexpected(name: str, cause: Exception) -> str:
    """Say where an exception came from. The log group may be deleted with a stack that failed, so
    the deployer must learn enough from the answer.
    """
    frame = traceback.extract_tb(cause.__traceback__)[-1]
    code, _ = aws.error_of(cause)
    what = f"{type(cause).__name__}{f' {code}' if code else ''}"
    place = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
    return (
        f"{name}: {what} in {place}. Deploy again. If it fails again, deploy with"
        " --disable-rollback, which keeps the log group, and read its lines of level ERROR."
    )


def _put(url: str, answer: dict[str, object]) -> None:
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own address
        url, json.dumps(answer).encode(), {"content-type": ""}, method="PUT"
    )
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=10):  # noqa: S310
                return
        except OSError:
            if attempt == _ATTEMPTS:
                raise
        time.sleep(_PAUSE_SECONDS)
