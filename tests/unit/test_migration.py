"""Lazy migration: the deployer's function that knows users of another system by their passwords."""

import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from latchkey import aws
from latchkey.users import find
from tests.unit.conftest import Answer, Call, Hook
from tests.unit.test_hooks import example, lost, users

MIGRATION = "migration_function_arn"
GRACE = {"username": "Grace@example.com", "password": "old"}  # too short for the policy
KNOWN = {"accepted": True, "email_verified": True}
REFUSED = "invalid_username_or_password"
FAILS = pytest.mark.parametrize("failing", [lambda _: 1 / 0, lambda _: lost(), lambda _: {}])


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return what the check of passwords sleeps; its clock stands at 100 s until it does."""
    pauses: list[float] = []
    fake = SimpleNamespace(monotonic=lambda: 100.0, sleep=pauses.append)
    monkeypatch.setattr(find, "time", fake)
    return pauses


@pytest.mark.parametrize("operation", ["sign_in", "grant_token"])
def test_a_user_of_another_system_is_moved_at_the_first_sign_in(
    call: Call, hook: Hook, operation: str
):
    asked = hook(
        MIGRATION, lambda _: KNOWN | {"name": "Grace", "username": "grace_h", "groups": ["navy"]}
    )
    body = GRACE | ({"grant_type": "password"} if operation == "grant_token" else {})
    first = call(operation, body)
    assert (first.status, first["groups"]) == (200, ["navy"])
    assert asked == [
        {"hook": "migration", "version": 1, "email": "grace@example.com", "password": "old"}
    ]
    profile = call("get_user", bearer=first["access_token"])
    assert (profile["name"], profile["username"]) == ("Grace", "grace_h")
    again = call(operation, body | {"username": "grace_h"})
    assert (again["sub"], len(asked)) == (first["sub"], 1)
    assert call(operation, body | {"password": "wrong"})["error"] == REFUSED
    assert len(asked) == 1


@pytest.mark.parametrize(
    "answer", [{"accepted": False}, {"accepted": True}, KNOWN | {"email_verified": False}]
)
def test_nobody_is_created_without_a_right_password_and_a_verified_address(
    call: Call, hook: Hook, answer: dict[str, bool]
):
    asked = hook(MIGRATION, lambda _: answer)
    assert call("sign_in", GRACE)["error"] == REFUSED
    assert (users(), len(asked)) == ([], 1)


@pytest.mark.parametrize(
    "body",
    [
        {"username": "grace_h"},
        {"password": "\ufdfa" * 20},  # 360 characters in its normal form
        {"username": "no@address@at.all"},
    ],
)
def test_a_user_name_and_a_password_that_is_nobodys_are_not_asked_for(
    call: Call, hook: Hook, body: dict[str, str]
):
    asked = hook(MIGRATION, lambda _: KNOWN)
    assert call("sign_in", GRACE | body)["error"] == REFUSED
    assert asked == []


@FAILS
@pytest.mark.parametrize(("mode", "error"), [("cloudbase", "unavailable"), ("strict", REFUSED)])
def test_a_function_that_fails(
    call: Call, hook: Hook, configure: Callable[..., None], waited: list[float],
    failing: Any, mode: str, error: str,
):  # fmt: skip
    configure(account_discovery=mode)
    hook(MIGRATION, failing)
    assert call("sign_in", GRACE)["error"] == error
    assert users() == []


def test_tries_are_counted_before_the_function_is_asked(
    call: Call, hook: Hook, configure: Callable[..., None]
):
    configure(failures_per_day=2, captcha="off")
    asked = hook(MIGRATION, lambda _: {"accepted": False})
    answers = [call("sign_in", GRACE)["error"] for _ in range(4)]
    assert answers[:2] == [REFUSED] * 2
    assert answers[3] != REFUSED
    assert len(asked) == answers.count(REFUSED)


def test_a_user_name_that_is_taken_is_left_out(call: Call, hook: Hook, ada: Answer):
    hook(MIGRATION, lambda _: KNOWN | {"username": "ada_lovelace"})
    answer = call("sign_in", GRACE)
    assert answer.status == 200
    assert not call("get_user", bearer=answer["access_token"]).get("username")


def test_of_two_at_once_one_creates_the_user_and_the_other_signs_in_again(call: Call, hook: Hook):
    first: list[Answer] = []
    turns = iter([True])

    def answer(_: object) -> dict[str, bool]:
        if next(turns, False):
            first.append(call("sign_in", GRACE))
        return KNOWN

    hook(MIGRATION, answer)
    assert call("sign_in", GRACE)["error"] == "aborted"
    assert call("sign_in", GRACE)["sub"] == first[0]["sub"]


def test_the_hook_before_sign_ups_is_not_asked(call: Call, hook: Hook):
    asked = hook("before_sign_up_function_arn", lambda _: {"allow": False})
    hook(MIGRATION, lambda _: KNOWN)
    assert call("sign_in", GRACE).status == 200
    assert asked == []


@pytest.mark.parametrize(
    ("mode", "imported", "migrates", "pause"),
    [
        ("strict", "off", False, []),
        ("strict", "on", False, [1.5]),
        ("strict", "off", True, [5]),
        ("strict", "on", True, [5]),
        ("cloudbase", "on", True, []),
    ],
)
@pytest.mark.parametrize("username", ["ada@example.com", "grace@example.com", "nobody_here"])
def test_every_refused_password_is_answered_at_one_deadline(
    call: Call, hook: Hook, configure: Callable[..., None], waited: list[float], ada: Answer,
    mode: str, imported: str, migrates: bool, pause: list[float], username: str,
):  # fmt: skip
    configure(account_discovery=mode, imported_passwords=imported)
    if migrates:
        hook(MIGRATION, lambda _: {"accepted": False})
    assert call("sign_in", {"username": username, "password": "wrong1843"})["error"] == REFUSED
    assert waited == pause


def test_the_wait_is_counted_from_the_start_of_the_check(
    call: Call, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch, ada: Answer
):
    configure(account_discovery="strict", imported_passwords="on")
    pauses: list[float] = []
    for took, pause in ((1.0, 0.5), (4.0, 0)):
        times = iter([100.0, 100.0 + took])
        fake = SimpleNamespace(monotonic=lambda t=times: next(t), sleep=pauses.append)
        monkeypatch.setattr(find, "time", fake)
        call("sign_in", {"username": "ada@example.com", "password": "wrong1843"})
        assert pauses.pop() == pause


def test_a_right_password_does_not_wait(
    call: Call, configure: Callable[..., None], waited: list[float], ada: Answer
):
    configure(account_discovery="strict", imported_passwords="on")
    body = {"username": "ada@example.com", "password": "engine1843"}
    assert call("sign_in", body).status == 200
    assert waited == []


class Cognito:
    """Stands in for the client of boto3, with one user."""

    class exceptions:
        class NotAuthorizedException(Exception): ...

        class UserNotFoundException(Exception): ...

    def admin_initiate_auth(self, *, AuthParameters: dict[str, str], **_: str) -> None:
        if AuthParameters != {"USERNAME": "grace@example.com", "PASSWORD": "old"}:
            raise self.exceptions.NotAuthorizedException

    def admin_get_user(self, **_: str) -> dict[str, Any]:
        found = {"email": "Grace@example.com", "email_verified": "true"}
        return {"UserAttributes": [{"Name": n, "Value": v} for n, v in found.items()]}


def test_the_example_for_cognito(call: Call, hook: Hook, monkeypatch: pytest.MonkeyPatch):
    aws.dynamodb()  # the clients of our own are made before
    hook(MIGRATION, example("Cognito's users, by AdminInitiateAuth"))
    make = boto3.client
    monkeypatch.setattr(
        boto3, "client", lambda name, **how: Cognito() if "cognito" in name else make(name, **how)
    )
    assert call("sign_in", GRACE | {"password": "wrong"})["error"] == REFUSED
    assert call("sign_in", GRACE).status == 200


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        ({}, 200),
        ({"error": "invalid_username_or_password"}, 401),
        ({"error": "not_found"}, 401),
        ({"error": "captcha_required"}, 503),
    ],
)
def test_the_example_for_cloudbase(
    call: Call, hook: Hook, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], answer: int
):
    asked: list[Any] = []

    def urlopen(sent: Any, **_: object) -> None:
        asked.append(json.loads(sent.data))
        if told:
            body = io.BytesIO(json.dumps(told).encode())
            raise urllib.error.HTTPError(sent.full_url, 400, "", Message(), body)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    handler = example("CloudBase's users, by its own sign-in")

    def ask(event: Any) -> Any:
        try:
            return handler(event)
        except urllib.error.HTTPError:
            return 1 / 0

    hook(MIGRATION, ask)
    assert call("sign_in", GRACE).status == answer
    assert asked == [{"username": "grace@example.com", "password": "old"}]
