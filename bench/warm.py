"""`make bench`: what a warm request costs beside the calls of AWS that it makes.

Each request is made once against a local stack, and its calls and their answers are recorded. Then,
in this one process and one after the other, the handler answers the same request again and again,
and a plain boto3 client makes the same calls with the same arguments. A process of its own gives
both the recorded answers, over TLS as AWS does, and only the processor time of this one is counted,
so neither the stack nor the network is in it. What is left over 1.00 is ours: the request, the
rules, the tokens, the answer and the log line.

`--switches` also prints what botocore's own settings save a call.
"""

import argparse
import contextlib
import http.client
import importlib
import json
import multiprocessing
import os
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import botocore.client
from botocore.config import Config

from bench.account import PARAMETERS, Account, Event
from local import runtime, variables
from tests.e2e.stack import CREDENTIALS, ROOT, Stack, running
from tests.smtp_server import Authority

ROUNDS = 400
AIMS = {
    "send_code": 1.25,
    "verify_code": 1.25,
    "sign_in by code": 1.25,
    "get_user": 1.25,
    "refresh": 1.40,
}
SWITCHES: dict[str, Mapping[str, Any]] = {
    "as it comes": {},
    "parameter_validation=False": {"parameter_validation": False},
    "inject_host_prefix=False": {"inject_host_prefix": False},
    "disable_request_compression=True": {"disable_request_compression": True},
    "account_id_endpoint_mode=disabled": {"account_id_endpoint_mode": "disabled"},
    "checksums when_required": {
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    },
    "retries: standard": {"retries": {"mode": "standard", "total_max_attempts": 2}},
    "tcp_keepalive=True": {"tcp_keepalive": True},
}

Answer = tuple[int, list[tuple[str, str]], bytes]


@dataclass(frozen=True)
class Call:
    """A call of AWS, as the client's method was called."""

    service: str
    method: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """A request with the calls that it makes."""

    handler: Callable[[Event, Any], Any]
    event: Event
    calls: tuple[Call, ...]


class Context:
    """What Lambda hands over beside the event."""

    function_name = "bench"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:bench"
    aws_request_id = runtime.REQUEST_ID

    def get_remaining_time_in_millis(self) -> int:
        """Return as much as at the start."""
        return 25_000


def main() -> None:
    """Record, measure, and print the ratios."""
    options = argparse.ArgumentParser(prog="python -m bench.warm", description=__doc__)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--switches", action="store_true")
    given = options.parse_args()
    with (
        running(ROOT / ".local/bench", PARAMETERS) as stack,
        recorder(stack.endpoint) as recording,
        Path(os.devnull).open("w") as nowhere,
    ):
        ours = {
            "AWS_ENDPOINT_URL": recording.address,
            "AWS_CA_BUNDLE": str(recording.authority),
        }
        os.environ.update(_variables(stack) | ours)
        with contextlib.redirect_stdout(nowhere):  # where the handlers' log lines go
            requests = _record(Account(stack), recording)
            ratios = {
                name: _compare(name, requests[name], recording, given.rounds) for name in AIMS
            }
        print(f"{'':16} calls  handler, ms  its calls, ms  ratio  aim")
        for name, (handler, calls) in ratios.items():
            whole, alone = statistics.median(handler), statistics.median(calls)
            print(
                f"{name:16} {len(requests[name].calls):5} {whole:12.2f} {alone:14.2f}"
                f" {whole / alone:6.2f}  {AIMS[name]:.2f}"
            )
        if given.switches:
            _print_switches(requests, recording, given.rounds // 4)


class Recorder:
    """Stands between this process and the stack: passes requests on, or repeats their answers."""

    def __init__(self, address: str, authority: Path) -> None:
        """Take its address, and what its certificate is checked with."""
        self.address = address
        self.authority = authority

    def record(self, name: str) -> None:
        """Pass on what comes, and keep the answers under a name."""
        self._tell("record", name)

    def replay(self, name: str) -> None:
        """Answer what was kept under a name, again and again."""
        self._tell("replay", name)

    def _tell(self, verb: str, name: str) -> None:
        trusted = ssl.create_default_context(cafile=str(self.authority))
        address = self.address.removeprefix("https://")
        connection = http.client.HTTPSConnection(address, timeout=10, context=trusted)
        connection.request("PUT", "/", json.dumps([verb, name]))
        assert connection.getresponse().status == 200  # noqa: S101 - it is our own server
        connection.close()


@contextlib.contextmanager
def recorder(stack: str) -> Iterator[Recorder]:
    """Start a recorder in front of a stack."""
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        arguments = (theirs, stack, Path(folder))
        process = multiprocessing.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        try:
            port, authority = ours.recv()
            yield Recorder(f"https://127.0.0.1:{port}", authority)
        finally:
            process.terminate()
            process.join()


def _serve(pipe: Any, stack: str, folder: Path) -> None:
    """Run the recorder; its answers are told apart by the operation that a request names."""
    kept: dict[str, dict[str, list[Answer]]] = {}
    answered: dict[str, int] = {}
    mode = ["record", "nothing"]

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_PUT(self) -> None:
            mode[:] = json.loads(self._body())
            answered.clear()
            self._answer((200, [], b""))

        def do_POST(self) -> None:
            body, operation = self._body(), self.headers["X-Amz-Target"]
            if mode[0] == "record":
                answer = self._pass_on(body)
                kept.setdefault(mode[1], {}).setdefault(operation, []).append(answer)
            else:
                answers = kept[mode[1]][operation]
                count = answered.get(operation, 0)
                answered[operation] = count + 1
                answer = answers[count % len(answers)]
            self._answer(answer)

        def _pass_on(self, body: bytes) -> Answer:
            connection = http.client.HTTPConnection(stack.removeprefix("http://"), timeout=30)
            connection.request("POST", self.path, body, dict(self.headers))
            response = connection.getresponse()
            headers = [(n, v) for n, v in response.getheaders() if n.lower() not in _HOP_BY_HOP]
            return response.status, headers, response.read()

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def _answer(self, answer: Answer) -> None:
            status, headers, body = answer
            head = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers)]
            head += [f"Content-Length: {len(body)}", "", ""]
            self.wfile.write("\r\n".join(head).encode() + body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    authority = Authority(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        context = authority.context("127.0.0.1")
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        pipe.send((server.server_port, authority.path))
        server.serve_forever()


_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


def _record(account: Account, recording: Recorder) -> dict[str, Request]:
    """Make each request once, and return them with their calls."""
    made = {
        "send_code": ("send_code", account.send_code),
        "verify_code": ("verify_code", account.verify_code),
        "sign_in by code": ("sign_in", account.sign_in_by_code),
        "get_user": ("get_user", account.get_user),
        "refresh": ("grant_token", account.refresh),
    }
    original = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]
    requests = {}
    for name, (operation, new_event) in made.items():
        handler = importlib.import_module(f"functions.{operation}.app").handler
        recording.record("nothing")
        _succeed(handler, new_event())  # reads the keys, and opens the connections
        event = new_event()
        calls: list[Call] = []

        def note(client: Any, method: str, arguments: Any, calls: list[Call] = calls) -> Any:
            names = {wire: own for own, wire in client.meta.method_to_api_mapping.items()}
            calls.append(Call(client.meta.service_model.service_name, names[method], arguments))
            return original(client, method, arguments)

        recording.record(name)
        with mock.patch.object(botocore.client.BaseClient, "_make_api_call", note):
            _succeed(handler, event)
        requests[name] = Request(handler, event, tuple(calls))
    return requests


def _compare(
    name: str, request: Request, recording: Recorder, rounds: int
) -> tuple[list[float], list[float]]:
    """Return milliseconds of the handler, and of its calls alone, once per round."""
    recording.replay(name)
    calls = _calls(request, {})
    handled, called = [], []
    for turn in range(rounds + 1):
        times = (
            _milliseconds(lambda: _succeed(request.handler, request.event)),
            _milliseconds(calls),
        )
        if turn:  # the first opens connections
            handled.append(times[0])
            called.append(times[1])
    return handled, called


def _print_switches(requests: Mapping[str, Request], recording: Recorder, rounds: int) -> None:
    """Print what a call costs under each of botocore's settings, over all requests' calls."""
    found: dict[str, list[float]] = {switch: [] for switch in SWITCHES}
    for name, request in requests.items():
        recording.replay(name)
        clients = {switch: _calls(request, options) for switch, options in SWITCHES.items()}
        for turn in range(rounds + 1):
            for switch, calls in clients.items():
                spent = _milliseconds(calls) / len(request.calls)
                if turn:
                    found[switch].append(spent)
    print(f"\n{'botocore':36} a call, ms  of it")
    first = found["as it comes"]
    for switch, times in found.items():
        each = statistics.median(times)
        print(f"{switch:36} {each:10.2f} {each / statistics.median(first):6.2f}")


def _calls(request: Request, options: Mapping[str, Any]) -> Callable[[], None]:
    """Return a function that makes the calls of a request with clients of its own."""
    session = boto3.Session(**CREDENTIALS)  # type: ignore[arg-type]
    config = Config(**options)
    clients: dict[str, Any] = {
        call.service: session.client(call.service, config=config)  # type: ignore[call-overload]
        for call in request.calls
    }
    bound = [
        (getattr(clients[call.service], call.method), call.arguments) for call in request.calls
    ]

    def make() -> None:
        for method, arguments in bound:
            method(**arguments)

    return make


def _milliseconds(action: Callable[[], None]) -> float:
    began = time.process_time()
    action()
    return (time.process_time() - began) * 1000


def _succeed(handler: Callable[[Event, Any], Any], event: Event) -> None:
    answer = handler(event, Context())
    if answer["statusCode"] != 200:
        raise SystemExit(f"no success: {answer}")


def _variables(stack: Stack) -> dict[str, str]:
    """Return the variables of all functions that are measured."""
    names = ("SendCode", "VerifyCode", "SignIn", "GetUser", "GrantToken")
    found = {k: v for name in names for k, v in variables.read(stack.home, name).items()}
    return found | {"AWS_LAMBDA_FUNCTION_NAME": "bench"}  # where botocore checks no arguments


if __name__ == "__main__":
    main()
