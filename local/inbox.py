"""The inbox: a mail server on loopback that shows what it receives, as JSON and as a page.

Both modes of SMTP work as on a real server: STARTTLS and implicit TLS, with a certificate of an
authority that exists only here, and with a login. A recipient that begins with `tempfail` gets 451;
one that begins with `permfail` gets 550.
"""

import datetime
import ipaddress
import itertools
import logging
import ssl
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local import pages

USER = "latchkey"
PASSWORD = "local-only"  # noqa: S105 - no secret: the server listens on loopback only
MOST_MAILS = 1000

# A mail in its frame has no script either. What it looks like is in its own style.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self';"
    " img-src data:; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Mail:
    """One mail to one recipient; `received_at` is in seconds since 1970."""

    id: int
    to: str
    subject: str
    text: str
    html: str
    received_at: int


class Inbox:
    """The last mails, newest first, and the servers that receive and show them.

    The thread of the server calls `on_mail` with each mail.
    """

    def __init__(self, tls: Path, on_mail: Callable[[Mail], None]) -> None:
        """Make the certificate in the folder `tls`, if there is none yet."""
        self.mails: deque[Mail] = deque(maxlen=MOST_MAILS)
        self.authority = tls / "ca.pem"
        self._ids = itertools.count(1)
        self._on_mail = on_mail
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if not (tls / "server.pem").exists():
            _make_certificate(tls)
        self._tls.load_cert_chain(tls / "server.pem")
        self._servers: list[Controller] = []
        self._web: ThreadingHTTPServer | None = None

    def start(self, web_port: int, smtp_port: int, smtps_port: int) -> None:
        """Listen on loopback: HTTP, SMTP with STARTTLS, and SMTP with implicit TLS."""
        # aiosmtpd does not know that the second server uses TLS from the first byte.
        warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS", UserWarning)
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        login: dict[str, Any] = {"authenticator": _check_login, "auth_required": True}
        self._servers = [
            Controller(
                self, "127.0.0.1", smtp_port, tls_context=self._tls, require_starttls=True, **login
            ),
            Controller(
                self,
                "127.0.0.1",
                smtps_port,
                ssl_context=self._tls,
                auth_require_tls=False,
                **login,
            ),
        ]
        for server in self._servers:
            server.start()
        self._web = pages.serve(web_port, _handler(self))

    def stop(self) -> None:
        """Close every port."""
        for server in self._servers:
            server.stop(no_assert=True)
        if self._web:
            self._web.shutdown()
            self._web.server_close()

    def to(self, address: str | None, limit: int | None = None) -> list[Mail]:
        """Return the mails to an address, which may be in any case, or to all; newest first."""
        mails = list(self.mails)
        if address is not None:
            mails = [mail for mail in mails if mail.to.casefold() == address.casefold()]
        return mails[:limit]

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a recipient. Refuse it for now or for good if its name says so."""
        if address.startswith("tempfail"):
            return "451 4.3.0 Try again later"
        if address.startswith("permfail"):
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        """Keep a mail for each recipient."""
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        for address in envelope.rcpt_tos:
            mail = Mail(
                id=next(self._ids),
                to=address,
                subject=str(message["subject"] or ""),
                text=_part(message, "plain"),
                html=_part(message, "html"),
                received_at=int(time.time()),
            )
            self.mails.appendleft(mail)
            self._on_mail(mail)
        return "250 OK"


def _check_login(
    server: Any, session: Any, envelope: Envelope, mechanism: str, data: Any
) -> AuthResult:
    expected = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=data == expected, handled=False)


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part else ""


def _handler(inbox: Inbox) -> type[pages.Handler]:
    class Handler(pages.Handler):
        folder = Path(__file__).parent / "inbox_page"
        policy = POLICY

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path != "/mails":
                super().do_GET()
            elif self.is_for_here():
                asked = {name: values[0] for name, values in parse_qs(url.query).items()}
                limit = int(asked["limit"]) if asked.get("limit", "").isdecimal() else None
                self.answer_json(200, [asdict(m) for m in inbox.to(asked.get("to"), limit)])

    return Handler


def _make_certificate(folder: Path) -> None:
    """Write `ca.pem`, and `server.pem` with key and certificate. Drop the authority's own key."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    end = start + datetime.timedelta(days=3650)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name, name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        for text in ("Latchkey local authority", "localhost")
    )

    def sign(subject: x509.Name, public: ec.EllipticCurvePublicKey, ca: bool) -> x509.Certificate:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
        usage = x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)
        builder = (
            x509.CertificateBuilder(
                ca_name, subject, public, x509.random_serial_number(), start, end
            )
            .add_extension(x509.BasicConstraints(ca, 0 if ca else None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(issuer, critical=False)
        )
        if not ca:
            loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            names = x509.SubjectAlternativeName([x509.DNSName("localhost"), loopback])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(ca_key, hashes.SHA256())

    authority, certificate = (
        sign(ca_name, ca_key.public_key(), True),
        sign(name, key.public_key(), False),
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    server = folder / "server.pem"
    server.touch(mode=0o600)
    server.write_bytes(private + certificate.public_bytes(pem))
