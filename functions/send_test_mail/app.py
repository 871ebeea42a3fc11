"""Send a test mail for an operator, and report which step failed. No route."""

import functools
from typing import Annotated, Any, Literal

from pydantic import Field

from latchkey import addresses, cloudformation, log, settings
from latchkey.mail import language, render, samples, send
from latchkey.mail.smtp import password
from latchkey.mail.transport import NotSent, Transport
from latchkey.operators.entry import Act, entry

# What an operator can do about a cause (mail/transport.py). docs/mail.md has it as a table.
ADVICE = {
    "configuration": "Check the parameters of the sender.",
    "name": "There is no such host: check SmtpHost.",
    "connection": "Nothing accepts connections there: check SmtpHost and SmtpPort, and that the"
    " network lets them through.",
    "timeout": "The server is silent: check SmtpPort and SmtpSecurity (SSL with 465, STARTTLS with"
    " 587).",
    "disconnected": "The server hangs up: check SmtpPort and SmtpSecurity, and try again.",
    "tls": "The server speaks no TLS there: SmtpSecurity is SSL with port 465, STARTTLS with 587.",
    "no-starttls": "The server offers no STARTTLS: use SSL, usually on port 465.",
    "certificate": "The certificate is not valid for SmtpHost: use the host name that the provider"
    " documents.",
    "no-login": "The server offers no login here: check SmtpPort and SmtpSecurity.",
    "login": "The server refuses the user name or the password. Most providers want an"
    " authorization code or app password here, not the one of the mailbox.",
    "secret": "The password could not be read: SmtpSecretArn must be the whole ARN of a secret of"
    " this account and region, encrypted with the key aws/secretsmanager. Its value is the password"
    " alone.",
    "sender": "The server does not let this account send as SenderAddress.",
    "refused-us": "The server refuses this client altogether: ask the provider.",
    "not-verified": "SES knows neither address: verify the identity of SenderAddress; in the"
    " sandbox, that of the recipient too, or leave the sandbox.",
    "paused": "SES has paused sending for this account: see its reputation page.",
    "quota": "The day's quota is used up: ask for a higher one.",
    "rights": "The function may not send as SenderAddress: deploy the stack again.",
    "throttled": "Too many mails in this second: try again.",
    "busy": "The server has trouble of its own: try again later.",
    "closing": "The server is shutting down: try again later.",
    "deferred": "The recipient's server puts the mail off: it is tried again later.",
    "no-mailbox": "There is no such mailbox.",
    "no-smtputf8": "This server cannot send to an address with characters beyond ASCII.",
    "policy": "The recipient's server objects to the sender: check SPF, DKIM and DMARC of its"
    " domain, and that the server relays for this account.",
    "refused": "The recipient's server refuses the mail.",
    "message-refused": "The server refuses the content of the mail.",
}


class TestMail(Act):
    """To whom, which mail, and in which language."""

    act: Literal["mail.test"]
    to: Annotated[str, Field(max_length=320)]
    language: Annotated[str, Field(max_length=35)] = "en"
    kind: render.Kind = "confirm"


def send_test_mail(asked: TestMail) -> dict[str, Any]:
    """Send a mail through every transport that is set up, and report on each. Raises
    InvalidArgument.
    """
    problems = _problems()
    if problems:
        return {"accepted": False, "problems": problems}
    to = addresses.canonical(asked.to)
    chosen = language.known(asked.language) or language.LANGUAGES[0]
    send.transports.cache_clear()  # a test starts with a connection of its own
    mail = samples.render_sample(asked.kind, chosen, to=to)
    reports = [_try(transport, mail) for transport in send.transports()]
    return {"accepted": all(report["accepted"] for report in reports), "senders": reports}


_serve = entry(send_test_mail, TestMail)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve an operator; or, for CloudFormation, check the templates and settings of a deployment,
    so that what cannot work fails the deployment and not the first mail.
    """
    if cloudformation.is_custom_resource(event):
        return cloudformation.serve(
            event, "mail-templates", lambda _: _sentences(_problems()) or _unread_secrets()
        )
    return _serve(event, context)


def _try(transport: Transport, mail: render.RenderedMail) -> dict[str, Any]:
    report: dict[str, Any] = {"sender": transport.name}
    try:
        reply = transport.send(send.message_of(mail, transport.sender))
        report |= {"accepted": True, "reply": reply}
    except NotSent as fault:
        report |= {
            "accepted": False,
            "step": fault.step,
            "cause": fault.cause,
            "reply": fault.reply,
            "advice": ADVICE[fault.cause],
        }
    finally:
        transport.close()
    log.info("test mail", **{name: report.get(name) for name in ("sender", "accepted", "cause")})
    return report


def _sentences(problems: list[str]) -> list[str]:
    return [f"{problem.removesuffix('.')}." for problem in problems]


def _problems() -> list[str]:
    """Return what is wrong with settings and templates, before anything is sent."""
    found = []
    for prefix in ("", send.FALLBACK):
        sender = settings.Sender.load(prefix)
        of = " of the second sender" if prefix else ""
        if not prefix and sender.mail_transport == "none":
            found.append("no sender is set up: MailTransport")
        if (
            sender.mail_transport != "none"
            and addresses.canonical_or_none(sender.sender_address) is None
        ):
            found.append(f"SenderAddress{of} is not an e-mail address")
        if sender.mail_transport == "smtp":
            if sender.smtp_provider == "custom" and not sender.smtp_host:
                found.append(f"SmtpHost{of} is missing for the provider custom")
            if sender.smtp_user and not sender.smtp_secret_arn:
                found.append(f"SmtpSecretArn{of} is missing for the user name")
            if sender.smtp_provider != "custom" and not sender.smtp_user:
                found.append(f"SmtpUser{of} is missing for {sender.smtp_provider}")
    return found + samples.check()


def _unread_secrets() -> list[str]:
    """Return what is wrong with the secrets of the SMTP passwords."""
    found = []
    for prefix in ("", send.FALLBACK):
        sender = settings.Sender.load(prefix)
        if sender.mail_transport == "smtp" and sender.smtp_secret_arn:
            unread = functools.partial(_unread, sender.smtp_secret_arn)
            if problem := cloudformation.patiently(unread):
                of = " of the second sender" if prefix else ""
                found.append(f"SmtpSecretArn{of}: {problem}. {ADVICE['secret']}")
    return found


def _unread(arn: str) -> str:
    """Return why the password of a secret could not be read, empty if it could."""
    try:
        password.read(arn)
    except NotSent as fault:
        return fault.reply
    return ""
