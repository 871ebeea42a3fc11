"""The client of the tests: a device that sends the SDK's headers, and a mailbox."""

import json
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import httpx

ROUTES = {
    "send_code": ("POST", "/auth/v1/verification"),
    "verify_code": ("POST", "/auth/v1/verification/verify"),
    "sign_up": ("POST", "/auth/v1/signup"),
    "sign_in": ("POST", "/auth/v1/signin"),
    "grant_token": ("POST", "/auth/v1/token"),
    "revoke_token": ("POST", "/auth/v1/revoke"),
    "sign_out": ("POST", "/auth/v1/user/signout"),
    "get_user": ("GET", "/auth/v1/user/me"),
}
CAPTCHA_ROUTES = {
    "draw": ("POST", "/auth/v1/captcha/data"),
    "answer": ("POST", "/auth/v1/captcha/data/verify"),
}
# The routes of a signed-in user. They check the session before the body.
ACCOUNT_ROUTES = {
    "edit_profile": ("PATCH", "/auth/v1/user/profile"),
    "sudo": ("POST", "/auth/v1/user/sudo"),
    "set_password": ("PATCH", "/auth/v1/user/password"),
    "change_email": ("PATCH", "/auth/v1/user/contact"),
    "revoke_all": ("DELETE", "/auth/v1/user/revoke/all"),
    "security_history": ("GET", "/auth/v1/user/security/history"),
}
TOKENS = {"token_type", "access_token", "refresh_token", "expires_in", "scope", "sub", "groups"}
# The fields whose values must never be logged.
CONFIDENTIAL = {
    "email", "password", "verification_code", "verification_token", "access_token",
    "refresh_token", "token", "sudo_token", "new_password", "captcha_token",
}  # fmt: skip
MAIL_SECONDS = 20
# The local stack runs a process for each request. More requests at a time would make the machine
# busier, but not the test harder.
IN_FLIGHT = 12

T = TypeVar("T")
Refusal: TypeAlias = tuple[int, str, int]
"""Status, error and error_code, as docs/api.md lists them."""


class Answer(dict[str, Any]):
    """The JSON object of an answer."""

    def __init__(self, response: httpx.Response) -> None:
        """Check the rules that every answer keeps."""
        assert response.headers["content-type"] == "application/json", response.text
        body = response.json()
        assert isinstance(body, dict), body
        super().__init__(body)
        self.status = response.status_code
        self.headers = response.headers
        if self.status != 200:
            told = {"error", "error_code", "error_description", "request_id"}
            assert told <= body.keys() <= told | {"details", "retry_after"}, body
            assert all(body[name] for name in told), body
        else:
            assert not body.keys() & {"error", "error_code", "code", "message"}, body

    @property
    def refusal(self) -> Refusal:
        """Return status, error and error_code."""
        assert self.status != 200, "a success"
        return self.status, self["error"], self["error_code"]


@dataclass
class Inbox:
    """The mails that the local stack's mail server has received."""

    http: httpx.Client
    seen: set[str]

    def mails(self, address: str) -> list[dict[str, Any]]:
        """Return the mails with a code to an address, newest first, without notices."""
        found = self.http.get("/mails", params={"to": address}).json()
        return [mail for mail in found if any(map(str.isdigit, mail["text"].splitlines()))]

    def wait(self, address: str, count: int = 1) -> dict[str, Any]:
        """Wait until so many mails have come to an address, and return the newest."""
        end = time.monotonic() + MAIL_SECONDS
        while len(mails := self.mails(address)) < count:
            assert time.monotonic() < end, f"{len(mails)} mails to {address}, not {count}"
            time.sleep(0.02)
        return mails[0]

    def code(self, address: str, count: int = 1) -> str:
        """Read the code in the newest mail: it stands alone on a line."""
        lines = self.wait(address, count)["text"].splitlines()
        [code] = [line for line in lines if line.isdigit()]
        self.seen.add(code)
        return str(code)


@dataclass
class Device:
    """An installation of the SDK, with a device id of its own."""

    http: httpx.Client
    inbox: Inbox
    seen: set[str]
    """All values that were sent or answered and must never be logged."""
    id: str = field(default_factory=lambda: secrets.token_hex(16))

    def call(
        self,
        operation: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        bearer: str | None = None,
        request_id: str | None = None,
        headers: dict[str, str] | None = None,
        captcha_token: str | None = None,
        query: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request as the SDK does: JSON whose content type is text/plain. An operation that
        is not named above is given by its method and path, such as `POST /auth/v2/token`.
        """
        named = (ROUTES | CAPTCHA_ROUTES | ACCOUNT_ROUTES).get(operation)
        method, path = named or operation.split()
        sent = {
            "x-device-id": self.id,
            "x-request-id": request_id or secrets.token_hex(16),
            "content-type": "text/plain;charset=UTF-8",
        }
        if bearer is not None:
            sent["authorization"] = f"Bearer {bearer}"
        content = raw if raw is not None else json.dumps({} if body is None else body).encode()
        answer = Answer(
            self.http.request(
                method,
                path,
                params=({"captcha_token": captcha_token} if captcha_token else {})
                | ({} if bearer else {"client_id": "e2e"})
                | (query or {}),
                content=None if method == "GET" else content,
                headers=httpx.Headers(sent | (headers or {}), encoding="utf-8"),
            )
        )
        for source in (body, answer):
            if isinstance(source, dict):
                values = (v for k, v in source.items() if k in CONFIDENTIAL)
                self.seen.update(v for v in values if isinstance(v, str) and len(v) >= 6)
        return answer

    def ask(self, address: str, **fields: object) -> tuple[str, str]:
        """Ask for a code, and return the verification's id and the code that was mailed."""
        before = len(self.inbox.mails(address))
        sent = self.call("send_code", {"email": address, **fields})
        assert sent.status == 200, sent
        return sent["verification_id"], self.inbox.code(address, before + 1)

    def prove(self, address: str) -> str:
        """Ask for a code, read it, and return the verification token."""
        verification_id, code = self.ask(address)
        verified = self.verify(verification_id, code)
        assert verified.status == 200, verified
        return str(verified["verification_token"])

    def verify(
        self, verification_id: str, code: str | int, *, request_id: str | None = None
    ) -> Answer:
        """Redeem a code."""
        body = {"verification_id": verification_id, "verification_code": code}
        return self.call("verify_code", body, request_id=request_id)

    def register(self, address: str, **fields: object) -> Answer:
        """Prove an address and sign up; return the tokens."""
        body = {"verification_token": self.prove(address), "email": address, **fields}
        tokens = self.call("sign_up", body)
        assert tokens.status == 200, tokens
        return tokens

    def refresh(self, token: str, *, request_id: str | None = None) -> Answer:
        """Use a refresh token."""
        body = {
            "client_id": "e2e",
            "client_secret": "",
            "grant_type": "refresh_token",
            "refresh_token": token,
        }
        return self.call("grant_token", body, request_id=request_id)

    def me(self, access_token: str) -> Answer:
        """Read the profile."""
        return self.call("get_user", bearer=access_token)


NewDevice: TypeAlias = Callable[[], Device]


def new_address() -> str:
    """Return an address that nobody has used."""
    return f"person-{secrets.token_hex(6)}@example.com"


def at_once(count: int, action: Callable[[int], T]) -> list[T]:
    """Call `action(0)` to `action(count - 1)` from as many threads, and return what they return."""
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(action, range(count)))
