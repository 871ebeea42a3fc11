"""The desk: a page for operators of the local stack, on loopback.

What it shows and does goes through the functions for operators, as with the command `latchkey`. On
AWS there is only the command.

Whoever reaches the page can delete users. So a request for anything but the page's own files must
name this machine and port (against DNS rebinding), come from the page itself (against other sites),
and have the token that stands in the printed address only (against other users of the machine).
"""

import hmac
import json
import re
import secrets
from collections.abc import Callable, Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

from latchkey_cli.problems import Problem
from local import pages
from local.inbox import Mail

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'"
)
TOKEN = "x-desk-token"  # noqa: S105 - the name of a header
_USER = frozenset({"user"})
# What the page may do, and with which fields.
ACTS = {
    "users.list": frozenset({"order", "prefix", "newest_first", "limit", "cursor"}),
    "users.show": _USER,
    "users.history": _USER | {"limit", "cursor"},
    "suppressions.list": frozenset(),
    "users.disable": _USER,
    "users.enable": _USER,
    "users.sign-out": _USER,
    "users.unlock": _USER,
    "users.require-reset": _USER,
    "users.delete": _USER,
    "users.set-groups": _USER | {"groups"},
    "sessions.end": _USER | {"sid"},
    "suppressions.lift": frozenset({"email"}),
}
MOST_BYTES = 20_000  # 50 groups of 64 characters, and a cursor, have less
# A mail with a code has it in the subject. Who needs it reads it in the inbox.
_CODE = re.compile(r"\d{6,}")


class Refused(Exception):
    """A request that is not for the page to make. `status` is that of HTTP."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Desk:
    """The page and its server.

    `call(act, **request)` lets a function of the stack do something, and raises Problem; `mails`
    returns the mails to an address; `inbox` is where they can be read.
    """

    def __init__(
        self, call: Callable[..., Any], mails: Callable[[str], Sequence[Mail]], inbox: str
    ) -> None:
        self.token = secrets.token_urlsafe(32)
        self._call = call
        self._mails = mails
        self._inbox = inbox
        self._one_at_a_time = Lock()  # boto3's sessions are for one thread
        self._server: ThreadingHTTPServer | None = None

    def start(self, port: int) -> str:
        """Listen, and return the address of the page with its token."""
        self._server = pages.serve(port, _handler(self))
        return f"http://{pages.HOSTS[0]}:{self._server.server_port}/#token={self.token}"

    def stop(self) -> None:
        """Close the port."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, path: str, asked: dict[str, Any]) -> Any:
        """Return what a request of the page asks for. Raises Refused and Problem."""
        if path == "/mails":
            return self._mails_of(str(asked.get("to", "")))
        if path != "/call":
            raise Refused(404, "There is nothing at this path.")
        act = asked.pop("act", None)
        if not isinstance(act, str) or act not in ACTS:
            raise Refused(403, "The desk does not do this: take the command latchkey.")
        if unknown := asked.keys() - ACTS[act]:
            raise Refused(400, f"{act} has no {', '.join(sorted(unknown))}.")
        with self._one_at_a_time:
            return self._call(act, **asked)

    def _mails_of(self, address: str) -> dict[str, Any]:
        return {
            "inbox": self._inbox,
            "mails": [
                {"subject": _CODE.sub("••••••", one.subject), "received_at": one.received_at}
                for one in (self._mails(address) if address else ())
            ],
        }


def _handler(desk: Desk) -> type[pages.Handler]:
    class Handler(pages.Handler):
        folder = Path(__file__).parent / "desk_page"
        policy = POLICY

        def do_POST(self) -> None:
            if not self.is_for_here():
                return
            try:
                self._check_who()
                self.answer_json(200, {"result": desk.answer(self.path, self._asked())})
            except Refused as refused:
                self.answer_json(refused.status, {"message": str(refused)})
            except Problem as problem:
                self.answer_json(422, {"message": str(problem)})

        def _check_who(self) -> None:
            """Raises Refused if it is not the page that asks, or if it has not the token."""
            if self.headers.get("origin") not in [f"http://{name}" for name in self.names()]:
                raise Refused(403, "Only the page itself may ask.")
            given = self.headers.get(TOKEN, "").encode()
            if not hmac.compare_digest(given, desk.token.encode()):
                raise Refused(401, "The token is missing or is not of this run.")

        def _asked(self) -> dict[str, Any]:
            length = self.headers.get("content-length", "")
            if not re.fullmatch("[0-9]{1,9}", length):
                raise Refused(411, "The request has no length.")
            if int(length) > MOST_BYTES:
                raise Refused(413, f"The request has more than {MOST_BYTES} bytes.")
            try:
                asked = json.loads(self.rfile.read(int(length)))
            except (ValueError, RecursionError):
                raise Refused(400, "The request is no JSON.") from None
            if not isinstance(asked, dict):
                raise Refused(400, "The request is no object.")
            return asked

    return Handler
