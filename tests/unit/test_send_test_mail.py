"""The operator's function: which step failed, in words to act on; and the check at a deploy."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from functions.send_test_mail import app
from latchkey.mail import render
from latchkey.mail.smtp import connection
from tests.cloudformation import Answers, listening
from tests.smtp_server import PASSWORD, USER, Authority, MailServer
from tests.unit.conftest import CONTEXT, ROOT, handler
from tests.unit.operators import operate

pytestmark = [
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
EVENT = json.loads(json.loads((ROOT / "events/send_test_mail.json").read_text())["request"])


@pytest.fixture
def server(
    tmp_path: Path, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[MailServer]:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    monkeypatch.setattr(connection, "STEP_SECONDS", 0.5)
    secret = boto3.client("secretsmanager").create_secret(Name=tmp_path.name, SecretString=PASSWORD)
    with MailServer(authority) as running:
        configure(
            mail_transport="smtp",
            smtp_host="127.0.0.1",
            smtp_port=running.port,
            smtp_security="STARTTLS",
            smtp_user=USER,
            smtp_secret_arn=secret["ARN"],
        )
        yield running


def invoke(**changes: str) -> dict[str, Any]:
    answer = operate("send_test_mail", **(EVENT | changes))
    return answer.get("result") or answer


def test_an_accepted_mail_is_reported_with_the_server_s_reply(server: MailServer):
    answer = invoke(language="de")
    assert answer["accepted"] is True
    [report] = answer["senders"]
    assert report["reply"] == "250 2.0.0 accepted"
    assert str(server.port) in report["sender"]
    assert server.received[0].message["content-language"] == "de"


@pytest.mark.parametrize(
    ("misbehaviour", "to", "step", "advice"),
    [
        ({"login": f"535 5.7.8 no: {PASSWORD}"}, "ada@example.com", "login", "app password"),
        ({"mail": "553 5.7.1 not yours"}, "ada@example.com", "sender", "SenderAddress"),
        ({}, "rcpt-550-5.1.1-x@example.com", "recipient", "no such mailbox"),
        ({}, "rcpt-550-5.7.1-x@example.com", "recipient", "SPF"),
        ({}, "data-554-x@example.com", "message", "content"),
    ],
)
def test_the_step_that_failed_is_named(
    server: MailServer, misbehaviour: dict[str, str], to: str, step: str, advice: str
):
    for name, reply in misbehaviour.items():
        setattr(server, name, reply)
    answer = invoke(to=to)
    [report] = answer["senders"]
    assert (answer["accepted"], report["accepted"], report["step"]) == (False, False, step)
    assert advice in report["advice"]
    assert PASSWORD not in json.dumps(answer)


def test_each_test_is_a_connection_of_its_own(server: MailServer):
    server.down()
    assert invoke()["senders"][0]["step"] == "connection"
    server.up()
    assert invoke()["accepted"]


def test_both_senders_are_tried(server: MailServer, configure: Callable[..., None]):
    configure(
        fallback_mail_transport="smtp",
        fallback_smtp_host="127.0.0.1",
        fallback_smtp_port=1,
        fallback_sender_address="login@example.com",
    )
    answer = invoke()
    assert [report["accepted"] for report in answer["senders"]] == [True, False]
    assert answer["accepted"] is False


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"mail_transport": "none"}, "no sender is set up"),
        (
            {"mail_transport": "ses", "sender_address": "nobody"},
            "SenderAddress is not an e-mail address",
        ),
        ({"mail_transport": "smtp"}, "SmtpHost is missing"),
        ({"mail_transport": "smtp", "smtp_provider": "qq"}, "SmtpUser is missing for qq"),
        (
            {"mail_transport": "smtp", "smtp_host": "mail.example.com", "smtp_user": "login"},
            "SmtpSecretArn is missing",
        ),
        (
            {"mail_transport": "ses", "fallback_mail_transport": "smtp"},
            "SmtpHost of the second sender is missing",
        ),
    ],
)
def test_a_configuration_that_cannot_work_is_told_before_anything_is_sent(
    configure: Callable[..., None], changes: dict[str, str], problem: str
):
    configure(**changes)
    assert any(problem in told for told in invoke()["problems"])


def test_what_is_no_address_is_told(configure: Callable[..., None]):
    configure(mail_transport="ses")
    assert invoke(to="nobody")["message"] == "This is not a valid e-mail address."
    assert "should be 'sign_up', 'sign_in'" in invoke(kind="spam")["message"]


def test_there_is_advice_for_every_cause():
    sources = "".join(
        path.read_text() for path in (ROOT / "layers/core/python/latchkey/mail").rglob("*.py")
    )
    documented = (ROOT / "docs/mail.md").read_text()
    for cause in app.ADVICE:
        assert f'"{cause}"' in sources, f"{cause} is a cause no more"
        assert f"`{cause}`" in documented, f"{cause} is not in docs/mail.md"


@pytest.fixture
def cloudformation() -> Iterator[Answers]:
    with listening() as answers:
        yield answers


def deploy(url: str, kind: str = "Create") -> None:
    event = json.loads((ROOT / "events/send_test_mail.cloudformation.json").read_text())
    handler("send_test_mail")(event | {"RequestType": kind, "ResponseURL": url}, CONTEXT)


def test_a_deployment_that_cannot_mail_fails(
    cloudformation: Answers, configure: Callable[..., None]
):
    configure(mail_transport="smtp", smtp_host="")
    deploy(cloudformation.url)
    assert cloudformation[0]["Status"] == "FAILED"
    assert "SmtpHost is missing" in cloudformation[0]["Reason"]
    deploy(cloudformation.url, "Delete")
    assert cloudformation[1]["Status"] == "SUCCESS"


def test_a_template_that_cannot_be_rendered_fails_the_deployment(
    cloudformation: Answers,
    configure: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    configure(mail_transport="ses")
    deploy(cloudformation.url)
    monkeypatch.setattr(render, "CUSTOM_TEMPLATES", tmp_path)
    for text in ("{{ nothing }}", "{{ minutes + code }}", "{{ 1 / 0 }}"):
        (tmp_path / "code.txt").write_text(text)
        render._environment.cache_clear()
        deploy(cloudformation.url, "Update")
    render._environment.cache_clear()
    assert [answer["Status"] for answer in cloudformation] == ["SUCCESS"] + ["FAILED"] * 3
    reasons = [answer["Reason"] for answer in cloudformation[1:]]
    for problem, reason in zip(
        ("'nothing' is undefined", "TypeError", "Zero"), reasons, strict=True
    ):
        assert problem in reason


@pytest.mark.parametrize("prefix", ["", "fallback_"])
def test_a_secret_that_cannot_be_read_fails_the_deployment(
    cloudformation: Answers, server: MailServer, configure: Callable[..., None], prefix: str
):
    """The first sender has a secret: the fixture's. What is wrong is named, and what to do."""
    deploy(cloudformation.url)
    missing = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:missing-a1B2c3"
    configure(
        fallback_mail_transport="smtp",
        fallback_smtp_host="127.0.0.1",
        fallback_smtp_port=server.port,
        fallback_sender_address="login@example.com",
        **{f"{prefix}smtp_user": USER, f"{prefix}smtp_secret_arn": missing},
    )
    deploy(cloudformation.url, "Update")
    assert [answer["Status"] for answer in cloudformation] == ["SUCCESS", "FAILED"]
    of = " of the second sender" if prefix else ""
    reason = cloudformation[1]["Reason"]
    assert reason.startswith(f"SmtpSecretArn{of}: the password could not be read: ResourceNotFound")
    assert "whole ARN" in reason


def test_a_role_that_is_new_may_read_the_secret_a_little_later(
    cloudformation: Answers, server: MailServer, monkeypatch: pytest.MonkeyPatch
):
    answers = iter(["AccessDeniedException", "AccessDeniedException", ""])
    monkeypatch.setattr(app, "_unread", lambda _: next(answers))
    monkeypatch.setattr("time.sleep", lambda _: None)
    deploy(cloudformation.url)
    assert cloudformation[0]["Status"] == "SUCCESS"


def test_a_role_that_never_may_read_the_secret_fails_the_deployment(
    cloudformation: Answers, server: MailServer, monkeypatch: pytest.MonkeyPatch
):
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    monkeypatch.setattr(app, "_unread", lambda _: "AccessDeniedException")
    deploy(cloudformation.url)
    assert cloudformation[0]["Status"] == "FAILED"
    assert "AccessDenied" in cloudformation[0]["Reason"]
