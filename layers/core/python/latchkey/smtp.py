"""SMTP (RFC 5321): one connection, kept open between mails and between invocations.

Certificate and host name are verified against the machine's authorities, or those of SSL_CERT_FILE.
"""

import base64
import contextlib
import functools
import ipaddress
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from email.policy import SMTP, SMTPUTF8
from typing import Any, NamedTuple

from latchkey import aws, settings
from latchkey.senders import Mail, NotSent, Step, TryLater, Undeliverable, WrongSender

# A mail has 25 s: RFC 5321, section 4.5.3.2, allows a server minutes, but a reader waits for a
# code, and two senders must fit into an invocation (functions/send_mail). No step may take
# longer than 10 s, but for the last, after which a server has often already accepted the mail.
MAIL_SECONDS = 25
STEP_SECONDS = 10
CONNECT_SECONDS = 5
# A server that could not be reached is left alone for so long, so that the next mails of a batch
# do not wait for it one by one.
DOWN_SECONDS = 5
# A connection that was idle for longer is asked whether it still lives.
IDLE_SECONDS = 5


class Server(NamedTuple):
    """Where a server listens, and how."""

    host: str
    port: int
    security: str


# As the providers document them (docs/mail.md); QQ and Gmail also offer STARTTLS on 587.
PRESETS = {
    "qq": Server("smtp.qq.com", 465, "SSL"),
    "exmail": Server("smtp.exmail.qq.com", 465, "SSL"),
    "163": Server("smtp.163.com", 465, "SSL"),
    "gmail": Server("smtp.gmail.com", 465, "SSL"),
}


class SmtpSender:
    """Sends over one connection at a time."""

    def __init__(self, sender: settings.Sender) -> None:
        self._sender = sender
        self.server = PRESETS.get(sender.smtp_provider) or Server(
            sender.smtp_host, sender.smtp_port, sender.smtp_security
        )
        self.name = f"smtp {self.server.host}:{self.server.port} {self.server.security}"
        self._connection: _Connection | None = None
        self._used_at = 0.0
        self._down: tuple[float, NotSent] | None = None

    def send(self, mail: Mail) -> str:
        """Send over the open connection, or over a new one if its server has closed it."""
        deadline = time.monotonic() + MAIL_SECONDS
        kept = self._kept(deadline)
        if kept is not None:
            try:
                return self._hand_over(kept, mail)
            except _Closed:
                self.close()  # It was closed while nobody looked: that says nothing of the mail.
            except NotSent as fault:
                if fault.cause != "closing":  # 421: its server has had enough of it.
                    raise
        try:
            return self._hand_over(self._open(deadline), mail)
        except _Closed as closed:
            self.close()
            reply = "the server closed the connection"
            raise TryLater(closed.step, "disconnected", reply=reply) from closed

    def close(self) -> None:
        """Drop the connection without a word: its server may not be listening."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _kept(self, deadline: float) -> "_Connection | None":
        connection = self._connection
        if connection is None:
            return None
        connection.deadline = deadline
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            try:
                alive = connection.noop()[0] == 250
            except (smtplib.SMTPException, OSError):
                alive = False
            if not alive:
                self.close()
        return self._connection

    def _open(self, deadline: float) -> "_Connection":
        if self._down is not None and time.monotonic() < self._down[0]:
            raise self._down[1].with_traceback(None)
        try:
            connection = self._connect(deadline)
        except NotSent as fault:
            self._down = (time.monotonic() + DOWN_SECONDS, fault)
            raise
        self._down = None
        self._connection = connection
        return connection

    def _connect(self, deadline: float) -> "_Connection":
        self._check()
        connection = _Connection(self.server, deadline)
        step: Step = "name look-up"
        try:
            addresses = socket.getaddrinfo(
                self.server.host, self.server.port, type=socket.SOCK_STREAM
            )
            step = "connection"
            connection.open(addresses)
            if self.server.security == "SSL":
                step = "TLS"
                connection.wrap()
                step = "connection"
            connection.greet()
            if self.server.security == "STARTTLS":
                step = "TLS"
                connection.starttls(context=ssl.create_default_context())
                connection.ehlo_or_helo_if_needed()
            if self._sender.smtp_user:
                step = "login"
                connection.login(self._sender.smtp_user, self._password())
        except (smtplib.SMTPException, OSError, ValueError) as error:
            connection.close()
            raise self._fault(step, error) from error
        return connection

    def _check(self) -> None:
        """Refuse a configuration that cannot work, before anything is sent anywhere."""
        if not self.server.host:
            raise WrongSender("configuration", "configuration", reply="no SMTP host is given")
        if self.server.security == "NONE" and not _is_loopback(self.server.host):
            raise WrongSender(
                "configuration", "configuration", reply="SMTP without TLS is for tests on loopback"
            )
        if self._sender.smtp_user and not self._sender.smtp_secret_arn:
            raise WrongSender(
                "configuration", "configuration", reply="a user name without a password"
            )

    def _hand_over(self, connection: "_Connection", mail: Mail) -> str:
        """Send one mail: MAIL, RCPT, DATA. Raises NotSent, or _Closed if the server is gone."""
        unicode = not mail.to.isascii()
        if unicode and not connection.has_extn("smtputf8"):
            raise Undeliverable(
                "recipient",
                "no-smtputf8",
                reply="the server does not take internationalised addresses (SMTPUTF8)",
            )
        options = ["SMTPUTF8", "BODY=8BITMIME"] if unicode else []
        data = mail.message.as_bytes(policy=SMTPUTF8 if unicode else SMTP)
        step: Step = "sender"
        try:
            self._expect(step, *connection.mail(self._sender.sender_address, options))
            step = "recipient"
            self._expect(step, *connection.rcpt(mail.to))
            step = "message"
            code, reply = connection.hand_over(data)
            self._expect(step, code, reply)
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            if isinstance(_root(error), smtplib.SMTPServerDisconnected | ConnectionError):
                raise _Closed(step) from error
            raise self._fault(step, error) from error
        self._used_at = time.monotonic()
        return self._readable(code, reply)

    def _expect(self, step: Step, code: int, reply: bytes) -> None:
        if not 200 <= code <= 299:
            raise self._refused(step, code, reply)

    def _refused(self, step: Step, code: int, reply: bytes | str) -> NotSent:
        """Say what a refusal means, and have the connection ready for the next mail."""
        fault = classify(step, code, self._readable(code, reply))
        self._used_at = time.monotonic()
        if code == 421:  # "closing transmission channel"
            self.close()
        elif self._connection is not None:
            try:
                self._connection.rset()
            except (smtplib.SMTPException, OSError):
                self.close()
        return fault

    def _fault(self, step: Step, error: Exception) -> NotSent:
        """Say what an exception of smtplib, ssl or the socket means."""
        text = self._clean(str(error))
        if step == "login":
            _secret.cache_clear()  # An operator may have put a new one into the store.
        match _root(error):
            case smtplib.SMTPResponseException() as refusal:
                code, reply = refusal.smtp_code, refusal.smtp_error
                return classify(step, code, self._readable(code, reply))
            case ssl.SSLCertVerificationError() as refusal:
                return WrongSender("certificate", "certificate", reply=refusal.verify_message)
            case ssl.SSLError() as refusal:
                return WrongSender("TLS", "tls", reply=refusal.reason or text)
            case socket.gaierror() as refusal:
                # EAI_AGAIN: no resolver has answered. Else there is no such name.
                kind = TryLater if refusal.errno == socket.EAI_AGAIN else WrongSender
                return kind("name look-up", "name", reply=text)
            case TimeoutError():
                waits = step == "connection" and self.server.security == "STARTTLS"
                return TryLater(step, "timeout", reply=_SILENCE if waits else _LATE)
            case smtplib.SMTPServerDisconnected():
                return TryLater(step, "disconnected", reply=text)
            case smtplib.SMTPException():  # The server offers no STARTTLS, or no login of a kind.
                cause = "no-starttls" if step == "TLS" else "no-login"
                return WrongSender(step, cause, reply=text)
            case UnicodeError():
                return WrongSender(step, "configuration", reply="not in ASCII")
            case _:
                return TryLater(step, "connection", reply=text)

    def _readable(self, code: int, reply: bytes | str) -> str:
        text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
        return self._clean(f"{code} {text}")

    def _clean(self, text: str) -> str:
        """One line, without the password in any form in which it was sent."""
        if self._sender.smtp_user and self._sender.smtp_secret_arn:
            with contextlib.suppress(NotSent):
                password = self._password()
                user = self._sender.smtp_user
                for secret in (
                    password,
                    base64.b64encode(password.encode()).decode(),
                    base64.b64encode(f"\0{user}\0{password}".encode()).decode(),
                ):
                    text = text.replace(secret, "***") if secret else text
        return " ".join(text.split())[:500]

    def _password(self) -> str:
        return _secret(self._sender.smtp_secret_arn)


# What a reply means (RFC 5321, section 4.2; enhanced codes: RFC 3463).
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_LOGIN_CODES = {530, 534, 535, 538}


def classify(step: Step, code: int, reply: str) -> NotSent:
    """Say what a refusal at a step means: who is to blame, and whether a retry may help."""
    status = str(code)
    found = _ENHANCED.search(reply)
    subject = f"{found[2]}.{found[3]}" if found else ""
    if code == 421:
        return TryLater(step, "closing", status=status, reply=reply)
    if code in _LOGIN_CODES:
        return WrongSender("login", "login", status=status, reply=reply)
    if code < 500:
        # A server's own trouble, or greylisting, which only the same sender gets past.
        cause = "busy" if step in ("connection", "TLS", "login", "sender") else "deferred"
        return TryLater(step, cause, status=status, reply=reply, elsewhere=cause == "busy")
    if step == "recipient":
        if subject.startswith("7."):
            # "Delivery not authorized": the recipient's server objects to who sends.
            return Undeliverable(step, "policy", status=status, reply=reply)
        gone = subject in _NO_MAILBOX or (not subject and code in {550, 551, 553})
        cause = "no-mailbox" if gone else "refused"
        return Undeliverable(step, cause, status=status, reply=reply, no_mailbox=gone)
    if step == "message":
        return Undeliverable(step, "message-refused", status=status, reply=reply)
    cause = {"login": "login", "sender": "sender"}.get(step, "refused-us")
    return WrongSender(step, cause, status=status, reply=reply)


# RFC 3463: bad mailbox, bad system, bad syntax, moved, bad domain syntax (RFC 7505: null MX);
# mailbox disabled.
_NO_MAILBOX = {"1.0", "1.1", "1.2", "1.3", "1.6", "1.10", "2.1"}
_LATE = "the server did not answer in time"
# A server that waits for TLS to begin says nothing to a client that waits for its greeting.
_SILENCE = f"{_LATE}: does this port speak TLS from the first byte (SSL)?"


class _Closed(Exception):
    """The server has closed the connection."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.step: Step = step


def _root(error: Exception) -> BaseException:
    """Smtplib calls a time-out and a failure of TLS a disconnection as well: say which it was."""
    cause = error.__context__
    hidden = isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(
        cause, TimeoutError | ssl.SSLError
    )
    # A server that ends a TLS connection without a farewell has only disconnected.
    ended = isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    return cause if cause is not None and hidden and not ended else error


class _Connection(smtplib.SMTP):
    """smtplib's client in steps of our own, each with a deadline."""

    def __init__(self, server: Server, deadline: float) -> None:
        # A client without a host name names an address (RFC 5321, section 4.1.4): a container's
        # own name is nobody's business, and looking it up takes time.
        super().__init__(local_hostname="[127.0.0.1]")
        self._host = server.host  # smtplib checks the certificate against it after STARTTLS.
        self.deadline = deadline

    def open(self, addresses: Sequence[tuple[Any, ...]]) -> None:
        """Connect to the first address that accepts."""
        last: OSError = ConnectionError("no address")
        for family, kind, protocol, _, place in addresses:
            candidate = socket.socket(family, kind, protocol)
            try:
                candidate.settimeout(self._left(CONNECT_SECONDS))
                candidate.connect(place)
            except OSError as error:
                candidate.close()
                last = error
            else:
                self.sock = candidate
                return
        raise last

    def wrap(self) -> None:
        """Begin TLS before the first word (implicit TLS)."""
        self._wait_at_most(CONNECT_SECONDS)
        context = ssl.create_default_context()
        self.sock = context.wrap_socket(self.sock, server_hostname=self._host)  # type: ignore[arg-type]

    def greet(self) -> None:
        """Read the greeting, and say EHLO."""
        code, reply = self.getreply()
        if code != 220:
            raise smtplib.SMTPConnectError(code, reply)
        self.ehlo_or_helo_if_needed()

    def getreply(self) -> tuple[int, bytes]:
        """Wait for a reply no longer than the step or the mail may take."""
        self._wait_at_most(STEP_SECONDS)
        return super().getreply()

    def hand_over(self, data: bytes) -> tuple[int, bytes]:
        """Send the message; after its last line the server has all the time that is left."""
        code, reply = self.docmd("data")
        if code != 354:
            return code, reply
        # A line that begins with a dot gets another one (RFC 5321, section 4.5.2).
        self.send(re.sub(rb"(?m)^\.", b"..", data).rstrip(b"\r\n") + b"\r\n.\r\n")
        self._wait_at_most(MAIL_SECONDS)
        return super().getreply()

    def _wait_at_most(self, seconds: float) -> None:
        if self.sock is not None:
            self.sock.settimeout(self._left(seconds))

    def _left(self, most: float) -> float:
        return max(0.1, min(most, self.deadline - time.monotonic()))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@functools.cache
def _secret(arn: str) -> str:
    try:
        return aws.secrets().get_secret_value(SecretId=arn)["SecretString"]
    except aws.FAULTS as error:
        raise TryLater("configuration", "secret", reply="the password could not be read") from error
