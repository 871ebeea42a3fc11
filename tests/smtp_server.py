"""A mail server that fails on command, over real TLS, with an authority that exists only here.

The name of the recipient commands what happens to the mail. So a test can give commands through a
deployed function. `rcpt-550-5.1.1-ada@...` is refused with that reply at RCPT, `data-451-...` after
DATA. `drop-rcpt-...` ends the connection at RCPT, `drop-data-...` in the middle of the message. A
mail to `slow-3-...` is accepted after 3 s. Attributes of the server say what happens to every mail.
"""

import asyncio
import datetime
import gc
import ipaddress
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.ports import free_port

USER = "postman"
PASSWORD = "s3cret-app-password"


@dataclass(frozen=True)
class Received:
    """A mail that was accepted, for one recipient."""

    to: str
    sender: str
    message: EmailMessage
    at: float
    peer: Any

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    @property
    def code(self) -> str:
        return next((line for line in self.text.splitlines() if line.isdigit()), "")


@dataclass
class MailServer:
    """A server on one port, in one mode."""

    tls: "Authority | SelfSigned"
    security: str = "STARTTLS"  # or SSL, or NONE
    port: int = 0
    smtputf8: bool = True
    host: str = "127.0.0.1"
    certificate_for: tuple[str, ...] = ("localhost", "127.0.0.1")
    # If it is not empty, the server answers this to every client.
    greeting: str = ""
    starttls: str = ""
    login: str = ""
    mail: str = ""
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    protocols: "list[_Protocol]" = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.port = self.port or free_port()

    def __enter__(self) -> "MailServer":
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> None:
        """Listen, in a thread of the server's own."""
        self._loop = asyncio.new_event_loop()
        context = self.tls.context(*self.certificate_for)
        options: dict[str, Any] = {"loop": self._loop, "enable_SMTPUTF8": self.smtputf8}
        if self.security != "NONE":
            options |= {"authenticator": _check, "auth_required": True}
        if self.security == "STARTTLS":
            options |= {"tls_context": context, "require_starttls": True}
        else:
            options |= {"auth_require_tls": False}
        listening = self._loop.create_server(
            lambda: _Protocol(self, **options),
            self.host,
            self.port,
            ssl=context if self.security == "SSL" else None,
        )
        self._server = self._loop.run_until_complete(listening)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def down(self) -> None:
        """Close the port and every connection."""
        if self._loop.is_closed():
            return

        def close() -> None:
            self._server.close()
            for protocol in self.protocols:
                protocol.abort()
            self.protocols.clear()
            self._loop.call_later(0.05, self._loop.stop)

        self._loop.call_soon_threadsafe(close)
        self._thread.join(5)
        self._loop.close()
        # asyncio warns when a connection that a test broke is collected: here, not in a later test.
        gc.collect(1)  # it is young, and a pass over everything takes long

    def to(self, address: str) -> list[Received]:
        with self._lock:
            return [mail for mail in self.received if mail.to == address]

    def keep(self, mails: list[Received]) -> None:
        with self._lock:
            self.received += mails

    # aiosmtpd's hooks

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mail:
            return self.mail
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("drop-rcpt"):
            server.abort()
        if found := re.match(r"rcpt-(\d{3})-([\d.]*)", address):
            return f"{found[1]} {found[2]} as <{address}> commands".replace("  ", " ")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        [address] = envelope.rcpt_tos
        if found := re.match(r"data-(\d{3})-", address):
            return f"{found[1]} as commanded"
        if found := re.match(r"slow-([\d.]+)-", address):
            await asyncio.sleep(float(found[1]))
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(message, EmailMessage)
        sender = envelope.mail_from or ""
        self.keep([Received(address, sender, message, time.time(), session.peer)])
        return "250 2.0.0 accepted"


class _Protocol(SMTP):
    """aiosmtpd's server, with the failures for which it has no hook."""

    def __init__(self, owner: MailServer, **options: Any) -> None:
        self.owner = owner
        self.greeted = False
        owner.protocols.append(self)
        super().__init__(owner, **options)

    async def push(self, status: Any) -> None:
        if not self.greeted:
            self.greeted = True
            self.owner.connections += 1
            status = self.owner.greeting or status
        await super().push(status)

    def abort(self) -> None:
        """End the connection without a reply."""
        transport: Any = self.transport
        if transport is not None:
            transport.abort()

    async def smtp_STARTTLS(self, arg: str) -> None:
        if self.owner.starttls:
            await self.push(self.owner.starttls)
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:
        if self.owner.login:
            await self.push(self.owner.login)
        else:
            await super().smtp_AUTH(arg)

    async def smtp_DATA(self, arg: str) -> None:
        envelope = self.envelope
        if envelope and envelope.rcpt_tos and envelope.rcpt_tos[0].startswith("drop-data"):
            await self.push("354 go on")
            await self._reader.readline()
            self.abort()
        else:
            await super().smtp_DATA(arg)


def _check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = data == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / "authority.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Throw-away authority")])
        certificate = self._certificate(self._name, self._key, (), authority=True)
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, *names: str) -> ssl.SSLContext:
        """Return the TLS context of a server with these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        return _context(self.folder, key, self._certificate(subject, key, names))

    def _certificate(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: tuple[str, ...],
        *,
        authority: bool = False,
    ) -> x509.Certificate:
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        end = start + datetime.timedelta(days=30)
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        usage = x509.KeyUsage(
            not authority, False, False, False, False, authority, authority, False, False
        )
        builder = (
            x509.CertificateBuilder(
                self._name, subject, key.public_key(), x509.random_serial_number(), start, end
            )
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(own, critical=False)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]), False
            )
        return builder.sign(self._key, hashes.SHA256())


class SelfSigned(Authority):
    """Another authority, which no client trusts."""


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _context(
    folder: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> ssl.SSLContext:
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{certificate.serial_number}.pem"
    path.write_bytes(private + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
