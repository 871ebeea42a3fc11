"""The sender against real mail servers under real TLS; the inbox is the local stack's."""

import itertools
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from latchkey import aws, letters, postman
from local.inbox import PASSWORD, USER, Inbox

pytestmark = [
    # The test server's own: it does not know that its connections are under TLS from their start,
    # and leaves those open that a test breaks.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

_count = itertools.count()
LETTER = letters.Letter("ada@example.com", "123456 – 验证码", "123456\n", "<p>123456</p>\n")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """An inbox and its ports."""

    def __init__(self, folder: Path) -> None:
        self.starttls, self.tls = free_port(), free_port()
        self.inbox = Inbox(folder, lambda _: None)
        self.inbox.start(web_port=free_port(), smtp_port=self.starttls, smtps_port=self.tls)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("tls"))
    yield running
    running.inbox.stop()


@pytest.fixture
def use(
    server: Server, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """Set the sender up for the server, with changes."""
    server.inbox.mails.clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(server.inbox.authority))

    def set_up(password: str = PASSWORD, **changes: object) -> None:
        name = f"smtp-{next(_count)}"
        secret = boto3.client("secretsmanager").create_secret(Name=name, SecretString=password)
        postman._password.cache_clear()
        variables: dict[str, Any] = {
            "mail_transport": "smtp",
            "smtp_host": "127.0.0.1",
            "smtp_port": server.starttls,
            "smtp_security": "STARTTLS",
            "smtp_user": USER,
            "smtp_secret_arn": secret["ARN"],
        }
        configure(**variables | changes)

    postman.close()
    yield set_up
    postman.close()


@pytest.mark.parametrize("security", ["STARTTLS", "SSL"])
def test_a_letter_arrives_under_tls(server: Server, use: Callable[..., None], security: str):
    port = server.tls if security == "SSL" else server.starttls
    use(smtp_security=security, smtp_port=port)
    postman.send(LETTER)
    [mail] = server.inbox.mails
    assert (mail.to, mail.subject) == (LETTER.to, LETTER.subject)
    assert (mail.text.split(), mail.html.split()) == (LETTER.text.split(), LETTER.html.split())


def test_the_next_letter_goes_over_the_same_connection(server: Server, use: Callable[..., None]):
    use()
    postman.send(LETTER)
    first = postman._connection
    postman.send(LETTER)
    assert postman._connection is first
    assert len(server.inbox.mails) == 2


def test_a_broken_connection_is_replaced_and_loses_nothing(
    server: Server, use: Callable[..., None]
):
    use()
    postman.send(LETTER)
    assert postman._connection is not None
    assert postman._connection.sock is not None
    postman._connection.sock.shutdown(socket.SHUT_RDWR)
    postman.send(LETTER)
    assert len(server.inbox.mails) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "wrong"},
        {"smtp_host": "localhost.example.invalid"},
        {"smtp_port": 1},
    ],
)
def test_what_is_wrong_with_the_sender_is_tried_again(
    server: Server, use: Callable[..., None], changes: dict[str, Any]
):
    use(**changes)
    with pytest.raises(postman.TryLater):
        postman.send(LETTER)
    assert not server.inbox.mails


@pytest.mark.parametrize("security", ["STARTTLS", "SSL"])
def test_a_certificate_of_an_unknown_authority_is_refused(
    server: Server, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch, security: str
):
    port = server.tls if security == "SSL" else server.starttls
    use(smtp_security=security, smtp_port=port)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(postman.TryLater, match="SSLCertVerificationError"):
        postman.send(LETTER)


def test_a_passing_refusal_is_tried_again_and_a_final_one_not(
    server: Server, use: Callable[..., None]
):
    use()
    with pytest.raises(postman.TryLater, match="451"):
        postman.send(letters.Letter("tempfail@example.com", "s", "t", "h"))
    with pytest.raises(postman.Undeliverable, match="550"):
        postman.send(letters.Letter("permfail@example.com", "s", "t", "h"))
    postman.send(LETTER)
    assert len(server.inbox.mails) == 1


def test_ses_gets_the_letter(configure: Callable[..., None]):
    boto3.client("sesv2").create_email_identity(EmailIdentity="login@example.com")
    configure(mail_transport="ses")
    postman.send(LETTER)


def test_an_unknown_sender_is_no_fault_of_the_letter(
    configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    def refuse(**_: object) -> None:
        raise aws.ses().exceptions.MailFromDomainNotVerifiedException(
            {"Error": {"Code": "MailFromDomainNotVerifiedException"}}, "SendEmail"
        )

    monkeypatch.setattr(aws.ses(), "send_email", refuse)
    with pytest.raises(postman.TryLater, match="MailFromDomainNotVerified"):
        postman.send(LETTER)
