"""What the deployer's hooks may do, and what happens when they fail."""

import functools
import itertools
import json
import re
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import botocore.exceptions
import pytest

from latchkey import aws, errors, hooks
from latchkey.keys import tokens
from tests.unit.conftest import ROOT, Answer, Call, Clock, Hook, Outbox, Prove, SignIn
from tests.unit.hooking import Raw, Refused
from tests.unit.test_wire import category

SIGN_UP, CLAIMS, MESSAGE = (
    "before_sign_up_function_arn",
    "claims_function_arn",
    "message_function_arn",
)
NEW = "grace@example.com"
AGAIN = {"x-request-id": "a" * 32}
FAILURES = pytest.mark.parametrize(
    "failing",
    [
        pytest.param(lambda _: 1 / 0, id="raises"),
        pytest.param(lambda _: slow(), id="takes too long"),
        pytest.param(lambda _: lost(), id="cannot be reached"),
        pytest.param(lambda _: refused("ResourceNotFoundException"), id="does not exist"),
        pytest.param(lambda _: None, id="nothing"),
        pytest.param(lambda _: {}, id="empty"),
        pytest.param(lambda _: [], id="list"),
        pytest.param(lambda _: Raw(b"<html>"), id="no JSON"),
        pytest.param(lambda _: Raw(b"\xff\xfe"), id="no text"),
        pytest.param(lambda _: {"allow": "yes", "claims": [], "send": 1}, id="types"),
        pytest.param(
            lambda _: {"allow": True, "claims": {}, "send": True, "grups": ["a"]}, id="unknown"
        ),
        pytest.param(lambda _: Raw(b'"' + b"a" * 300_000 + b'"'), id="too large"),
    ],
)


def slow() -> None:
    raise botocore.exceptions.ReadTimeoutError(endpoint_url="")


def lost() -> None:
    raise botocore.exceptions.ConnectTimeoutError(endpoint_url="")


def refused(code: str) -> None:
    raise Refused(code)


def said(answer: Answer) -> dict[str, Any]:
    return tokens.access_claims(answer["access_token"], now=None)


def refresh(call: Call, token: str, **how: object) -> Answer:
    return call("grant_token", {"grant_type": "refresh_token", "refresh_token": token}, **how)


def users() -> list[str]:
    found = aws.dynamodb().scan(TableName="Accounts")["Items"]
    return [item["pk"]["S"] for item in found if item["pk"]["S"].startswith(("USER", "EMAIL"))]


def test_a_hook_has_as_long_as_is_told():
    config: Any = aws.lambda_().meta.config
    assert config.connect_timeout + config.read_timeout == hooks.SECONDS
    assert config.retries["total_max_attempts"] == 1


def test_without_hooks_nothing_is_asked_or_imported(call: Call, prove: Prove, sign_in: SignIn):
    calls: list[object] = []
    events: Any = aws.lambda_().meta.events
    events.register("before-call", lambda **_: calls.append(1))
    sys.modules.pop("latchkey.hooks")
    try:
        tokens = call("sign_up", {"verification_token": prove(), "password": "engine1843"})
        refresh(call, tokens["refresh_token"])
        sign_in()
        assert "latchkey.hooks" not in sys.modules
    finally:
        sys.modules["latchkey.hooks"] = hooks
    assert calls == []


# ==== Before a sign-up ====


def test_a_hook_gives_groups_that_stand_in_tokens_answers_and_profile(
    call: Call, prove: Prove, hook: Hook
):
    hook(SIGN_UP, lambda _: {"allow": True, "groups": ["staff", "eu"]})
    answer = call("sign_up", {"verification_token": prove(NEW)})
    assert answer["groups"] == said(answer)["groups"] == ["staff", "eu"]
    assert call("get_user", bearer=answer["access_token"])["groups"] == ["staff", "eu"]
    told = call("introspect_token", {"token": answer["access_token"]})
    assert told["groups"] == ["staff", "eu"]
    assert refresh(call, answer["refresh_token"])["groups"] == ["staff", "eu"]


def test_without_groups_and_hooks_a_token_says_nothing_more(ada: Answer):
    assert ada["groups"] == []
    assert said(ada).keys() == {
        "iss", "sub", "aud", "client_id", "jti", "sid", "scope", "auth_time", "amr", "iat", "exp"
    }  # fmt: skip


def test_a_refused_sign_up_is_told_in_the_hooks_words_and_writes_nothing(
    call: Call, prove: Prove, hook: Hook
):
    asked = hook(SIGN_UP, lambda _: {"allow": False, "reason": "Your password is not found."})
    token = prove(NEW)
    answer = call("sign_up", {"verification_token": token, "password": "cobol1959x"})
    # The words are those by which the SDK sorts: the number 9 goes before them.
    assert (answer.status, answer["error"], answer["error_code"]) == (403, "failed_precondition", 9)
    assert answer["error_description"] == "Your password is not found."
    assert users() == []
    hook(SIGN_UP, lambda _: {"allow": True})
    assert call("sign_up", {"verification_token": token}).status == 200
    assert len(asked) == 1


@pytest.mark.parametrize(
    "sentence",
    ["Your password is blocked.", "Ask for a verification.", "Token expired, sign in again.",
     "Network timeout", "Under review", "Locked: the code does not match", "Nicht erlaubt."],
)  # fmt: skip
def test_the_sdk_sorts_a_refusal_by_its_number_whatever_the_sentence_is(sentence: str):
    told: Any = errors.SignUpRefused(sentence).body()
    assert category(told["error"], told["error_code"], sentence) == "PRECONDITION_FAILED"


@pytest.mark.parametrize(
    ("operation", "body", "calls"),
    [
        ("sign_up", {"verification_token": NEW}, ["Invoke", "Invoke", "TransactWriteItems"]),
        (
            "sign_in",
            {"username": "ada@example.com", "password": "engine1843"},
            ["GetItem", "BatchGetItem", "UpdateItem", "Invoke", "TransactWriteItems"],
        ),
        (
            "grant_token",
            {"grant_type": "refresh_token", "refresh_token": ""},
            ["BatchGetItem", "Invoke", "UpdateItem"],
        ),
    ],
)
def test_a_hook_is_one_call_more(
    call: Call, prove: Prove, ada: Answer, hook: Hook, operation: str, body: dict[str, str],
    calls: list[str],
):  # fmt: skip
    if "verification_token" in body:
        body = {"verification_token": prove(NEW)}
    if "refresh_token" in body:
        body = body | {"refresh_token": ada["refresh_token"]}
    hook(SIGN_UP, lambda _: {"allow": True})
    hook(CLAIMS, lambda _: {"claims": {}})
    made: list[str] = []
    for client in (aws.dynamodb(), aws.lambda_()):
        events: Any = client.meta.events
        events.register("before-call", lambda model, **_: made.append(model.name))
    assert call(operation, body).status == 200
    assert made == calls


def test_a_hook_is_told_who_asks_and_no_secret(call: Call, prove: Prove, hook: Hook):
    asked = hook(SIGN_UP, lambda _: {"allow": False})
    body = {"password": "cobol1959x", "username": "grace", "name": "Grace", "locale": "en-US"}
    call(
        "sign_up",
        {"verification_token": prove(NEW), "picture": "https://a.example/g.png"} | body,
        headers=AGAIN,
        source="203.0.113.77",
    )
    assert asked == [
        {
            "hook": "before_sign_up",
            "version": 1,
            "email": NEW,
            "client_id": "my-app",
            "network": "203.0.113.0/24",
            "request_id": "a" * 32,
            "username": "grace",
            "name": "Grace",
            "picture": "https://a.example/g.png",
            "locale": "en-US",
        }
    ]


@FAILURES
def test_a_sign_up_whose_hook_fails_is_unavailable_and_writes_nothing(
    call: Call, prove: Prove, hook: Hook, failing: Any
):
    asked = hook(SIGN_UP, failing)
    answer = call("sign_up", {"verification_token": prove(NEW)})
    assert (answer.status, answer["error"]) == (503, "unavailable")
    assert (users(), len(asked)) == ([], 1)


@pytest.mark.parametrize("group", ["", "a b", "a\n", "x" * 65])
def test_a_group_that_is_no_word_is_a_failure(call: Call, prove: Prove, hook: Hook, group: str):
    hook(SIGN_UP, lambda _: {"allow": True, "groups": [group]})
    assert call("sign_up", {"verification_token": prove(NEW)})["error"] == "unavailable"


@pytest.mark.parametrize(("refusals", "status"), [(1, 200), (2, 503)])
def test_a_throttled_hook_is_asked_once_more(
    call: Call, prove: Prove, hook: Hook, refusals: int, status: int
):
    left = ["TooManyRequestsException"] * refusals
    asked = hook(SIGN_UP, lambda _: refused(left.pop()) if left else {"allow": True})
    assert call("sign_up", {"verification_token": prove(NEW)}).status == status
    assert len(asked) == 2


def test_a_hook_that_is_throttled_late_is_not_asked_again(
    call: Call, prove: Prove, hook: Hook, monkeypatch: pytest.MonkeyPatch
):
    body = {"verification_token": prove(NEW)}
    clock = itertools.count(step=1.1)
    monkeypatch.setattr(hooks, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    asked = hook(SIGN_UP, lambda _: refused("TooManyRequestsException"))
    assert call("sign_up", body).status == 503
    assert len(asked) == 1


@pytest.mark.parametrize("parameter", [SIGN_UP, CLAIMS])
def test_a_repeated_sign_up_gets_its_first_answer_whatever_the_hook_now_says(
    call: Call, prove: Prove, hook: Hook, parameter: str
):
    hook(parameter, lambda _: {"allow": True} if parameter == SIGN_UP else {"claims": {"app": {}}})
    body = {"verification_token": prove(NEW)}
    first = call("sign_up", body, headers=AGAIN)
    hook(parameter, lambda _: {"allow": False} if parameter == SIGN_UP else None)
    assert call("sign_up", body, headers=AGAIN) == first
    hook(
        parameter,
        lambda _: {"allow": True} if parameter == SIGN_UP else {"claims": {"app": {"a": 1}}},
    )
    assert call("sign_up", body, headers=AGAIN) == first


def test_a_code_that_creates_an_account_asks_too(call: Call, outbox: Outbox, hook: Hook):
    hook(SIGN_UP, lambda _: {"allow": False, "reason": "Ask for an invitation."})
    sent = call("send_code", {"email": NEW})
    body = {"verification_id": sent["verification_id"], "verification_code": outbox.code(NEW)}
    answer = call("sign_in_with_code", body)
    assert answer["error_description"] == "Ask for an invitation."
    assert users() == []


@pytest.mark.parametrize("operation", ["sign_up", "sign_in"])
def test_with_strict_discovery_only_who_has_proven_the_mailbox_is_told(
    call: Call, prove: Prove, hook: Hook, configure: Callable[..., None], ada: Answer,
    now: Clock, operation: str,
):  # fmt: skip
    configure(account_discovery="strict")
    asked = hook(SIGN_UP, lambda _: {"allow": False})
    now.time += 60
    unknown, known = call("send_code", {"email": NEW}), call("send_code")
    assert unknown.keys() == known.keys()
    wrong = {"username": NEW, "password": "wrong1843"}
    assert call("sign_in", wrong)["error"] == "invalid_username_or_password"
    assert asked == []
    now.time += 60
    assert call(operation, {"verification_token": prove(NEW)})["error"] == "failed_precondition"
    assert call(operation, {"verification_token": prove()}).status == 200
    assert [question["email"] for question in asked] == [NEW]


# ==== Claims ====


def test_claims_stand_in_tokens_and_introspection(call: Call, ada: Answer, hook: Hook):
    extra = {"https://shop.example/role": "buyer", "app": {"tier": "gold", "seats": [1, 2.5, None]}}
    asked = hook(CLAIMS, lambda _: {"claims": extra})
    answer = call("sign_in", {"username": "ada@example.com", "password": "engine1843"})
    assert {name: said(answer)[name] for name in extra} == extra
    told = call("introspect_token", {"token": answer["access_token"]})
    assert {name: told[name] for name in extra} == extra
    assert asked == [
        {
            "hook": "claims",
            "version": 1,
            "sub": ada["sub"],
            "email": "ada@example.com",
            "email_verified": True,
            "client_id": "my-app",
            "groups": [],
            "amr": ["pwd"],
            "generation": 0,
            "username": "ada_lovelace",
        }
    ]


@pytest.mark.parametrize(
    "claims",
    [
        *[{name: "x"} for name in (
            "iss", "sub", "aud", "client_id", "jti", "sid", "scope", "auth_time", "amr", "iat",
            "exp", "nbf", "groups", "role", "ftp://a", "https://", "https://a b", "",
        )],
        {"app": "no object"},
        {"https://a.example/x": "x" * 2048},
        {"https://a.example/x": "é" * 400},
        {"https://a.example/x": float("nan")},
    ],
)  # fmt: skip
def test_a_claim_of_ours_or_too_long_is_a_failure(call: Call, ada: Answer, hook: Hook, claims: Any):
    hook(CLAIMS, lambda _: {"claims": claims})
    answer = call("sign_in", {"username": "ada@example.com", "password": "engine1843"})
    assert answer["error"] == "unavailable"


def test_the_largest_claims_leave_a_token_within_the_vendors_limit(
    call: Call, ada: Answer, hook: Hook
):
    name = "https://shop.example/role"
    value = "x" * (2048 - len(json.dumps({name: ""}, separators=(",", ":"))))
    hook(CLAIMS, lambda _: {"claims": {name: value}})
    answer = call("sign_in", {"username": "ada@example.com", "password": "engine1843"})
    assert 3000 < len(answer["access_token"]) <= 4096
    hook(CLAIMS, lambda _: {"claims": {name: value + "x"}})
    assert refresh(call, answer["refresh_token"])["access_token"] != answer["access_token"]
    assert call("sign_in", {"username": "ada@example.com", "password": "engine1843"}).status == 503


@FAILURES
def test_a_sign_in_whose_hook_fails_is_unavailable_and_spends_no_try(
    call: Call, ada: Answer, hook: Hook, configure: Callable[..., None], failing: Any
):
    configure(failures_per_day=2)
    hook(CLAIMS, failing)
    body = {"username": "ada@example.com", "password": "engine1843"}
    for _ in range(3):
        answer = call("sign_in", body)
        assert (answer.status, answer["error"]) == (503, "unavailable")
    hook(CLAIMS, lambda _: {"claims": {}})
    assert call("sign_in", body).status == 200


@FAILURES
def test_a_refresh_whose_hook_fails_repeats_the_last_claims(
    call: Call, ada: Answer, hook: Hook, failing: Any
):
    hook(CLAIMS, lambda _: {"claims": {"app": {"may": "read"}}})
    first = refresh(call, ada["refresh_token"])
    hook(CLAIMS, failing)
    second = refresh(call, first["refresh_token"])
    assert second.status == 200
    assert said(second)["app"] == said(first)["app"] == {"may": "read"}


def test_a_refresh_asks_again_and_a_repeated_refresh_gives_the_very_same_token(
    call: Call, ada: Answer, hook: Hook
):
    count = iter(range(9))
    asked = hook(CLAIMS, lambda _: {"claims": {"app": {"count": next(count)}}})
    first = refresh(call, ada["refresh_token"])
    assert refresh(call, ada["refresh_token"]) == first
    second = refresh(call, first["refresh_token"])
    assert [said(answer)["app"]["count"] for answer in (first, second)] == [0, 1]
    assert [question["generation"] for question in asked] == [1, 2]


def test_a_session_from_before_groups_and_claims_goes_on(call: Call, ada: Answer):
    sid = said(ada)["sid"]
    key = {"pk": {"S": f"USER#{ada['sub']}"}, "sk": {"S": f"SESSION#{sid}"}}
    aws.dynamodb().update_item(
        TableName="Grants", Key=key, UpdateExpression="REMOVE #g, claims",
        ExpressionAttributeNames={"#g": "groups"},
    )  # fmt: skip
    assert refresh(call, ada["refresh_token"]).status == 200


# ==== Messages ====


def mailed(call: Call, outbox: Outbox) -> str:
    """Ask for a code, let the mailer work, and return the state of the mail."""
    sent = call("send_code", {"email": NEW})
    outbox.deliver()
    path = f"/auth/v1/verification/{sent['verification_id']}"
    return str(call("get_verification", path=path)["delivery"])


def test_a_hook_may_change_the_words_of_a_mail(call: Call, outbox: Outbox, hook: Hook):
    asked = hook(
        MESSAGE, lambda mail: {"send": True, "subject": "Hi", "text": f"It is {mail['code']}."}
    )
    assert mailed(call, outbox) == "sent"
    [mail], [question] = outbox.mails, asked
    assert (mail.to, mail.subject, mail.html) == (NEW, "Hi", "")
    assert re.fullmatch(r"It is \d{6}\.", mail.text)
    assert question.keys() == {
        "hook", "version", "kind", "to", "language", "subject", "text", "html", "code"
    }  # fmt: skip
    assert (question["kind"], question["to"]) == ("sign_up", NEW)


def test_a_hook_may_send_a_message_itself(call: Call, outbox: Outbox, hook: Hook):
    hook(MESSAGE, lambda _: {"send": False})
    assert mailed(call, outbox) == "sent"
    assert outbox.mails == []


def test_a_hook_may_leave_a_mail_as_it_is(call: Call, outbox: Outbox, hook: Hook):
    hook(MESSAGE, lambda _: {"send": True})
    mailed(call, outbox)
    [mail] = outbox.mails
    assert "<html" in mail.html


@FAILURES
def test_a_mail_whose_hook_fails_is_tried_again(
    call: Call, outbox: Outbox, hook: Hook, failing: Any
):
    hook(MESSAGE, failing)
    assert mailed(call, outbox) == "queued"
    assert outbox.mails == []
    # Not `sending`: the claim of a mailer would keep the next one away for 90 s.
    items = aws.dynamodb().scan(TableName="Grants")["Items"]
    assert [item["delivery"]["S"] for item in items if "delivery" in item] == ["queued"]


@pytest.mark.parametrize(
    "answer", [{"subject": "a\r\nBcc: b@example.com"}, {"subject": ""}, {"html": "<p>only"}]
)
def test_words_that_make_no_mail_are_a_failure(
    call: Call, outbox: Outbox, hook: Hook, answer: dict[str, str]
):
    hook(MESSAGE, lambda _: {"send": True} | answer)
    assert mailed(call, outbox) == "queued"


# ==== The guide ====


@functools.cache
def examples() -> dict[str, Callable[[Any, Any], Any]]:
    """Return the handlers of docs/hooks.md, by the first line of each, which is a comment."""
    text = (ROOT / "docs/hooks.md").read_text()
    found: dict[str, Callable[[Any, Any], Any]] = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        most = 19 if "PASSWORD" in code.upper() else 11  # "in ten lines", and its title
        assert len(code.strip().splitlines()) <= most, code
        scope: dict[str, Any] = {}
        exec(code, scope)
        found[code.splitlines()[0].removeprefix("# ")] = scope["handler"]
    return found


def example(title: str) -> Callable[[Any], Any]:
    return lambda event: examples()[title](event, None)


def test_the_example_before_a_sign_up(call: Call, prove: Prove, hook: Hook):
    hook(SIGN_UP, example("Only our own people, and interns in a group of their own"))
    answer = call("sign_up", {"verification_token": prove(NEW)})
    assert answer["error_description"] == "Sign up with your address at your-domain.com."
    answer = call("sign_up", {"verification_token": prove("i@interns.your-domain.com")})
    assert answer["groups"] == ["interns"]
    assert call("sign_up", {"verification_token": prove("a@your-domain.com")})["groups"] == []


def test_the_example_of_claims(call: Call, ada: Answer, hook: Hook):
    hook(CLAIMS, example("What Hasura reads, from the user's groups"))
    answer = refresh(call, ada["refresh_token"])
    assert said(answer)["https://hasura.io/jwt/claims"] == {
        "x-hasura-user-id": ada["sub"],
        "x-hasura-default-role": "user",
        "x-hasura-allowed-roles": ["user"],
    }


def test_the_example_of_messages(call: Call, outbox: Outbox, hook: Hook):
    hook(MESSAGE, example("A line of our own under every code; notices stay as they are"))
    mailed(call, outbox)
    [mail] = outbox.mails
    assert mail.text.endswith("\nWe never ask for this code on the phone.")
    assert not mail.html


def test_all_examples_are_tested():
    assert len(examples()) == 5
