"""The command `latchkey` without a deployment: how it shows things, and its setup."""

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from latchkey.mail.smtp import transport
from latchkey_cli import guide, providers
from latchkey_cli.deployment import Deployment
from latchkey_cli.main import app
from latchkey_cli.problems import Problem
from tests.smtp_server import PASSWORD, USER, Authority, MailServer
from tests.unit.conftest import ROOT

USER_ROW = {
    "sub": "a" * 26, "email": "ada@example.com", "username": None, "name": "x\x1b[31m\nred [/bold]",
    "status": "active", "email_verified": True, "has_password": True, "groups": ["staff", "all"],
    "created_at": "2026-11-28T09:30:00Z", "last_sign_in_at": "2026-11-28T09:30:00Z", "sign_ins": 3,
}  # fmt: skip


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the deployment answers to each act."""
    given: dict[str, Any] = {}

    def call(_: Deployment, act: str, **request: object) -> Any:
        answer = given[act]
        return answer(request) if callable(answer) else answer

    monkeypatch.setattr(Deployment, "call", call)
    return given


def run(*arguments: str, given: str = "") -> Any:
    return CliRunner().invoke(app, [*arguments], input=given, env={"COLUMNS": "200"})


def test_nobody_s_name_writes_on_the_terminal(answers: dict[str, Any]):
    shown = {"user": USER_ROW, "suppressed": None, "sub": "a"}
    answers["users.show"] = shown | {
        name: [] for name in ("sessions", "devices", "failures", "codes")
    }
    out = run("users", "show", "ada@example.com").stdout
    assert "\x1b[31m" not in out
    assert "red [/bold]" in out


def test_a_list_goes_on_until_it_has_enough(answers: dict[str, Any]):
    asked: list[dict[str, Any]] = []

    def page(request: dict[str, Any]) -> dict[str, Any]:
        asked.append(request)
        return {"users": [USER_ROW] * min(request["limit"], 60), "cursor": "next"}

    answers["users.list"] = page
    found = json.loads(run("--json", "users", "list", "--most", "150").stdout)
    assert len(found) == 150
    assert [one["limit"] for one in asked] == [100, 90, 30]
    assert [one["cursor"] for one in asked] == ["", "next", "next"]


def test_a_password_is_read_from_a_pipe_and_never_from_an_argument(answers: dict[str, Any]):
    asked: list[dict[str, Any]] = []

    def create(request: dict[str, Any]) -> dict[str, str]:
        asked.append(request)
        return {"sub": "a", "message": "Created."}

    answers["users.create"] = create
    done = run("users", "create", "a@example.com", "--password", "--verified", given="engine1843\n")
    assert (done.exit_code, asked[0]["password"]) == (0, "engine1843")
    assert "engine1843" not in done.output


def test_a_local_stack_is_reached_on_loopback_only():
    assert Deployment("latchkey", local_port=4566).endpoint == "http://127.0.0.1:4566"


def test_the_providers_of_setup_are_those_of_the_layer():
    known = {one.key: (one.host, one.port) for one in providers.PROVIDERS if one.host}
    assert known == {name: (s.host, s.port) for name, s in transport.PRESETS.items()}
    assert {one.key for one in providers.PROVIDERS} == {*transport.PRESETS, "ses", "custom"}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with MailServer(authority) as running:
        yield running


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    passwords: list[str] = []
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:latchkey/smtp-AbCdEf"

    def store(password: str, _: Deployment) -> str:
        passwords.append(password)
        return arn

    monkeypatch.setattr(guide, "_store", store)
    return passwords


def test_setup_tries_the_login_until_it_works_and_writes_the_answers(
    tmp_path: Path,
    server: MailServer,
    stored: list[str],
    monkeypatch: pytest.MonkeyPatch,
    configured: Callable[[str], Path],
):
    config = configured((ROOT / "samconfig.toml").read_text())
    monkeypatch.setattr(
        providers, "log_in", lambda host, port, **how: _log_in(server, how["user"], how["password"])
    )
    said = [
        "6", "not an address", "login@example.com",
        "smtp.example.com", "587", USER, "wrong",
        "smtp.example.com", "587", USER, PASSWORD,
        "*", "Acme", "auto", "",
    ]  # fmt: skip
    done = run("setup", "--config", str(config), "--no-deploy", given="\n".join(said) + "\n")
    assert done.exit_code == 0, done.output
    assert stored == [PASSWORD]
    assert PASSWORD not in config.read_text()
    written = tomllib.loads(config.read_text())["default"]
    overrides = dict(
        pair.split("=", 1) for pair in written["deploy"]["parameters"]["parameter_overrides"]
    )
    assert overrides["SenderAddress"] == "login@example.com"
    assert (overrides["SmtpHost"], overrides["SmtpSecurity"]) == ("smtp.example.com", "STARTTLS")
    assert overrides["SmtpSecretArn"].startswith("arn:aws:secretsmanager:")
    assert written["deploy"]["parameters"]["on_failure"] == "DELETE"  # what stood there stays
    assert "# A first deployment that fails" in config.read_text()


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "samconfig.toml"
        path.write_text(text)
        return path

    return write


_try = providers.log_in


def _log_in(server: MailServer, user: str, password: str) -> str:
    return _try(server.host, server.port, starttls=True, user=user, password=password)


def test_what_a_login_fails_with_is_said(server: MailServer):
    server.login = "535 5.7.8 no"
    assert "refuses user name or password" in _log_in(server, USER, PASSWORD)
    assert "127.0.0.1:9" in _try("127.0.0.1", 9, starttls=False, user="a", password="b")
    assert "TLS" in _try(server.host, server.port, starttls=False, user="a", password="b")


def test_a_function_that_the_stack_lacks_is_named():
    deployment = Deployment("latchkey", local_port=1)
    vars(deployment)["resources"] = {"OperatorRead": "x"}
    with pytest.raises(Problem, match="UserExport=on"):
        deployment.call("users.export")
