"""Sends letters, through SES or SMTP."""

import contextlib
import functools
import smtplib
import ssl
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Any, Literal, NamedTuple

from latchkey import aws, settings
from latchkey.letters import Letter

# Less than the function's time-out, so that a silent server ends in a retry of this mail, not of
# the whole batch.
TIMEOUT_SECONDS = 8


class TryLater(Exception):
    """The letter was not accepted, and may be another time. The text is a word for the cause."""


class Undeliverable(Exception):
    """The recipient's server will never accept the letter."""


class _Server(NamedTuple):
    host: str
    port: int
    security: Literal["SSL", "STARTTLS"]


# As the providers document them; QQ and Gmail also offer STARTTLS on 587.
_PRESETS = {
    "qq": _Server("smtp.qq.com", 465, "SSL"),
    "exmail": _Server("smtp.exmail.qq.com", 465, "SSL"),
    "163": _Server("smtp.163.com", 465, "SSL"),
    "gmail": _Server("smtp.gmail.com", 465, "SSL"),
}


def send(letter: Letter) -> None:
    """Hand a letter over to the mail service. Raises TryLater or Undeliverable."""
    message = _message(letter)
    if settings.Mail.load().mail_transport == "ses":
        _send_by_ses(message, letter.to)
    else:
        _send_by_smtp(message)


def _message(letter: Letter) -> EmailMessage:
    sender = settings.Mail.load()
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(
        sender.sender_name or sender.product_name, addr_spec=sender.sender_address
    )
    message["To"] = Address(addr_spec=letter.to)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.now(UTC))  # noqa: TID251 - the moment of sending, which nothing depends on
    message["Message-ID"] = make_msgid(domain=sender.sender_address.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


# Of SES's refusals, the one that speaks of the letter; all others are about the sender or the
# moment.
_SES_FINAL = {"MessageRejected"}


def _send_by_ses(message: EmailMessage, to: str) -> None:
    try:
        aws.ses().send_email(
            FromEmailAddress=str(message["From"]),
            Destination={"ToAddresses": [to]},
            Content={"Raw": {"Data": message.as_bytes()}},
        )
    except aws.FAULTS as error:
        answer: Any = getattr(error, "response", None) or {}  # a time-out has one that is None
        code = answer.get("Error", {}).get("Code", type(error).__name__)
        raise (Undeliverable if code in _SES_FINAL else TryLater)(code) from error


_connection: smtplib.SMTP | None = None


def _send_by_smtp(message: EmailMessage) -> None:
    """Send over the connection that the last letter left open, if its server still listens."""
    try:
        _open_connection().send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        [(code, _)] = error.recipients.values()
        if code >= 500:
            raise Undeliverable(str(code)) from error
        raise TryLater(str(code)) from error
    except smtplib.SMTPDataError as error:
        if error.smtp_code >= 500:
            raise Undeliverable(str(error.smtp_code)) from error
        raise TryLater(str(error.smtp_code)) from error
    except (smtplib.SMTPException, OSError) as error:
        close()
        raise TryLater(type(error).__name__) from error


def _open_connection() -> smtplib.SMTP:
    global _connection
    if _connection is not None:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            if _connection.noop()[0] == 250:
                return _connection
        close()
    mail = settings.Mail.load()
    server = _PRESETS.get(mail.smtp_provider) or _Server(
        mail.smtp_host, mail.smtp_port, mail.smtp_security
    )
    # Certificate and host name are verified, against the machine's authorities or those of
    # SSL_CERT_FILE.
    trust = ssl.create_default_context()
    connection: smtplib.SMTP
    if server.security == "SSL":
        connection = smtplib.SMTP_SSL(
            server.host, server.port, timeout=TIMEOUT_SECONDS, context=trust
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.starttls(context=trust)
        except BaseException:
            connection.close()
            raise
    if mail.smtp_user:
        connection.login(mail.smtp_user, _password())
    _connection = connection
    return connection


def close() -> None:
    """Drop the connection, politely if the server still listens."""
    global _connection
    if _connection is not None:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            _connection.quit()
        _connection.close()
        _connection = None


@functools.cache
def _password() -> str:
    return aws.secrets().get_secret_value(SecretId=settings.Mail.load().smtp_secret_arn)[
        "SecretString"
    ]
