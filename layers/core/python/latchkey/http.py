"""Between API Gateway and an operation: who asks, and how the answer is written.

Every answer is our own. The SDK ignores the status and takes any JSON object without `error` for
a success. So whatever happens inside, the caller gets one of the errors of errors.py, and the log
gets the cause.
"""

import functools
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from latchkey import audit, aws, bodies, devices, errors, log, networks, snapshots
from latchkey.bodies import Event, Model
from latchkey.caller import Caller
from latchkey.dynamodb.writes import Conflict

# A shorter request id is likely a constant, by which a repeated request cannot be recognised.
_REQUEST_ID = re.compile(r"[\w-]{16,64}", re.ASCII)
_DEVICE_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)

Response: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Event, Any], Response]


def entry(
    name: str,
    operation: Callable[[Model, Caller], Any],
    model: type[Model],
    *,
    services: Sequence[str] = ("dynamodb", "kms"),
    cache_seconds: int = 0,
) -> Handler:
    """Make the Lambda handler of an operation. It answers `operation(body, caller)` as JSON.

    `services` are the services of AWS that nearly every request calls. A success that is the same
    for everybody may be cached for `cache_seconds`; nothing else is cached.
    """
    aws.prepare(*services)
    snapshots.register()
    caching = f"public, max-age={cache_seconds}" if cache_seconds else "no-store"

    def answer(event: Event, caller: Caller) -> tuple[Response, errors.AuthError | None]:
        try:
            reply = operation(bodies.read(event, model), caller)
            return _response(200, reply, caching), None
        except errors.AuthError as error:
            refusal = error
        except Conflict as conflict:
            refusal = conflict.refusal
        except Exception as error:
            log.fault("unhandled exception", error, operation=name, request_id=caller.request_id)
            refusal = errors.Internal()
        return _refusal_response(refusal, caller), refusal

    @log.logger.inject_lambda_context(log_event=False)
    @functools.wraps(operation)
    def handler(event: Event, _: Any) -> Response:
        started = time.perf_counter()
        caller = caller_of(event, name)
        audit.start()
        response, refusal = answer(event, caller)
        log.info(
            "request",
            operation=name,
            status=response["statusCode"],
            error=refusal.error if refusal else None,
            milliseconds=round((time.perf_counter() - started) * 1000),
            request_id=caller.request_id,
            **audit.fields(caller.source, refusal),
        )
        return response

    return handler


class Routes(dict[str, Handler]):
    """The Lambda handler of an operation with several routes, such as `GET /auth/v1/user/me`."""

    def __call__(self, event: Event, context: Any) -> Response:
        """Hand the event to the handler of its route."""
        return self[event["routeKey"]](event, context)


def caller_of(event: Event, operation: str) -> Caller:
    """Return who sends a request. Ids in a form that is not accepted count as missing."""
    headers: Mapping[str, str] = event.get("headers") or {}
    context = event.get("requestContext") or {}
    http = context.get("http") or {}
    sent_id = headers.get("x-request-id", "")
    request_id = sent_id if _REQUEST_ID.fullmatch(sent_id) else ""
    asked = (operation, http.get("path"), event.get("rawQueryString"), event.get("body"))
    sent_device = headers.get("x-device-id", "")
    device_id = sent_device if _DEVICE_ID.fullmatch(sent_device) else ""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    query = bodies.fields(event.get("rawQueryString") or "")
    return Caller(
        request_id=request_id or str(context.get("requestId", "")),
        sent_id=request_id,
        digest=hashlib.sha256(repr(asked).encode(errors="surrogatepass")).digest(),
        device_id=devices.name_of(device_id),
        device_is_secret=devices.is_secret(device_id),
        source=networks.client_address(headers, http.get("sourceIp", "")),
        user_agent=headers.get("user-agent", "")[:256],
        languages=headers.get("accept-language", "")[:256],
        bearer=token.strip() if scheme.lower() == "bearer" else "",
        query=query,
        path=http.get("path", ""),
        captcha_token=query.get("captcha_token") or headers.get("x-captcha-token", ""),
    )


def _refusal_response(refusal: errors.AuthError, caller: Caller) -> Response:
    body = refusal.body() | {"request_id": caller.request_id}
    response = _response(refusal.status, body, "no-store")
    if isinstance(refusal, errors.TooManyRequests):
        response["headers"]["retry-after"] = str(refusal.retry_after)
    return response


def _response(status: int, reply: object, caching: str) -> Response:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": caching},
        "body": json.dumps(reply, default=_fields, ensure_ascii=False, separators=(",", ":")),
    }


def _fields(record: object) -> dict[str, Any]:
    """Return the fields of a reply that have a value."""
    return {name: value for name, value in vars(record).items() if value is not None}
