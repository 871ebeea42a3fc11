"""The desk of the local stack over its real port, with an operator's function that only listens."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from latchkey_cli.problems import Problem
from local.desk import ACTS, MOST_BYTES, Desk
from local.inbox import Mail

SHOW = {"act": "users.show", "user": "ann"}


@dataclass
class Running:
    """A desk that listens, and what it has let the functions do."""

    called: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    token: str = ""

    def call(self, act: str, **request: object) -> dict[str, str]:
        if request.get("user") == "nobody":
            raise Problem("There is no such user.")
        self.called.append({"act": act, **request})
        return {"message": "Done."}

    def ask(
        self, method: str, path: str, body: str | bytes | None = None, **headers: str | None
    ) -> tuple[int, http.client.HTTPMessage, str]:
        """Send what the page sends. A header of None is left out; `_` stands for a dash."""
        given: dict[str, str | None] = {"host": f"127.0.0.1:{self.port}"}
        if method == "POST":
            given |= {"origin": f"http://{given['host']}", "x-desk-token": self.token}
            given["content-length"] = str(len(body or ""))
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.putrequest(method, path, skip_host=True)
        for name, value in given.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body.encode() if isinstance(body, str) else body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def post(self, asked: object, path: str = "/call", **headers: str | None) -> tuple[int, Any]:
        status, _, text = self.ask("POST", path, json.dumps(asked), **headers)
        return status, json.loads(text) if text.startswith("{") else text


@pytest.fixture
def desk() -> Iterator[Running]:
    running = Running()
    mails = [Mail(2, "ann@x.test", "Your code is 123456", "123456", "", 1_700_000_000)]
    server = Desk(running.call, lambda to: mails if to == "ann@x.test" else [], "http://inbox")
    address = server.start(0)
    origin, _, running.token = address.partition("/#token=")
    running.port = int(origin.rpartition(":")[2])
    yield running
    server.stop()


def test_the_page_lets_a_function_do_what_is_asked(desk: Running) -> None:
    assert desk.post(SHOW) == (200, {"result": {"message": "Done."}})
    assert desk.post(SHOW, host=f"localhost:{desk.port}", origin=f"http://localhost:{desk.port}")[0]
    assert desk.called == [SHOW, SHOW]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{}", "", None]
)
def test_another_host_is_refused(desk: Running, method: str, host: str | None) -> None:
    """A name of elsewhere can be made to lead to this machine."""
    named = host and host.format(desk.port)
    path = "/" if method == "GET" else "/call"
    assert desk.ask(method, path, json.dumps(SHOW), host=named)[0] == 403
    assert desk.called == []


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{}", "", None],
)
def test_another_origin_is_refused(desk: Running, origin: str | None) -> None:
    assert desk.post(SHOW, origin=origin and origin.format(desk.port))[0] == 403
    assert desk.called == []


@pytest.mark.parametrize("token", ["", "x", "é", None])
@pytest.mark.parametrize("path", ["/call", "/mails"])
def test_nothing_is_done_without_the_token(desk: Running, path: str, token: str | None) -> None:
    assert desk.post(SHOW, path, x_desk_token=token)[0] == 401
    assert desk.post(SHOW, path, x_desk_token=desk.token[:-1])[0] == 401
    assert desk.called == []


@pytest.mark.parametrize("act", ["users.create", "users.set-email", "keys.rotate", "users.export"])
def test_only_acts_of_the_list_are_passed_on(desk: Running, act: str) -> None:
    assert act not in ACTS
    assert desk.post({"act": act})[0] == 403
    assert desk.called == []


@pytest.mark.parametrize(
    "asked", [{"act": ["users.show"]}, {"act": None}, {}, {**SHOW, "self": 1}, {**SHOW, "x": 1}]
)
def test_an_act_with_other_fields_is_refused(desk: Running, asked: dict[str, Any]) -> None:
    assert desk.post(asked)[0] in (400, 403)
    assert desk.called == []


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("{", {}, 400),
        ("[]", {}, 400),
        (b"\xff", {}, 400),
        ("[" * 15_000, {}, 400),
        ("", {"content_length": None}, 411),
        ("", {"content_length": "-1"}, 411),
        ("", {"content_length": str(MOST_BYTES + 1)}, 413),
    ],
)
def test_a_body_that_is_no_request_is_refused(
    desk: Running, body: str | bytes, headers: dict[str, str | None], status: int
) -> None:
    answered, _, text = desk.ask("POST", "/call", body, **headers)
    assert answered == status
    assert json.loads(text)["message"]


def test_what_a_function_refuses_is_said(desk: Running) -> None:
    asked = {"act": "users.show", "user": "nobody"}
    assert desk.post(asked) == (422, {"message": "There is no such user."})


def test_mails_are_shown_without_their_codes_and_texts(desk: Running) -> None:
    mail = {"subject": "Your code is ••••••", "received_at": 1_700_000_000}
    shown = {"inbox": "http://inbox", "mails": [mail]}
    assert desk.post({"to": "ann@x.test"}, "/mails") == (200, {"result": shown})
    assert desk.post({}, "/mails")[1]["result"]["mails"] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/desk.js", 200),
        ("GET", "/desk.css", 200),
        ("GET", "/call", 404),
        ("GET", "/../desk.py", 404),
        ("GET", "/%2e%2e/desk.py", 404),
        ("POST", "/", 404),
        ("OPTIONS", "/call", 501),
    ],
)
def test_every_answer_keeps_other_sites_out(
    desk: Running, method: str, path: str, status: int
) -> None:
    answered, headers, text = desk.ask(method, path, "{}" if method == "POST" else None)
    assert answered == status
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["access-control-allow-origin"] is None
    assert desk.token not in text
    assert "<script>" not in text


def test_each_run_has_a_token_of_its_own() -> None:
    one, other = (Desk(Running().call, lambda to: [], "") for _ in range(2))
    assert one.token != other.token
    assert len(one.token) >= 43  # 256 bits
