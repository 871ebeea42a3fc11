"""Between API Gateway and an operation: the caller, the body, the answer.

Every answer is ours. The SDK looks at no status and takes any JSON object without `error` for a
success, so whatever happens inside, the caller gets one of the errors of errors.py and the log gets
the cause.
"""

import base64
import binascii
import functools
import re
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from latchkey import errors, log, settings

MAX_BODY_BYTES = 65536
# How long a repeated request gets its first answer again: the SDK tries three times within some
# seconds, each for as long as the gateway's 30 s.
RETRY_SECONDS = 120
# Shorter request ids are too likely to be a person's constant to recognise a repeated request by.
_RETRY_ID = re.compile(r"[\w-]{16,64}", re.ASCII)
_DEVICE_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)

Event: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Event, Any], Answer]

Text = Annotated[str, msgspec.Meta(max_length=256)]
Token = Annotated[str, msgspec.Meta(max_length=4096)]


class Body(msgspec.Struct, frozen=True):
    """A request's fields: unknown ones are ignored, wrong types refused."""


class Query(Body, frozen=True):
    """A request without a body: its fields stand in the path and in the query string."""


class NoBody(Body, frozen=True):
    """The operation reads nothing from the body."""


class Caller(msgspec.Struct, frozen=True):
    """Who asks, apart from the body. Nothing here is proven but the source address."""

    request_id: str
    """Identifies the request in the answer and in the log."""
    retry_id: str
    """The SDK's x-request-id, which it repeats with a request whose answer was lost; else empty."""
    device_id: str
    source: str
    """The IP address."""
    user_agent: str
    languages: str
    """The Accept-Language header."""
    bearer: str
    """The access token as sent, or empty."""
    query: dict[str, str]
    path: str

    @property
    def client_id(self) -> str:
        """The client that tokens are issued for. Raises UnauthorizedClient."""
        name = self.query.get("client_id", "")[:128]
        accepted = settings.Sessions.load().clients
        if accepted and name not in accepted:
            raise errors.UnauthorizedClient
        return name or "default"

    def repeats(self, retry_id: str, at: int, *, now: int) -> bool:
        """Say whether this request repeats the one that was recorded under that id at that time:
        its answer was lost.
        """
        return bool(self.retry_id) and self.retry_id == retry_id and now - at <= RETRY_SECONDS


BodyType = TypeVar("BodyType", bound=Body)


def entry(
    name: str,
    operation: Callable[[BodyType, Caller], Any],
    body: type[BodyType],
    *,
    cache_seconds: int = 0,
) -> Handler:
    """Make the Lambda handler of an operation, which answers `operation(body, caller)` as JSON.

    A success that is the same for everybody may be kept by clients for `cache_seconds`; nothing
    else is.
    """
    caching = f"public, max-age={cache_seconds}" if cache_seconds else "no-store"

    @functools.wraps(operation)
    def handler(event: Event, _: Any) -> Answer:
        started = time.perf_counter()
        caller = _caller(event)
        refusal: errors.AuthError | None = None
        try:
            reply = operation(_body(event, body), caller)
            answer = _answer(200, reply, caching)
        except errors.AuthError as error:
            refusal = error
        except Exception as error:
            log.fault("unhandled exception", error, operation=name, request_id=caller.request_id)
            refusal = errors.Internal()
        if refusal:
            told = refusal.body() | {"request_id": caller.request_id}
            answer = _answer(refusal.status, told, "no-store")
            if isinstance(refusal, errors.TooManyRequests):
                answer["headers"]["retry-after"] = str(refusal.retry_after)
        log.info(
            "request",
            operation=name,
            status=answer["statusCode"],
            error=refusal.error if refusal else None,
            milliseconds=round((time.perf_counter() - started) * 1000),
            request_id=caller.request_id,
        )
        return answer

    return handler


class Routes(dict[str, Handler]):
    """The Lambda handler of an operation with several routes, such as `GET /auth/v1/user/me`."""

    def __call__(self, event: Event, context: Any) -> Answer:
        """Hand the event to the handler of its route."""
        return self[event["routeKey"]](event, context)


def _answer(status: int, body: object, caching: str) -> Answer:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": caching},
        "body": msgspec.json.encode(body).decode(),
    }


def _caller(event: Event) -> Caller:
    headers: Mapping[str, str] = event.get("headers") or {}
    context = event.get("requestContext") or {}
    http = context.get("http") or {}
    sent_id = headers.get("x-request-id", "")
    retry_id = sent_id if _RETRY_ID.fullmatch(sent_id) else ""
    device_id = headers.get("x-device-id", "")
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return Caller(
        request_id=retry_id or str(context.get("requestId", "")),
        retry_id=retry_id,
        device_id=device_id if _DEVICE_ID.fullmatch(device_id) else "",
        source=http.get("sourceIp", ""),
        user_agent=headers.get("user-agent", "")[:256],
        languages=headers.get("accept-language", "")[:256],
        bearer=token.strip() if scheme.lower() == "bearer" else "",
        query=_fields(event.get("rawQueryString") or ""),
        path=http.get("path", ""),
    )


def _body(event: Event, body: type[BodyType]) -> BodyType:
    """Read the body as JSON whatever its content type says: the SDK sends text/plain. OAuth's
    clients send forms.
    """
    if body is NoBody:
        return body()
    text = event.get("body") or "{}"  # who sends nothing names no field
    if len(text) > MAX_BODY_BYTES * 4 // 3 + 4:
        raise errors.BodyTooLarge
    try:
        raw = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
        if len(raw) > MAX_BODY_BYTES:
            raise errors.BodyTooLarge
        if issubclass(body, Query):
            fields = _fields(event.get("rawQueryString") or "")
            return msgspec.convert(fields | (event.get("pathParameters") or {}), body, strict=False)
        if _is_form(event, raw):
            return msgspec.convert(_fields(raw.decode()), body, strict=False)
        # Decoded first, because msgspec does not look into the text of fields that it skips.
        return msgspec.json.decode(raw.decode(), type=body)
    except msgspec.ValidationError as error:
        # "Expected `str`, got `int` - at `$.email`": it quotes types and bounds, never what was
        # sent.
        reason, _, place = str(error).partition(" - at ")
        if reason.startswith("Object missing required field"):
            reason, place = (
                "A required field is missing",
                reason.removeprefix("Object missing required field "),
            )
        raise errors.InvalidArgument(f"{reason}.", field=place.strip("`$.")) from error
    except (msgspec.DecodeError, UnicodeError, binascii.Error, RecursionError) as error:
        raise errors.InvalidArgument("The body must be a JSON object in UTF-8.") from error


def _is_form(event: Event, raw: bytes) -> bool:
    """Say whether this is a form: curl calls everything so that it is not told the type of."""
    kind = (event.get("headers") or {}).get("content-type", "")
    named = kind.lower().startswith("application/x-www-form-urlencoded")
    return named and not raw.lstrip().startswith((b"{", b"["))


def _fields(query: str) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(query))
