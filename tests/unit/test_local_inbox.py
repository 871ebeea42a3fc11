"""The inbox of the local stack, over its real ports."""

import http.client
import json
import smtplib
import socket
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage

import pytest

from local.inbox import PASSWORD, USER, Inbox, Mail

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")  # see Inbox.start


@dataclass
class Running:
    """An inbox that listens, and what it has shown."""

    inbox: Inbox
    shown: list[Mail]
    web: int
    starttls: int
    smtps: int

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}{path}") as answer:
            return str(answer.read().decode())

    def mails(self, to: str = "") -> list[dict[str, str]]:
        mails: list[dict[str, str]] = json.loads(self.get(f"/mails{to and f'?to={to}'}"))
        return mails

    def connect(self) -> smtplib.SMTP:
        smtp = smtplib.SMTP("127.0.0.1", self.starttls, timeout=5)
        smtp.starttls(context=self.tls())
        return smtp

    def connect_tls(self) -> smtplib.SMTP:
        return smtplib.SMTP_SSL("localhost", self.smtps, timeout=5, context=self.tls())

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.inbox.authority)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with socket.socket() as a, socket.socket() as b, socket.socket() as c:
        for each in (a, b, c):
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in (a, b, c)]
    shown: list[Mail] = []
    inbox = Inbox(tmp_path_factory.mktemp("inbox") / "tls", shown.append)
    inbox.start(*ports)
    yield Running(inbox, shown, *ports)
    inbox.stop()


def send(smtp: smtplib.SMTP, to: str, text: str = "a text") -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "login@latchkey.test", to, "Grüße <b>"
    mail.set_content(text)
    mail.add_alternative("<p>html</p><script>alert(1)</script>", subtype="html")
    smtp.send_message(mail)


@pytest.mark.parametrize("connect", [Running.connect, Running.connect_tls])
def test_a_mail_is_kept_and_shown(
    running: Running, connect: Callable[[Running], smtplib.SMTP]
) -> None:
    with connect(running) as smtp:
        smtp.login(USER, PASSWORD)
        send(smtp, "Ann@x.test", "first")
        send(smtp, "ann@x.test", "second")
        send(smtp, "bob@x.test")
    assert [mail["text"] for mail in running.mails("ANN@x.test")[:2]] == ["second\n", "first\n"]
    assert running.mails()[0]["to"] == running.shown[-1].to == "bob@x.test"
    assert running.mails("nobody@x.test") == []
    newest = json.loads(running.get("/mails?to=ann@x.test&limit=1"))
    assert [mail["text"] for mail in newest] == ["second\n"]


def test_the_page_is_served_to_this_machine_alone(running: Running) -> None:
    for path in ("/", "/inbox.js", "/inbox.css"):
        assert running.get(path)
    for host, status in ((f"localhost:{running.web}", 200), ("evil.example.com", 403)):
        connection = http.client.HTTPConnection("127.0.0.1", running.web)
        connection.request("GET", "/mails", headers={"host": host})
        assert connection.getresponse().status == status
        connection.close()


def test_a_recipient_is_refused_by_its_name(running: Running) -> None:
    with running.connect() as smtp:
        smtp.login(USER, PASSWORD)
        for to, code in (("tempfail@x.test", 451), ("permfail-2@x.test", 550)):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                send(smtp, to)
            assert refused.value.recipients[to][0] == code


@pytest.mark.parametrize("connect", [Running.connect, Running.connect_tls])
def test_nothing_is_taken_without_a_login(
    running: Running, connect: Callable[[Running], smtplib.SMTP]
) -> None:
    with connect(running) as smtp:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(USER, "wrong")
        with pytest.raises(smtplib.SMTPResponseException, match="Authentication required"):
            send(smtp, "ann@x.test")


def test_nothing_is_taken_without_tls(running: Running) -> None:
    with smtplib.SMTP("127.0.0.1", running.starttls, timeout=5) as smtp:
        assert smtp.mail("login@latchkey.test")[0] == 530


def test_a_client_that_does_not_know_the_authority_refuses(running: Running) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        smtplib.SMTP_SSL(
            "127.0.0.1", running.smtps, timeout=5, context=ssl.create_default_context()
        )
