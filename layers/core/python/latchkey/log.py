"""One JSON object per line on standard output, which Lambda passes on to CloudWatch as it is.

No value of a request is logged: names of operations and errors, ids of users and requests, and
times. Of an exception only its type and its place are written, because messages of libraries quote
what they were given.
"""

import json
import logging
import sys
import traceback

_logger = logging.getLogger("latchkey")
_logger.setLevel(logging.INFO)
_logger.propagate = False


class _Stdout(logging.StreamHandler):  # type: ignore[type-arg]
    """Looks standard output up at each line, so that a test can capture it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname, "message": record.getMessage(), **vars(record)["fields"]}
        return json.dumps(line, ensure_ascii=False)


_logger.addHandler(_Stdout())
_logger.handlers[0].setFormatter(_Json())


def info(message: str, **fields: object) -> None:
    """Log what happened, with its facts as fields."""
    _logger.info(message, extra={"fields": fields})


def warning(message: str, **fields: object) -> None:
    """Log what went wrong outside, with its facts as fields."""
    _logger.warning(message, extra={"fields": fields})


def fault(message: str, cause: BaseException, **fields: object) -> None:
    """Log what should not have happened, with the types and places of its causes, never their
    texts.
    """
    _logger.error(message, extra={"fields": {**fields, "causes": list(_causes(cause))}})


def _causes(cause: BaseException | None) -> list[dict[str, object]]:
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
