"""Mail providers that `setup` knows: how to get a password for programs, and where to send to.

Hosts and ports are those of the layer's presets (latchkey/mail/smtp/transport.py); a test compares
them.
"""

import smtplib
import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Provider:
    """A provider and the steps that its user takes there. `key` is the value of SmtpProvider, or
    `ses`.
    """

    key: str
    name: str
    steps: str
    host: str = ""
    port: int = 465
    password: str = "Password"  # noqa: S105 - what to call it
    """What the provider calls it."""


PROVIDERS = (
    Provider(
        "ses",
        "Amazon SES, in the same account",
        "Console of SES, Identities, Create identity: verify your domain (or one address), and\n"
        "publish the DKIM records that are shown. New accounts send to verified addresses only:\n"
        "Account dashboard, Request production access.",
    ),
    Provider(
        "qq",
        "QQ Mail",
        "mail.qq.com, 设置 (Settings), 账号 (Account), POP3/IMAP/SMTP 服务: turn SMTP on, confirm\n"
        "by SMS, and copy the authorization code (授权码). It is the password here.",
        "smtp.qq.com",
        password="Authorization code (授权码)",  # noqa: S106
    ),
    Provider(
        "exmail",
        "Tencent Exmail",
        "exmail.qq.com, 设置, 客户端设置: turn IMAP/SMTP on, and make a password for clients\n"
        "(客户端专用密码). An administrator may have to allow SMTP first.",
        "smtp.exmail.qq.com",
        password="Password for clients (客户端专用密码)",  # noqa: S106
    ),
    Provider(
        "163",
        "163 Mail",
        "mail.163.com, 设置, POP3/SMTP/IMAP: turn SMTP on, confirm by SMS, and copy the\n"
        "authorization code (授权密码).",
        "smtp.163.com",
        password="Authorization code (授权密码)",  # noqa: S106
    ),
    Provider(
        "gmail",
        "Gmail",
        "Turn 2-Step Verification on, then open App passwords in the Google account, and make one\n"
        "for this deployment: 16 letters.",
        "smtp.gmail.com",
        password="App password",  # noqa: S106
    ),
    Provider(
        "custom",
        "Another SMTP server",
        "Its host name, its port with TLS (465) or STARTTLS (587), a user name and a password:\n"
        "the provider's help calls them SMTP settings.",
    ),
)


def log_in(host: str, port: int, *, starttls: bool, user: str, password: str) -> str:
    """Log in to an SMTP server. Return why it failed, empty if it did not."""
    context = ssl.create_default_context()
    try:
        if starttls:
            server = smtplib.SMTP(host, port, timeout=20)
            server.starttls(context=context)
        else:
            server = smtplib.SMTP_SSL(host, port, timeout=20, context=context)
        with server:
            server.login(user, password)
    except smtplib.SMTPAuthenticationError as error:
        reply = error.smtp_error
        said = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
        return f"the server refuses user name or password ({error.smtp_code} {said})"
    except ssl.SSLError as error:
        return f"no TLS at {host}:{port}: {error.reason or error}"
    except (OSError, smtplib.SMTPException) as error:
        return f"{host}:{port}: {error}"
    return ""
