"""The log: one JSON object per line, written by Powertools.

No value that a caller sent is logged, except the id of the request: only names of operations and
errors, ids of requests, users and verifications, tags of addresses, networks, and times. Of an
exception only its type and its places are logged, because the messages of libraries quote what they
were given.
"""

import json
import sys
import traceback
from typing import Any, TextIO, cast

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.logging import logger as powertools


class _Stdout:
    """Standard output as it is when a line is written: tests and the local stack replace it."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


# What is the same in each line of a function. It would be a fifth of what the log costs.
_LEFT_OUT = {"function_arn", "function_memory_size"}


def _serialize(line: dict[str, Any]) -> str:
    kept = {name: value for name, value in line.items() if name not in _LEFT_OUT}
    return json.dumps(kept, default=str, separators=(",", ":"), ensure_ascii=False)


# Lambda files a line whose timestamp is not RFC 3339 under INFO, whatever its level is. The
# location would always be this module, and nothing traces. Without `json_deserializer`, Powertools
# tries to parse each message as JSON.
logger = Logger(
    service="latchkey",
    level="INFO",
    stream=cast("TextIO", _Stdout()),
    use_rfc3339=True,
    utc=True,
    location=None,
    xray_trace_id=None,
    json_serializer=_serialize,
    json_deserializer=str,
)


def info(message: str, **fields: object) -> None:
    """Log what happened, with its facts as fields."""
    logger.info(message, extra=fields)


def warning(message: str, **fields: object) -> None:
    """Log what went wrong outside this service, with its facts as fields."""
    logger.warning(message, extra=fields)


def fault(message: str, cause: BaseException, **fields: object) -> None:
    """Log what should not have happened. An alarm rings for each such line."""
    logger.error(message, extra={**fields, "causes": list(_causes(cause))})


def start_cold() -> None:
    """Mark the lines of the next invocation as those of a cold start."""
    powertools.is_cold_start = True


def _causes(cause: BaseException | None) -> list[dict[str, object]]:
    """Return the types and places of an exception and of its causes, never their texts."""
    if cause is None:
        return []
    frames = traceback.extract_tb(cause.__traceback__)
    places = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames
    ]
    # The error code of an AWS answer, such as AccessDeniedException, holds nothing of the request.
    answer = getattr(cause, "response", None)
    code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
    found: dict[str, object] = {"type": type(cause).__qualname__, "places": places}
    return [
        found | ({"aws_error": code} if code else {}),
        *_causes(cause.__cause__ or cause.__context__),
    ]
