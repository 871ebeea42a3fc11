"""The SMTP sender, over real TLS, against servers that misbehave on command."""

import functools
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from latchkey import settings
from latchkey.mail import samples, send, transport
from latchkey.mail.smtp import connection
from latchkey.mail.smtp import transport as smtp_transport
from latchkey.mail.smtp.transport import SmtpTransport
from tests.smtp_server import PASSWORD, USER, Authority, MailServer, SelfSigned

pytestmark = [
    # The test server's own: it does not know that its connections use TLS from their start,
    # and leaves those open that a test breaks.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

_count = itertools.count()
Use = Callable[..., SmtpTransport]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: Authority) -> Iterator[MailServer]:
    with MailServer(authority) as running:
        yield running


@pytest.fixture
def use(
    authority: Authority, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Use]:
    """Return a function that makes the sender for a server, with changes."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    monkeypatch.setattr(connection, "STEP_SECONDS", 0.5)
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.5)
    made: list[SmtpTransport] = []
    opened: list[connection.Connection] = []

    class Watched(connection.Connection):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            opened.append(self)

    monkeypatch.setattr(smtp_transport, "Connection", Watched)

    def make(server: MailServer, password: str = PASSWORD, **changes: object) -> SmtpTransport:
        secret = boto3.client("secretsmanager").create_secret(
            Name=f"smtp-{next(_count)}", SecretString=password
        )
        variables = {
            "mail_transport": "smtp",
            "smtp_host": server.host,
            "smtp_port": server.port,
            "smtp_security": server.security,
            "smtp_user": USER,
            "smtp_secret_arn": secret["ARN"],
        }
        configure(**variables | changes)
        made.append(SmtpTransport(settings.Sender.load()))
        return made[-1]

    yield make
    for sender in made:
        sender.close()
    assert [each for each in opened if each.sock is not None] == [], "all are closed"


def mail(to: str = "ada@example.com", **changes: str) -> transport.OutgoingMail:
    letter = samples.render_sample("sign_in", "zh-CN", to=to)
    return send.message_of(letter, settings.Sender.load())


def fault(sender: SmtpTransport, to: str = "ada@example.com") -> transport.NotSent:
    with pytest.raises(transport.NotSent) as caught:
        sender.send(mail(to))
    return caught.value


@pytest.mark.parametrize(
    "stored",
    [PASSWORD + "\n", PASSWORD + "\r\n", json.dumps({"username": "x", "password": PASSWORD})],
)
def test_a_secret_is_read_as_people_make_it(authority: Authority, use: Use, stored: str):
    """A terminal and a file end a line; AWS's console makes JSON of keys and values."""
    with MailServer(authority) as server:
        assert use(server, stored).send(mail()) == "250 2.0.0 accepted"


@pytest.mark.parametrize("stored", ["\n", json.dumps({"password": ""})])
def test_a_secret_without_a_password_is_told(authority: Authority, use: Use, stored: str):
    with MailServer(authority) as server:
        found = fault(use(server, stored))
    assert (found.cause, found.reply) == ("secret", "the secret has no password")


@pytest.mark.parametrize("security", ["STARTTLS", "SSL", "NONE"])
def test_a_mail_arrives_whole(authority: Authority, use: Use, security: str):
    with MailServer(authority, security) as server:
        sender = use(server, **({"smtp_user": ""} if security == "NONE" else {}))
        assert sender.send(mail()) == "250 2.0.0 accepted"
        sender.close()
    [received] = server.received
    message = received.message
    assert received.sender == "login@example.com"
    assert message["subject"] == "012345 是您的 Latchkey 登录验证码"
    assert message["auto-submitted"] == "auto-generated"
    assert message["date"]
    assert message["message-id"].endswith("@example.com>")
    assert message["list-unsubscribe"] is None
    assert received.code == "012345"
    html = message.get_body(("html",))
    assert html is not None
    assert "012345" in html.get_content()


@pytest.mark.parametrize("security", ["STARTTLS", "SSL"])
def test_the_next_mail_goes_over_the_same_connection(authority: Authority, use: Use, security: str):
    with MailServer(authority, security) as server:
        sender = use(server)
        for _ in range(5):
            sender.send(mail())
        assert len(server.received) == 5
        assert server.connections == 1


def test_a_broken_connection_is_replaced_without_losing_a_mail(server: MailServer, use: Use):
    sender = use(server)
    sender.send(mail())
    server.down()
    server.up()
    sender.send(mail())
    assert len(server.received) == 2
    assert server.connections == 2


def test_an_idle_connection_is_asked_first(
    server: MailServer, use: Use, monkeypatch: pytest.MonkeyPatch
):
    sender = use(server)
    sender.send(mail())
    monkeypatch.setattr(smtp_transport, "IDLE_SECONDS", 0)
    sender.send(mail())
    server.down()
    server.up()
    sender.send(mail())
    assert (len(server.received), server.connections) == (3, 2)


def test_a_refused_mail_leaves_the_connection_for_the_next(server: MailServer, use: Use):
    sender = use(server)
    for to in ("rcpt-550-5.1.1-a@example.com", "data-554-a@example.com", "rcpt-450--a@example.com"):
        fault(sender, to)
    sender.send(mail())
    assert (len(server.received), server.connections) == (1, 1)


# To whom, and what comes of it: who is to blame, at which step, and a word for it.
RECIPIENTS = [
    ("rcpt-421-4.3.2", "moment", "recipient", "closing"),
    ("rcpt-450-4.2.0", "moment", "recipient", "deferred"),
    ("rcpt-451-4.7.1", "moment", "recipient", "deferred"),
    ("rcpt-452-4.2.2", "moment", "recipient", "deferred"),
    ("data-451", "moment", "message", "deferred"),
    ("data-452", "moment", "message", "deferred"),
    ("drop-rcpt", "moment", "recipient", "disconnected"),
    ("drop-data", "moment", "message", "disconnected"),
    ("rcpt-550-5.1.1", "recipient", "recipient", "no-mailbox"),
    ("rcpt-550", "recipient", "recipient", "no-mailbox"),
    ("rcpt-551", "recipient", "recipient", "no-mailbox"),
    ("rcpt-553-5.1.3", "recipient", "recipient", "no-mailbox"),
    ("rcpt-554", "recipient", "recipient", "refused"),
    ("rcpt-552-5.2.2", "recipient", "recipient", "refused"),
    ("rcpt-550-5.7.1", "recipient", "recipient", "policy"),
    ("rcpt-530-5.7.0", "sender", "login", "login"),
    ("data-550", "recipient", "message", "message-refused"),
    ("data-554", "recipient", "message", "message-refused"),
]


@pytest.mark.parametrize(("name", "blame", "step", "cause"), RECIPIENTS)
def test_a_fault_of_one_mail(
    server: MailServer, use: Use, name: str, blame: str, step: str, cause: str
):
    found = fault(use(server), f"{name}-ada@example.com")
    assert (found.blame, found.step, found.cause) == (blame, step, cause)
    assert server.received == []


SERVERS = [
    ({"greeting": "421 4.3.2 busy"}, "moment", "connection", "closing"),
    ({"greeting": "554 5.7.1 blocked"}, "sender", "connection", "refused-us"),
    ({"starttls": "454 4.7.0 no TLS now"}, "moment", "TLS", "busy"),
    ({"login": "535 5.7.8 wrong"}, "sender", "login", "login"),
    ({"login": "534 5.7.9 app password needed"}, "sender", "login", "login"),
    ({"login": "454 4.7.0 later"}, "moment", "login", "busy"),
    ({"mail": "421 4.4.5 too busy"}, "moment", "sender", "closing"),
    ({"mail": "451 4.3.0 local error"}, "moment", "sender", "busy"),
    ({"mail": "452 4.3.1 no space"}, "moment", "sender", "busy"),
    ({"mail": "550 5.7.1 not yours"}, "sender", "sender", "sender"),
    ({"mail": "553 5.7.1 not owned by user"}, "sender", "sender", "sender"),
]


@pytest.mark.parametrize(("misbehaviour", "blame", "step", "cause"), SERVERS)
def test_a_fault_of_the_server_or_of_our_account(
    server: MailServer, use: Use, misbehaviour: dict[str, str], blame: str, step: str, cause: str
):
    for name, reply in misbehaviour.items():
        setattr(server, name, reply)
    found = fault(use(server))
    assert (found.blame, found.step, found.cause) == (blame, step, cause)


def test_a_wrong_password_is_not_told(server: MailServer, use: Use):
    server.login = "535 5.7.8 wrong: not-the-password"
    found = fault(use(server, password="not-the-password"))
    assert found.reply == "535 5.7.8 wrong: ***"


def test_an_empty_password_is_refused_before_anything_is_sent(server: MailServer, use: Use):
    found = fault(use(server, smtp_secret_arn=""))
    assert (found.step, found.blame) == ("configuration", "sender")
    assert server.connections == 0


def test_mail_without_tls_leaves_no_machine(authority: Authority, use: Use):
    server = MailServer(authority, "NONE", host="192.0.2.1")
    assert fault(use(server)).cause == "configuration"


@pytest.mark.parametrize("security", ["STARTTLS", "SSL"])
def test_a_self_signed_certificate_is_refused(tmp_path: Path, use: Use, security: str):
    with MailServer(SelfSigned(tmp_path), security) as server:
        found = fault(use(server))
    assert (found.blame, found.step) == ("sender", "certificate")
    assert not server.received


@pytest.mark.parametrize("security", ["STARTTLS", "SSL"])
def test_a_certificate_of_another_host_is_refused(authority: Authority, use: Use, security: str):
    with MailServer(authority, security, certificate_for=("other.example",)) as server:
        found = fault(use(server))
    assert (found.blame, found.step) == ("sender", "certificate")


def test_tls_spoken_to_a_starttls_port_names_the_step(authority: Authority, use: Use):
    with MailServer(authority, "STARTTLS") as server:
        found = fault(use(server, smtp_security="SSL"))
    assert (found.blame, found.step, found.cause) == ("sender", "TLS", "tls")


def test_starttls_spoken_to_a_tls_port_names_the_remedy(authority: Authority, use: Use):
    with MailServer(authority, "SSL") as server:
        found = fault(use(server, smtp_security="STARTTLS"))
    assert (found.step, found.cause) == ("connection", "timeout")
    assert "TLS from the first byte" in found.reply


def test_a_server_without_starttls_is_refused(authority: Authority, use: Use):
    with MailServer(authority, "NONE") as server:
        found = fault(use(server, smtp_security="STARTTLS"))
    assert (found.blame, found.cause) == ("sender", "no-starttls")


def test_a_closed_port_is_a_fault_of_the_moment(authority: Authority, use: Use):
    found = fault(use(MailServer(authority)))
    assert (found.blame, found.step, found.cause) == ("moment", "connection", "connection")


def test_a_host_that_is_none_is_our_fault_and_a_silent_resolver_is_not(
    authority: Authority, use: Use, monkeypatch: pytest.MonkeyPatch
):
    def fail(number: int, *_: object, **__: object) -> None:
        raise socket.gaierror(number, "no answer")

    for number, blame in ((socket.EAI_NONAME, "sender"), (socket.EAI_AGAIN, "moment")):
        sender = use(MailServer(authority))
        monkeypatch.setattr(socket, "getaddrinfo", functools.partial(fail, number))
        found = fault(sender)
        assert (found.blame, found.step, found.cause) == (blame, "name look-up", "name")


def test_a_server_that_accepts_slowly_has_accepted(server: MailServer, use: Use):
    sender = use(server)
    sender.send(mail("slow-1.5-ada@example.com"))  # three times as long as another step may take
    assert len(server.received) == 1


def test_a_server_that_never_accepts_is_left(
    server: MailServer, use: Use, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connection, "MAIL_SECONDS", 0.4)
    found = fault(use(server), "slow-1-ada@example.com")
    assert (found.blame, found.step, found.cause) == ("moment", "message", "timeout")


def test_a_silent_server_is_left_after_the_time_of_a_step(authority: Authority, use: Use):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = MailServer(authority, port=silent.getsockname()[1])
        assert fault(use(server)).cause == "timeout"


def test_a_server_that_is_down_is_not_asked_for_each_mail(
    authority: Authority, use: Use, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                asked.append(1)
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        sender = use(MailServer(authority, port=listener.getsockname()[1]))
        for _ in range(5):
            assert fault(sender).cause == "disconnected"
        assert len(asked) == 1
        monkeypatch.setattr(smtp_transport, "DOWN_SECONDS", 0)
        sender._down = None
        fault(sender)
        assert len(asked) == 2
        listener.shutdown(socket.SHUT_RDWR)


def test_an_internationalised_address_goes_out_as_it_is(server: MailServer, use: Use):
    use(server).send(mail("用户@xn--fsqu00a.example"))
    [received] = server.received
    assert received.to == "用户@xn--fsqu00a.example"
    assert str(received.message["to"]) == "用户@xn--fsqu00a.example"


def test_an_internationalised_address_is_refused_clearly_where_the_server_knows_none(
    authority: Authority, use: Use
):
    with MailServer(authority, smtputf8=False) as server:
        sender = use(server)
        found = fault(sender, "用户@example.com")
        assert (found.blame, found.cause) == ("recipient", "no-smtputf8")
        assert "SMTPUTF8" in found.reply
        sender.send(mail())  # and the connection is fit for the next


def test_presets_are_what_their_providers_document():
    assert smtp_transport.PRESETS["qq"] == ("smtp.qq.com", 465, "SSL")
    assert smtp_transport.PRESETS["exmail"] == ("smtp.exmail.qq.com", 465, "SSL")
    assert smtp_transport.PRESETS["163"] == ("smtp.163.com", 465, "SSL")
    assert smtp_transport.PRESETS["gmail"] == ("smtp.gmail.com", 465, "SSL")
    chosen = settings.Sender(smtp_provider="gmail", smtp_host="ignored", smtp_security="STARTTLS")
    assert SmtpTransport(chosen).server.host == "smtp.gmail.com"
