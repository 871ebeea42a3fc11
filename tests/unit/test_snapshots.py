"""A container of SnapStart: its hooks as Lambda's runtime calls them, and what is left after."""

import json
import random
import runpy
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
import snapshot_restore_py
from aws_lambda_powertools.logging import logger as powertools
from awslambdaric import lambda_runtime_hooks_runner as runtime

from latchkey import aws, clock, http, ids, settings, snapshots
from latchkey.bodies import Body
from latchkey.dynamodb import store
from latchkey.keys import keyring
from latchkey.mail import samples, send, transport
from latchkey.mail.smtp import password
from tests import rights
from tests.smtp_server import PASSWORD, USER, Authority, MailServer
from tests.unit import recorder
from tests.unit.conftest import CONTEXT, ROOT

Copy = Callable[[], None]


class FakeAws:
    """Gives credentials, each time other ones, and answers calls. Notes who called and how."""

    def __init__(self) -> None:
        self.given = 0
        self.calls: list[tuple[str, int]] = []
        """The id of the access key, and the port, which names the connection."""
        outer = self

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.given += 1
                expires = datetime.now(UTC) + timedelta(hours=6)
                self._answer(
                    AccessKeyId=f"KEY{outer.given}",
                    SecretAccessKey="secret",
                    Token="token",
                    Expiration=expires.isoformat(),
                )

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                key = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
                outer.calls.append((key, self.client_address[1]))
                self._answer(Plaintext="AAAA")

            def _answer(self, **fields: str) -> None:
                data = json.dumps(fields).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def fake_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    """Give the container its credentials as SnapStart does: through an address on loopback."""
    fake = FakeAws()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{fake.url}/credentials")
    monkeypatch.setenv("AWS_ENDPOINT_URL", fake.url)
    threading.Thread(target=fake.server.serve_forever, daemon=True).start()
    aws.forget()
    yield fake
    monkeypatch.undo()
    aws.forget()
    recorder.listen()
    fake.server.shutdown()
    fake.server.server_close()


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[Any], list[Any]]]:
    """Return the hooks before and after; so far there are none."""
    before: list[Any] = []
    after: list[Any] = []
    monkeypatch.setattr(snapshot_restore_py, "_before_snapshot_registry", before)
    monkeypatch.setattr(snapshot_restore_py, "_after_restore_registry", after)
    snapshots.register.cache_clear()
    yield before, after
    snapshots.register.cache_clear()


@pytest.fixture
def copy(hooks: object) -> Iterator[Copy]:
    """Return a function that takes a snapshot of this container, and goes on as a copy of it."""
    snapshots.register(send.forget)

    def run() -> None:
        runtime.run_before_snapshot()
        runtime.run_after_restore()

    yield run
    aws.forget()
    recorder.listen()


class Nothing(Body):
    """A request without fields."""


@pytest.mark.parametrize("function", rights.AWAITED)
def test_each_function_with_snapstart_registers_its_hooks(function: str, hooks: Any):
    code = rights.RESOURCES[function]["Properties"]["CodeUri"]
    runpy.run_path(str(ROOT / code / "app.py"))
    before, after = hooks
    assert [hook for hook, _, _ in after] == [snapshots._after_restore]
    assert snapshots._before_snapshot in [hook for hook, _, _ in before]
    assert (send.forget in [hook for hook, _, _ in before]) == (function == "SendMail")


def test_an_operation_with_several_routes_registers_them_once(hooks: Any):
    for name in ("one", "two"):
        http.entry(name, lambda body, caller: None, Nothing)
    assert [len(registered) for registered in hooks] == [1, 1]


def test_no_connection_and_no_credentials_outlive_a_snapshot(fake_aws: FakeAws, copy: Copy):
    for _ in range(2):
        aws.kms().decrypt(CiphertextBlob=b"a")
    copy()
    aws.kms().decrypt(CiphertextBlob=b"a")

    first, second, third = fake_aws.calls
    assert first == second  # what is not copied keeps both
    assert third[0] == "KEY2"
    assert third[1] != first[1]


def test_the_clients_made_at_the_start_are_closed_in_the_snapshot(
    fake_aws: FakeAws, copy: Copy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "get_user")
    http.entry("get_user", lambda body, caller: None, Nothing)
    made: Any = aws.kms()
    made.decrypt(CiphertextBlob=b"a")
    pools = made._endpoint.http_session._manager.pools
    assert len(pools) == 1

    runtime.run_before_snapshot()

    assert len(pools) == 0
    assert aws.kms() is not made


def test_a_copy_does_not_read_the_models_of_the_services_again(
    fake_aws: FakeAws, copy: Copy, monkeypatch: pytest.MonkeyPatch
):
    aws.kms()
    copy()
    monkeypatch.setattr("botocore.loaders.JSONFileLoader.load_file", lambda *_: pytest.fail("read"))
    assert aws.kms()


def test_a_copy_reads_the_keyring_again(copy: Copy, monkeypatch: pytest.MonkeyPatch):
    reads: list[object] = []
    read = keyring.read

    def note() -> keyring.Keyring | None:
        reads.append(1)
        return read()

    monkeypatch.setattr(keyring, "read", note)
    keyring.load()
    keyring.load()
    assert len(reads) == 1
    copy()
    keyring.load()
    assert len(reads) == 2


def test_a_snapshot_holds_no_unwrapped_key(copy: Copy):
    ring = keyring.load()
    now = clock.now()
    keyring.tag("ada@example.com", now)
    keyring.private(ring.current("signing", now))
    caches = (keyring._unwrap, keyring.private)
    assert all(cache.cache_info().currsize for cache in caches)

    runtime.run_before_snapshot()

    assert not any(cache.cache_info().currsize for cache in caches)
    assert keyring._ring is None
    assert keyring.tag("ada@example.com", now)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long the pauses before retries were."""
    made: list[float] = []
    monkeypatch.setattr("time.sleep", made.append)
    return made


def test_two_copies_of_a_snapshot_pause_differently(copy: Copy, pauses: list[float]):
    snapshot = random.getstate()
    for _ in range(2):
        random.setstate(snapshot)
        store._pause(6)
    assert pauses[0] == pauses[1]  # what the hook is for

    for _ in range(2):
        random.setstate(snapshot)
        copy()
        store._pause(6)
    assert len(set(pauses)) == 3


def test_two_copies_of_a_snapshot_name_their_mails_differently(copy: Copy, monkeypatch: Any):
    monkeypatch.setattr("email.utils.time.time", lambda: 0)  # copies may send at the same moment
    mail = samples.render_sample("sign_in", "en", to="ada@example.com")
    snapshot = random.getstate()
    names = []
    for _ in range(2):
        random.setstate(snapshot)
        copy()
        names.append(send.message_of(mail, settings.Sender.load()).message["message-id"])
    assert names[0] != names[1]


def test_ids_and_seeds_need_no_new_seed():
    snapshot = random.getstate()
    made = []
    for _ in range(2):
        random.setstate(snapshot)
        made.append({ids.new_id(), ids.new_seed(), ids.new_mac_key()})
    assert not made[0] & made[1]


def test_a_copy_adds_randomness_to_tls(copy: Copy, monkeypatch: pytest.MonkeyPatch):
    added: list[tuple[bytes, float]] = []
    monkeypatch.setattr(ssl, "RAND_add", lambda data, entropy: added.append((data, entropy)))
    copy()
    copy()
    assert [(len(data), entropy) for data, entropy in added] == [(64, 64.0)] * 2
    assert added[0] != added[1]


def test_the_first_request_of_a_copy_is_a_cold_start(
    copy: Copy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(powertools, "is_cold_start", True)
    handler = http.entry("test", lambda body, caller: None, Nothing)

    def cold() -> bool:
        handler({}, CONTEXT)
        lines = map(json.loads, capsys.readouterr().out.splitlines())
        return next(bool(line["cold_start"]) for line in lines if "cold_start" in line)

    assert [cold(), cold()] == [True, False]
    copy()
    assert [cold(), cold()] == [True, False]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(
    authority: Authority, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[MailServer]:
    """Return the mail server that is set up."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    secret = boto3.client("secretsmanager").create_secret(Name="snapshot", SecretString=PASSWORD)
    password.forget()
    with MailServer(authority) as running:
        configure(
            mail_transport="smtp",
            smtp_host=running.host,
            smtp_port=running.port,
            smtp_security=running.security,
            smtp_user=USER,
            smtp_secret_arn=secret["ARN"],
        )
        yield running
        send.forget()
    boto3.client("secretsmanager").delete_secret(
        SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True
    )


def mail_somebody() -> None:
    send.send(samples.render_sample("sign_in", "en", to="ada@example.com"))


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
class TestMail:
    """What send_mail keeps between mails."""

    def test_no_smtp_connection_outlives_a_snapshot(self, server: MailServer, copy: Copy):
        mail_somebody()
        mail_somebody()
        assert server.connections == 1
        copy()
        mail_somebody()
        assert server.connections == 2
        assert len(server.received) == 3

    def test_a_copy_tries_a_server_that_was_down_at_once(self, server: MailServer, copy: Copy):
        server.down()
        with pytest.raises(transport.TryLater):
            mail_somebody()
        server.up()
        with pytest.raises(transport.TryLater):
            mail_somebody()  # what is not copied waits for DOWN_SECONDS
        copy()
        mail_somebody()
        assert len(server.received) == 1

    def test_a_copy_reads_the_smtp_password_again(self, server: MailServer, copy: Copy):
        mail_somebody()
        arn = send.transports()[0].sender.smtp_secret_arn
        boto3.client("secretsmanager").put_secret_value(SecretId=arn, SecretString="another")
        assert password.read(arn) == PASSWORD
        copy()
        assert password.read(arn) == "another"


def test_a_function_without_mail_makes_no_transport_to_forget(copy: Copy):
    send.transports.cache_clear()
    runtime.run_before_snapshot()
    assert send.transports.cache_info().misses == 0
