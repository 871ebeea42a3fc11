"""A connection to an SMTP server (RFC 5321), with deadlines."""

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from latchkey.mail.transport import Step

# A mail may take 25 s: a reader waits for the code, and two transports must fit into one invocation
# (functions/send_mail). RFC 5321, section 4.5.3.2, would allow a server minutes. No step may take
# longer than 10 s except the last, because after it a server has often accepted the mail already.
MAIL_SECONDS = 25
STEP_SECONDS = 10
CONNECT_SECONDS = 5


def new_deadline() -> float:
    """Return when a mail that starts now must be done, on the monotonic clock."""
    return time.monotonic() + MAIL_SECONDS


class Server(NamedTuple):
    """Where a server listens, and how: SSL, STARTTLS or NONE."""

    host: str
    port: int
    security: str


class Closed(Exception):
    """The server has closed the connection."""

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        self.step: Step = step


def root_cause(error: Exception) -> BaseException:
    """Return what an error really was: smtplib reports a time-out and a failure of TLS as a
    disconnection.
    """
    cause = error.__context__
    hidden = isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(
        cause, TimeoutError | ssl.SSLError
    )
    # A server that ends TLS without its closing message has only disconnected.
    ended = isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    return cause if cause is not None and hidden and not ended else error


class Connection(smtplib.SMTP):
    """smtplib's client, in steps that each have a deadline."""

    def __init__(self, server: Server, deadline: float) -> None:
        # A client without a host name gives an address (RFC 5321, section 4.1.4). Looking up the
        # container's name would take time, and would tell it to the server.
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
        """Start TLS before anything is said (implicit TLS)."""
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
        """Wait for a reply, at most as long as the step or the mail may take."""
        self._wait_at_most(STEP_SECONDS)
        return super().getreply()

    def hand_over(self, data: bytes) -> tuple[int, bytes]:
        """Send the message. After its last line the server may take all the time that is left."""
        code, reply = self.docmd("data")
        if code != 354:
            return code, reply
        # A line that begins with a dot gets a second dot (RFC 5321, section 4.5.2).
        self.send(re.sub(rb"(?m)^\.", b"..", data).rstrip(b"\r\n") + b"\r\n.\r\n")
        self._wait_at_most(MAIL_SECONDS)
        return super().getreply()

    def _wait_at_most(self, seconds: float) -> None:
        if self.sock is not None:
            self.sock.settimeout(self._left(seconds))

    def _left(self, most: float) -> float:
        return max(0.1, min(most, self.deadline - time.monotonic()))
