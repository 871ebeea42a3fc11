"""The smoke run against servers that answer wrongly: it must say so, and what to do."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from latchkey_cli.smoke import checks
from latchkey_cli.smoke.__main__ import main

CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET,POST,PATCH,DELETE",
    "access-control-allow-headers": "authorization,content-type,x-request-id,x-device-id,"
    "x-sdk-version",
}


class Api(http.server.BaseHTTPRequestHandler):
    """An API without people. `wrong` has what it answers in place of what it should."""

    server: http.server.HTTPServer
    wrong: dict[str, tuple[int, Any]]
    cors: dict[str, str]

    def answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.rfile.read(length)
        path = self.path.partition("?")[0]
        name = f"{self.command} {path}"
        status, body = self.wrong.get(name) or self.right(name)
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for header, value in self.cors.items():
            self.send_header(header, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = do_OPTIONS = answer

    def right(self, name: str) -> tuple[int, Any]:
        issuer = f"http://127.0.0.1:{self.server.server_port}"
        match name:
            case "GET /.well-known/openid-configuration":
                return 200, {"issuer": issuer, "jwks_uri": f"{issuer}/.well-known/jwks.json"}
            case "GET /.well-known/jwks.json":
                return 200, {"keys": [{"kty": "RSA", "kid": "1"}]}
            case "POST /auth/v1/captcha/data":
                return 200, {"token": "1"}
            case "POST /auth/v2/signin/publichkey":
                return 200, {"public_key": "1"}
            case _ if name.startswith("OPTIONS"):
                return 204, None
        method, _, path = name.partition(" ")
        known = (method, path) in checks.routes()
        return self.refusal("unauthenticated" if known else "unimplemented")

    def refusal(self, error: str) -> tuple[int, Any]:
        return 401, {
            "error": error,
            "error_code": 16,
            "error_description": "No.",
            "request_id": self.headers["x-request-id"],
        }

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[str]:
    Api.wrong, Api.cors = {}, dict(CORS)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_api_that_answers_as_it_should_passes(api: str, capsys: pytest.CaptureFixture[str]):
    assert main([api]) == 0
    said = capsys.readouterr().out
    assert said.endswith("passed\n")
    assert "FAIL" not in said


@pytest.mark.parametrize(
    ("request_line", "status", "body", "said"),
    [
        ("POST /auth/v1/signin", 500, {"message": "Internal Server Error"}, "No function answered"),
        ("POST /auth/v1/signin", 429, {"message": "Too Many Requests"}, "ApiRequestsPerSecond"),
        ("POST /auth/v1/signin", 404, {"message": "Not Found"}, "output ApiUrl"),
        ("POST /auth/v1/signin", 403, {"message": "Forbidden"}, "firewall"),
        ("GET /auth/v1/user/me", 200, {"sub": "1"}, "nobody is signed in"),
        ("GET /auth/v1/nothing", 404, {"message": "Not Found"}, "unknown routes"),
        ("OPTIONS /auth/v1/signin", 404, None, "A browser will not send the request"),
        ("GET /.well-known/jwks.json", 200, {"keys": []}, "publishes no key"),
        (
            "GET /.well-known/openid-configuration",
            200,
            {"issuer": "", "jwks_uri": "/.well-known/jwks.json"},
            "does not fit",
        ),
        (
            "GET /.well-known/openid-configuration",
            200,
            {
                "issuer": "http://127.0.0.1:1",
                "jwks_uri": "http://127.0.0.1:1/.well-known/jwks.json",
            },
            "IssuerUrl",
        ),
    ],
)
def test_a_wrong_answer_is_told_with_what_to_do(
    api: str,
    capsys: pytest.CaptureFixture[str],
    request_line: str,
    status: int,
    body: Any,
    said: str,
):
    Api.wrong = {request_line: (status, body)}
    assert main([api]) == 1
    told = capsys.readouterr().out
    assert "FAIL" in told
    assert said in told
    assert told.endswith("FAILED\n")


@pytest.mark.parametrize("header", CORS)
def test_a_page_that_may_not_call_is_told(
    api: str, capsys: pytest.CaptureFixture[str], header: str
):
    del Api.cors[header]
    assert main([api]) == 1
    assert main([api, "--origin", "none"]) == 0
    assert "not shown, because of ORIGIN=none" in capsys.readouterr().out


def test_an_address_that_leads_nowhere_is_told(capsys: pytest.CaptureFixture[str]):
    assert main(["http://127.0.0.1:1"]) == 1
    assert "Check the address after API=" in capsys.readouterr().out


@pytest.mark.parametrize("address", ["ftp://x", "http://example.com", "https://example.com/auth"])
def test_what_is_no_address_of_an_api_is_refused(address: str):
    with pytest.raises(SystemExit) as stopped:
        main([address])
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("failed_precondition", "The address has an account"),
        ("resource_exhausted", "a short time ago"),
        ("unauthorized_client", "CLIENT_ID="),
        ("unavailable", "A service of AWS"),
    ],
)
def test_a_refusal_of_the_code_says_what_to_do(
    api: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: str,
    said: str,
):
    right = Api.right

    def refuse(self: Api, name: str) -> tuple[int, Any]:
        return self.refusal(error) if name == "POST /auth/v1/verification" else right(self, name)

    monkeypatch.setattr(Api, "right", refuse)
    monkeypatch.setattr(checks, "answers", lambda _: "")
    assert main([api, "--to", "ada@example.com"]) == 1
    assert said in capsys.readouterr().out
