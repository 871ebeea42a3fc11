"""What every route answers to some 3,000 requests, good and odd, as recorded in wire.json.

Record the answers again with `RECORD=1 pytest tests/unit/test_wire.py`, and read the diff. A new
request is a line `["body", []]` in wire.json before that; what is more than a body stands there as
an object with the fields of `Sent`.

Each request is sent to the same world: Ada is signed in, codes and tokens are waiting, and what the
request before has written is taken back. `<access>` in a request stands for a token of that world
(`_words`), `<x*512>` for 512 times `x`. Of a success the recording has the status and the names of
the keys; of a refusal all but the request's id and the sentence, for which the category stands that
the SDK sorts it into by its words.
"""

import base64
import functools
import itertools
import json
import logging
import os
import re
from collections.abc import Iterator
from typing import Any, TypedDict

import boto3
import botocore.client
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from latchkey.limits import captcha
from local.template import template
from tests.unit.conftest import CONTEXT, NOW, ROOT, Call, Clock, Outbox, handler

RECORDING = ROOT / "tests" / "unit" / "wire.json"
# A minute after the last code of `_words` was mailed: the next may be asked for.
START = NOW + 120
# The calls of DynamoDB whose effect is taken back.
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"}


class Sent(TypedDict, total=False):
    """What takes the place of what is in the operation's fixture of events/."""

    body: str  # without it, there is none
    bytes: str  # in place of a body: a character per byte, sent as base64
    base64: bool  # the body is said to be base64
    headers: dict[str, str | None]  # beside the fixture's; None takes one away
    query: str
    path: dict[str, str]  # the parameters in the path; for `$default`, the path
    after: int  # seconds from START
    times: int  # the last answer is recorded


Answer = list[Any]
# Per operation and route: what is sent, a text if it is a body alone, and what was answered.
RECORDED: dict[str, list[tuple[str | Sent, Answer]]] = json.loads(RECORDING.read_text())


def category(error: str, code: int, sentence: str) -> str:
    """Sort a refusal as the SDK does: the constructor of `AuthError` in oauth/dist/index.esm.js of
    @cloudbase/js-sdk, the same in 2.32.0 and 3.7.0, without its Chinese words.
    """
    text = sentence.lower()

    def says(*words: str) -> bool:
        return any(word in text for word in words)

    rules = {
        "CAPTCHA_REQUIRED": code == 4001 or error == "captcha_required",
        "CAPTCHA_INVALID": code == 4002 or error == "captcha_invalid",
        "MFA_REQUIRED": code == 4042 or error == "mfa_phone_required",
        "PROVIDER_NOT_ENABLED": code == 4045 or error == "login_type_disabled",
        "RATE_LIMITED": code == 8 or error == "resource_exhausted",
        "SERVICE_ERROR": code in (10, 12, 13, 14),
        "USER_NOT_FOUND": code == 5,
        "INVALID_CREDENTIALS": code == 16,
        "VERIFICATION_FAILED": code == 3
        and says("verification", "does not match", "token expired", "token error"),
    }
    later = {
        "PROVIDER_NOT_ENABLED": error in ("provider_not_enabled", "login_method_disabled")
        or says("identity provider", "provider not enabled", "login method", "not enabled"),
        "USER_NOT_FOUND": (code == 9 or error == "failed_precondition") and says("not found"),
        "PRECONDITION_FAILED": code == 9 or error == "failed_precondition",
        "INVALID_CREDENTIALS": error
        in (
            "invalid_password",
            "invalid_grant",
            "invalid_verification_code",
            "invalid_username_or_password",
            "invalid_credentials",
            "wrong_password",
            "unauthenticated",
            "invalid_two_factor",
            "invalid_two_factor_recovery",
            "password_not_set",
        )
        or says("password", "credentials", "verification"),
    }
    last = {
        "USER_NOT_FOUND": error in ("not_found", "user_not_found")
        or says("not found", "no such user", "user does not exist"),
        "USER_STATUS_ABNORMAL": error
        in ("user_blocked", "user_pending", "under_review", "invalid_status")
        or says("blocked", "pending", "review", "locked"),
        "SERVICE_ERROR": error
        in (
            "server_error",
            "unavailable",
            "temporarily_unavailable",
            "internal",
            "unreachable",
            "deadline_exceeded",
            "data_loss",
            "aborted",
        )
        or says("network", "timeout", "timed out", "smtp is not set", "sms sender does not config"),
        "INVALID_PARAMS": code == 3
        or error
        in (
            "invalid_argument",
            "invalid_request",
            "invalid_scope",
            "invalid_request_uri",
            "invalid_request_object",
        ),
        "PROVIDER_NOT_ENABLED": error
        in ("permission_denied", "access_denied", "unauthorized_client"),
    }
    ordered = [*rules.items(), *later.items(), *last.items()]
    return next((name for name, holds in ordered if holds), "UNKNOWN")


def told(status: int, answer: Any) -> list[Any]:
    """Return what of an answer is recorded: nothing random, and no sentence."""
    if not isinstance(answer, dict) or "error" not in answer:
        return [status, " ".join(_shape(answer))]
    error, code = answer["error"], answer["error_code"]
    rest = {
        name: value
        for name, value in answer.items()
        if name not in ("error", "error_code", "error_description", "request_id")
    }
    sorted_by = category(error, code, answer["error_description"])
    return [status, error, code, sorted_by, *([rest] if rest else [])]


def _shape(value: Any, name: str = "") -> list[str]:
    """Return the sorted names of the keys, those of inner ones as `data[].id`, with numbers and
    truth values, which are never random here.
    """
    if isinstance(value, dict) and value:
        inner = f"{name}." if name else ""
        return [part for key in sorted(value) for part in _shape(value[key], f"{inner}{key}")]
    if isinstance(value, list) and value:
        return sorted({part for element in value for part in _shape(element, f"{name}[]")})
    if isinstance(value, bool | int):
        return [f"{name}={json.dumps(value)}"]
    return [f"{name}[]" if isinstance(value, list) else name]


class World:
    """Where requests are sent: `words` has what words in them stand for, `items` what is in the
    tables before each.
    """

    def __init__(self, words: dict[str, str], items: dict[tuple[str, str], Any]) -> None:
        self.words = words
        self.items = items
        self.written: set[tuple[str, str]] = set()
        self.count = 0

    def note(self, operation: str, arguments: dict[str, Any]) -> None:
        """Note which items a call of DynamoDB may change."""
        writes = [arguments]
        if operation == "TransactWriteItems":
            writes = [write for each in arguments["TransactItems"] for write in each.values()]
        elif operation == "BatchWriteItem":
            writes = [
                {"TableName": table} | write
                for table, requests in arguments["RequestItems"].items()
                for request in requests
                for write in request.values()
            ]
        for write in writes:
            self.written.add(_place(write["TableName"], write.get("Key") or write["Item"]))

    def restore(self) -> None:
        """Make the items again what they were."""
        _make(self.written, self.items)
        self.written.clear()

    def answer(self, operation: str, route: str, sent: Sent, now: Clock) -> Answer:
        """Send a request, as often as it says, and return what is recorded of the last answer."""
        now.time = START + sent.get("after", 0)
        for _ in range(sent.get("times", 1)):
            self.count += 1
            reply = handler(operation)(self.event(operation, route, sent), CONTEXT)
        if self.written:
            self.restore()
        return told(reply["statusCode"], json.loads(reply["body"]))

    def event(self, operation: str, route: str, sent: Sent) -> dict[str, Any]:
        """Return the event of a request, beginning with the operation's own of events/."""
        event: dict[str, Any] = json.loads(_fixture(operation))
        event["headers"] |= {"x-request-id": f"wire-{self.count:024d}"} | sent.get("headers", {})
        event["headers"] = {k: self.put(v) for k, v in event["headers"].items() if v is not None}
        event["isBase64Encoded"] = "bytes" in sent or sent.get("base64", False)
        event.pop("body", None)
        if "bytes" in sent:
            event["body"] = base64.b64encode(self.put(sent["bytes"]).encode("latin-1")).decode()
        elif "body" in sent:
            event["body"] = self.put(sent["body"])
        if "query" in sent:
            event["rawQueryString"] = self.put(sent["query"])
        parameters = event.get("pathParameters", {}) | sent.get("path", {})
        event["pathParameters"] = parameters = {k: self.put(v) for k, v in parameters.items()}
        method, _, path = route.partition(" ")
        http = event["requestContext"]["http"]
        if route == "$default":
            path = parameters.get("path", event["rawPath"])
        else:
            event["routeKey"] = event["requestContext"]["routeKey"] = route
            http["method"] = method
            path = re.sub(r"{(\w+)}", lambda m: parameters[m[1]], path)
        event["rawPath"] = http["path"] = path
        return event

    def put(self, text: str) -> str:
        """Put what they stand for in the place of `<access>` and `<x*512>`."""
        text = re.sub(r"<([^<>]{1,12})\*(\d+)>", lambda m: m[1] * int(m[2]), text)
        return re.sub(r"<([a-z_:]+)>", lambda m: self.words.get(m[1], m[0]), text)


@functools.cache
def _fixture(operation: str) -> str:
    fixture = (ROOT / "events" / f"{operation}.json").read_text()
    return fixture.replace("<access token>", "<access>")


@functools.cache
def _dynamodb() -> Any:
    return boto3.client("dynamodb")


def _place(table: str, item: dict[str, Any]) -> tuple[str, str]:
    return table, json.dumps({name: item[name] for name in ("pk", "sk") if name in item})


def _make(places: set[tuple[str, str]], items: dict[tuple[str, str], Any]) -> None:
    """Put those items that there are to be into these places, and empty the other places."""
    ordered = list(places)
    for start in range(0, len(ordered), 25):
        wanted: dict[str, list[Any]] = {}
        for table, key in ordered[start : start + 25]:
            item = items.get((table, key))
            put, delete = {"Item": item}, {"Key": json.loads(key)}
            request = {"PutRequest": put} if item else {"DeleteRequest": delete}
            wanted.setdefault(table, []).append(request)
        _dynamodb().batch_write_item(RequestItems=wanted)


def _items() -> dict[tuple[str, str], Any]:
    return {
        _place(table, item): item
        for table in ("Accounts", "Grants")
        for item in _dynamodb().scan(TableName=table)["Items"]
    }


def _words(request: pytest.FixtureRequest, now: Clock) -> dict[str, str]:
    """Make the world in which all requests are sent, and return its words."""
    call, prove, outbox = (request.getfixturevalue(name) for name in ("call", "prove", "outbox"))
    ada, confirm, sign_in = (
        request.getfixturevalue(name) for name in ("ada", "confirm", "sign_in")
    )
    now.time += 60
    used = prove("bob@example.com")
    bob = call("sign_up", {"verification_token": used, "username": "bobby"})
    other, ended, refreshed = sign_in(), sign_in(), sign_in()
    call("sign_out", {}, bearer=ended["access_token"])
    refresh = {"grant_type": "refresh_token", "refresh_token": refreshed["refresh_token"]}
    call("grant_token", refresh)
    words = {
        "access": ada["access_token"],
        "refresh": ada["refresh_token"],
        "sub": ada["sub"],
        "access:bob": bob["access_token"],
        "sub:bob": bob["sub"],
        "access:ended": ended["access_token"],
        "refresh:ended": ended["refresh_token"],
        "refresh:used": refreshed["refresh_token"],
        "proof:used": used,
        "proof": prove("ada@example.com"),
        "proof:new": prove("countess@example.com"),
        "proof:moved": prove("moved@example.com", bearer=ada["access_token"]),
        "sudo": confirm(ada),
        "sudo:other": confirm(other),
    }
    for name in ("", ":verified", ":guessed"):
        words |= {f"{word}{name}": text for word, text in _mailed(call, outbox, name).items()}
    pictures = [captcha.picture("POST:/v1/signin", now=START) for _ in range(2)]
    body = {"token": pictures[1].token, "key": pictures[1].text}
    solved = call("solve_captcha", body, route="POST /auth/v1/captcha/data/verify")
    words |= {
        "picture": pictures[0].token,
        "picture:text": pictures[0].text,
        "picture:lower": pictures[0].text.lower(),
        "captcha": solved["captcha_token"],
    }
    words["wrong"] = words["code"][:-1] + ("1" if words["code"][-1] == "0" else "0")
    for name, code in ((":verified", words["code:verified"]), *[(":guessed", "wrong")] * 5):
        call("verify_code", {"verification_id": words[f"id{name}"], "verification_code": code})
    return words | _sealed(call("encryption_key"), words["proof"])


def _mailed(call: Call, outbox: Outbox, name: str) -> dict[str, str]:
    """Have a code mailed that has no leading zero: a recording can't say which ones have."""
    for number in itertools.count():
        address = f"lady.{number}{name.replace(':', '.')}@example.com"
        verification_id = call("send_code", {"email": address})["verification_id"]
        code = outbox.code(address)
        if code[0] != "0":
            break
    return {"id": verification_id, "code": code}


def _sealed(key: dict[str, str], proof: str) -> dict[str, str]:
    """Return texts, encrypted as the SDK does, in blocks of 117 characters."""
    public = load_pem_public_key(key["public_key"].encode())
    assert isinstance(public, rsa.RSAPublicKey)
    texts = {
        "old": "engine1843",
        "new": "engine1844",
        "weak": "short",
        "sign_in": '{"username":"ada_lovelace","password":"engine1843"}',
        "proof": _json({"verification_token": proof}),
        "mistyped": '{"username":"ada_lovelace","password":5}',
        "surrogate": r'{"username":"ada_lovelace","password":"engine1843","x":"\ud800"}',
    }
    words = {"thumbprint": key["public_key_thumbprint"]}
    for name, text in texts.items():
        pieces = [text[start : start + 117].encode() for start in range(0, len(text), 117)]
        blocks = b"".join(public.encrypt(piece, padding.PKCS1v15()) for piece in pieces)
        words[f"sealed:{name}"] = base64.b64encode(blocks).decode()
    return words


@pytest.fixture(scope="module")
def worlds() -> Iterator[list[World]]:
    yield []
    _dynamodb.cache_clear()


@pytest.fixture
def world(
    worlds: list[World],
    request: pytest.FixtureRequest,
    now: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """Make the world once, and put it into the tables again for each route."""
    logging.disable(logging.INFO)  # or hundreds of lines would stand around what differs
    if worlds:
        _make(set(worlds[0].items), worlds[0].items)
    else:
        worlds.append(World(_words(request, now), _items()))
    [world] = worlds
    ask = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def note(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if operation in WRITES:
            world.note(operation, arguments)
        return ask(client, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", note)
    yield world
    logging.disable(logging.NOTSET)
    _make(set(world.items), {})


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _record(name: str, answered: list[tuple[str | Sent, Answer]]) -> None:
    """Write a route's answers into the recording, one request a line."""
    RECORDED[name] = answered
    routes = [
        f"{_json(name)}: [\n" + ",\n".join(map(_json, lines)) + "\n]"
        for name, lines in RECORDED.items()
    ]
    RECORDING.write_text("{\n" + ",\n".join(routes) + "\n}\n")


@pytest.mark.parametrize("name", RECORDED)
def test_a_route_answers_as_recorded(world: World, now: Clock, name: str):
    operation, _, route = name.partition(": ")
    recorded = RECORDED[name]
    answered: list[tuple[str | Sent, Answer]] = []
    for sent, _ in recorded:
        request: Sent = {"body": sent} if isinstance(sent, str) else sent
        answered.append((sent, world.answer(operation, route, request, now)))
    if "RECORD" in os.environ:
        _record(name, answered)
        return
    differing = [
        f"{_json(sent)}\n    was {_json(before)}\n    is  {_json(after)}"
        for (sent, before), (_, after) in zip(recorded, answered, strict=True)
        if before != after
    ]
    if differing:
        pytest.fail(f"{len(differing)} of {name} differ:\n" + "\n".join(differing), pytrace=False)


def test_every_route_is_recorded():
    routes = {
        f"{event['Properties']['Method']} {event['Properties']['Path']}"
        for resource in template()["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi" and "Path" in event["Properties"]
    }
    assert routes | {"$default"} == {name.partition(": ")[2] for name in RECORDED}
