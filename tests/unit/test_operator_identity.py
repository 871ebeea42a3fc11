"""Who an operator is: STS says it, here a server that answers as STS does."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pytest

from latchkey.operators import identity
from latchkey_cli import signing
from tests.unit.conftest import CONTEXT, handler

WHO = "arn:aws:sts::123456789012:assumed-role/Support/grace"
XML = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>{WHO}</Arn><UserId>A</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""
SESSION = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-central-1")
REQUEST = json.dumps({"act": "keys.list"})


class Sts:
    """What was asked, and what is answered."""

    endpoint = ""
    status, body = 200, XML

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []


@pytest.fixture
def sts(configure: Callable[..., None], cloud: object) -> Iterator[Sts]:
    state = Sts()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get(identity.HEADER)))
            self.send_response(state.status)
            self.end_headers()
            self.wfile.write(state.body.encode())

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        state.endpoint = f"http://127.0.0.1:{server.server_port}"
        # The variable is read by our own settings alone: clients of AWS in memory exist already.
        configure(aws_endpoint_url=state.endpoint)
        yield state
        server.shutdown()


def signed(sts: Sts, request: str = REQUEST, function: str = CONTEXT.function_name) -> str:
    return signing.sign(SESSION, function, request, sts.endpoint)


def ask(signature: str, request: str = REQUEST) -> dict[str, object]:
    answer = handler("operator_read")({"request": request, "signed": signature}, CONTEXT)
    return dict(answer)


def test_a_signed_request_is_answered_and_logged_with_its_signer(
    sts: Sts, capsys: pytest.CaptureFixture[str]
):
    assert "result" in ask(signed(sts))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["message"] for line in lines] == ["operator begins", "operator"]
    assert {line["who"] for line in lines} == {WHO}
    assert (lines[1]["act"], lines[1]["outcome"]) == ("keys.list", "done")


def test_the_call_is_bound_to_the_request_and_the_function(sts: Sts):
    ask(signed(sts))
    [(path, digest)] = sts.asked
    assert digest == identity.digest(CONTEXT.function_name, REQUEST)
    assert digest != identity.digest(CONTEXT.function_name, REQUEST + " ")
    assert digest != identity.digest("another", REQUEST)
    query = parse_qs(urlsplit(path).query)
    assert identity.HEADER in query["X-Amz-SignedHeaders"][0].split(";")
    assert query["X-Amz-Expires"] == ["60"]


@pytest.mark.parametrize(
    "changes",
    [
        {"Action": "AssumeRole"},
        {"X-Amz-SignedHeaders": "host"},
        {"X-Amz-SignedHeaders": "host;not-x-latchkey-request"},
        {"X-Amz-Expires": "61"},
        {"X-Amz-Expires": "604800"},
        {"X-Amz-Expires": ""},
        {"action": "GetCallerIdentity"},  # twice, in two spellings
        {"Padding": "x" * 9000},
    ],
)
def test_a_call_of_another_kind_is_not_sent(sts: Sts, changes: dict[str, str]):
    sent = {name: values[0] for name, values in parse_qs(signed(sts)).items()} | changes
    assert ask(urlencode(sent))["error"] == "unproven"
    assert sts.asked == []


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, "<Code>ExpiredToken</Code>"), (403, XML), (200, "<nothing/>"), (302, XML), (500, "")],
)
def test_whom_sts_does_not_know_is_refused(sts: Sts, status: int, body: str):
    sts.status, sts.body = status, body
    answer = ask(signed(sts))
    assert answer["error"] == "unproven"
    assert "STS" in str(answer["message"])


def test_without_sts_nothing_is_done(sts: Sts, configure: Callable[..., None]):
    signature = signed(sts)
    configure(aws_endpoint_url="http://127.0.0.1:9")
    assert ask(signature)["error"] == "unproven"


@pytest.mark.parametrize("event", [{}, {"request": REQUEST}, {"act": "keys.list"}, {"signed": ""}])
def test_an_event_without_signature_is_refused(sts: Sts, event: dict[str, str]):
    for operation in ("operator_read", "operator_change", "rotate_keys", "send_test_mail"):
        assert handler(operation)(event, CONTEXT)["error"] == "unproven"
    assert sts.asked == []


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "https://sts.eu-central-1.amazonaws.com"),
        ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_region_s_own_sts_is_asked(
    configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch, region: str, host: str
):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    configure(aws_region=region)
    from latchkey import settings

    assert settings.Operators.load().sts == host
