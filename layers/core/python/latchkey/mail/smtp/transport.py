"""Send through SMTP, over one connection that is kept open between mails and invocations.

The server's certificate and host name are verified against the authorities of the machine, or of
SSL_CERT_FILE.
"""

import ipaddress
import smtplib
import socket
import ssl
import time
from email.policy import SMTP, SMTPUTF8

from latchkey import settings
from latchkey.mail.smtp import password
from latchkey.mail.smtp.connection import Closed, Connection, Server, new_deadline, root_cause
from latchkey.mail.smtp.replies import LATE, SILENCE, classify
from latchkey.mail.transport import (
    NotSent,
    OutgoingMail,
    Step,
    TryLater,
    Undeliverable,
    WrongSender,
)

# A server that could not be reached is not tried again for this long, so that the next mails of a
# batch do not wait for it one by one.
DOWN_SECONDS = 5
# A connection that was idle for longer is checked before it is used.
IDLE_SECONDS = 5

# As the providers document them (docs/mail.md); QQ and Gmail also offer STARTTLS on 587.
PRESETS = {
    "qq": Server("smtp.qq.com", 465, "SSL"),
    "exmail": Server("smtp.exmail.qq.com", 465, "SSL"),
    "163": Server("smtp.163.com", 465, "SSL"),
    "gmail": Server("smtp.gmail.com", 465, "SSL"),
}


class SmtpTransport:
    """Sends over one connection at a time."""

    def __init__(self, sender: settings.Sender) -> None:
        self.sender = sender
        self.server = PRESETS.get(sender.smtp_provider) or Server(
            sender.smtp_host, sender.smtp_port, sender.smtp_security
        )
        self.name = f"smtp {self.server.host}:{self.server.port} {self.server.security}"
        self._connection: Connection | None = None
        self._used_at = 0.0
        self._down: tuple[float, NotSent] | None = None

    def send(self, mail: OutgoingMail) -> str:
        """Send over the open connection, or over a new one if its server has closed it."""
        deadline = new_deadline()
        kept = self._kept(deadline)
        if kept is not None:
            try:
                return self._hand_over(kept, mail)
            except Closed:
                self.close()  # It was closed while it was idle: the mail is not the reason.
            except NotSent as fault:
                if fault.cause != "closing":  # 421: the server ends this connection only.
                    raise
        try:
            return self._hand_over(self._open(deadline), mail)
        except Closed as closed:
            self.close()
            reply = "the server closed the connection"
            raise TryLater(closed.step, "disconnected", reply=reply) from closed

    def close(self) -> None:
        """Drop the connection without QUIT: the server may no longer listen."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def forget(self) -> None:
        """Drop the connection, and the password with which the next one logs in."""
        self.close()
        password.forget()

    def _kept(self, deadline: float) -> "Connection | None":
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

    def _open(self, deadline: float) -> "Connection":
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

    def _connect(self, deadline: float) -> "Connection":
        self._check()
        connection = Connection(self.server, deadline)
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
            if self.sender.smtp_user:
                step = "login"
                connection.login(self.sender.smtp_user, password.read(self.sender.smtp_secret_arn))
        except NotSent:  # the password cannot be read
            connection.close()
            raise
        except (smtplib.SMTPException, OSError, ValueError) as error:
            connection.close()
            raise self._fault(step, error) from error
        return connection

    def _check(self) -> None:
        """Raise WrongSender for a configuration that cannot work, before anything is sent."""
        if not self.server.host:
            raise WrongSender("configuration", "configuration", reply="no SMTP host is given")
        if self.server.security == "NONE" and not _is_loopback(self.server.host):
            raise WrongSender(
                "configuration", "configuration", reply="SMTP without TLS is for tests on loopback"
            )
        if self.sender.smtp_user and not self.sender.smtp_secret_arn:
            raise WrongSender(
                "configuration", "configuration", reply="a user name without a password"
            )

    def _hand_over(self, connection: "Connection", mail: OutgoingMail) -> str:
        """Send one mail: MAIL, RCPT, DATA. Raises NotSent, or Closed if the server hung up."""
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
            self._expect(step, *connection.mail(self.sender.sender_address, options))
            step = "recipient"
            self._expect(step, *connection.rcpt(mail.to))
            step = "message"
            code, reply = connection.hand_over(data)
            self._expect(step, code, reply)
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            if isinstance(root_cause(error), smtplib.SMTPServerDisconnected | ConnectionError):
                raise Closed(step) from error
            raise self._fault(step, error) from error
        self._used_at = time.monotonic()
        return self._readable(code, reply)

    def _expect(self, step: Step, code: int, reply: bytes) -> None:
        if not 200 <= code <= 299:
            raise self._refused(step, code, reply)

    def _refused(self, step: Step, code: int, reply: bytes | str) -> NotSent:
        """Return what a refusal means, and make the connection ready for the next mail."""
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
        """Return what an exception of smtplib, ssl or the socket means."""
        text = self._clean(str(error))
        if step == "login":
            password.forget()  # An operator may store a new password.
        match root_cause(error):
            case smtplib.SMTPResponseException() as refusal:
                code, reply = refusal.smtp_code, refusal.smtp_error
                return classify(step, code, self._readable(code, reply))
            case ssl.SSLCertVerificationError() as refusal:
                return WrongSender("certificate", "certificate", reply=refusal.verify_message)
            case ssl.SSLError() as refusal:
                return WrongSender("TLS", "tls", reply=refusal.reason or text)
            case socket.gaierror() as refusal:
                # EAI_AGAIN: no resolver has answered. Otherwise there is no such name.
                kind = TryLater if refusal.errno == socket.EAI_AGAIN else WrongSender
                return kind("name look-up", "name", reply=text)
            case TimeoutError():
                waits = step == "connection" and self.server.security == "STARTTLS"
                return TryLater(step, "timeout", reply=SILENCE if waits else LATE)
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
        return password.redact(text, self.sender)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
