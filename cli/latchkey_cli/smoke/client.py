"""Requests to a deployed API, by the standard library alone."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The gateway gives up after 30 s, so a longer wait shows nothing more.
TIMEOUT_SECONDS = 35
# What a client may read of an answer that is not Latchkey's: enough to recognise its sender.
SHOWN_CHARACTERS = 120

_NO_FUNCTION = (
    "No function answered. It cannot start, takes too long, may not be invoked by the API, or no"
    " execution was left: a new account has as few as 10. See the lines of the log group (output"
    " LogGroup), and the metrics Errors and Throttles of Lambda."
)
# What it means if API Gateway or something before it answers, by status.
_FOREIGN = {
    403: "Something before the functions refuses the request, for example a web application"
    " firewall: see its log.",
    404: "The API has no route for this, not even $default. Check that API is the output ApiUrl,"
    " and deploy this version.",
    429: "There are more requests than ApiRequestsPerSecond and ApiBurst allow. Try again in a"
    " minute. If it stays, raise both.",
    500: _NO_FUNCTION,
    502: _NO_FUNCTION,
    503: _NO_FUNCTION,
    504: _NO_FUNCTION,
}


class Failed(Exception):
    """A check has failed: what was found, and what that means and what to do."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(found)
        self.found, self.advice = found, advice


class Unreachable(Failed):
    """Nothing answers, so no other check can be made."""


class NotShown(Exception):
    """A check could not be made. The message says why, after "because"."""


class NothingMore(NotShown):
    """No later check can be made either."""


@dataclass(frozen=True)
class Answer:
    """An answer of the API. `body` is None unless it is a JSON object."""

    request: str
    """Method and path."""
    request_id: str
    status: int
    headers: Mapping[str, str]
    text: str
    body: dict[str, Any] | None

    @property
    def error(self) -> str:
        """Return the word of a refusal, or an empty text."""
        return str((self.body or {}).get("error", ""))

    def __str__(self) -> str:
        """Describe the answer without a value that is confidential."""
        if self.error:
            return (
                f"{self.request} answers {self.status} {self.error}, request id {self.request_id}"
            )
        if self.body is not None and 200 <= self.status < 300 and "message" not in self.body:
            names = ", ".join(self.body) or "no field"
            return f"{self.request} answers {self.status} with {names}"
        shown = "".join(c for c in self.text[:SHOWN_CHARACTERS] if c.isprintable())
        return f"{self.request} answers {self.status} {shown or 'without a body'}"

    def refuse_foreign(self) -> None:
        """Raise Failed if this is no answer of Latchkey. The SDK takes `{"message": ...}`, as API
        Gateway answers, for a success.
        """
        refusal = {"error", "error_code", "error_description"}
        body = self.body
        if body is None or "message" in body or "code" in body:
            known = refusal <= body.keys() if body else False
        elif 200 <= self.status < 300:
            known = "error" not in body
        else:
            known = refusal <= body.keys() and body.get("request_id") == self.request_id
        if not known:
            default = "This is no answer of Latchkey. Check that API is the output ApiUrl."
            raise Failed(str(self), _FOREIGN.get(self.status, default))

    def succeed(self, *fields: str, **advice: str) -> dict[str, Any]:
        """Return the body of a success that has these fields.

        Raises Failed. `advice` says what to do about an error, by its word.
        """
        self.refuse_foreign()
        body = self.body or {}
        if self.error:
            raise Failed(str(self), advice.get(self.error) or _ADVICE.get(self.error) or _REFUSED)
        if missing := [name for name in fields if name not in body]:
            raise Failed(f"{self}, but without {', '.join(missing)}", _OTHER_VERSION)
        return body


_REFUSED = "This must not be refused. Search the log group for the request id."
_OTHER_VERSION = "Another version is deployed. Deploy this one, or run the smoke test of that one."
_ADVICE = {
    "internal": "The function has failed. A line of level ERROR with this request id in the log"
    " group says where. If its cause is AccessDeniedException, the function lacks a right: deploy"
    " this template unchanged.",
    "unavailable": "A service of AWS did not answer in time or has refused. A line of level"
    " ERROR at the same time in the log group says which.",
    "unimplemented": _OTHER_VERSION,
    "unauthorized_client": "ClientIds does not accept this client. Name one of its ids with"
    " CLIENT_ID=.",
}


@dataclass(frozen=True)
class Client:
    """One device that asks an API, for example `https://login.example.com`."""

    api: str
    client_id: str = "smoke"
    device_id: str = field(default_factory=lambda: secrets.token_hex(16))

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        bearer: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request, with its body as JSON. Raises Unreachable."""
        request_id = secrets.token_hex(16)
        sent = {
            "x-request-id": request_id,
            "x-device-id": self.device_id,
            "user-agent": "latchkey-smoke",
            "content-type": "text/plain;charset=UTF-8",  # as the SDK does
            **({"authorization": f"Bearer {bearer}"} if bearer else {}),
            **(headers or {}),
        }
        data = None if body is None else json.dumps(body).encode()
        joined = "&" if "?" in path else "?"
        address = self.api + path + ("" if bearer else f"{joined}client_id={self.client_id}")
        request = urllib.request.Request(address, data, sent, method=method)
        name = f"{method} {path.partition('?')[0]}"
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                status, received, raw = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            status, received, raw = answer.code, answer.headers, answer.read()
        except OSError as error:
            reason = getattr(error, "reason", error)
            advice = "Check the address after API= (output ApiUrl) and your network."
            raise Unreachable(f"{name} gets no answer: {reason}", advice) from None
        text = raw.decode("utf-8", "replace")
        return Answer(
            name, request_id, status, {k.lower(): v for k, v in received.items()}, text, _json(text)
        )


def _json(text: str) -> dict[str, Any] | None:
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
