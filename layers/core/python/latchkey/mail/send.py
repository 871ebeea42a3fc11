"""Send rendered mails: through the transport that the deployer chose, or the second one when the
first fails.
"""

import functools
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import NamedTuple

from latchkey import log, settings
from latchkey.mail.render import RenderedMail
from latchkey.mail.transport import NotSent, OutgoingMail, Transport, WrongSender

FALLBACK = "FALLBACK_"


class Receipt(NamedTuple):
    """Which transport a mail was accepted by, and the service's reply."""

    transport: str
    reply: str


def send(mail: RenderedMail) -> Receipt:
    """Hand a mail over to the first transport that accepts it. Raises NotSent.

    Each fault is logged with its cause, which the alarms use. The fault of the first transport is
    raised.
    """
    first: NotSent | None = None
    for transport in transports():
        try:
            reply = transport.send(message_of(mail, transport.sender))
            return Receipt(transport.name, reply)
        except NotSent as fault:
            log.warning(
                "mail not sent",
                sender=transport.name,
                step=fault.step,
                cause=fault.cause,
                blame=fault.blame,
                status=fault.status,
                kind=mail.kind,
                verification_id=mail.id,
            )
            first = first or fault
            if not fault.elsewhere:
                break
    if first is None:
        raise WrongSender("configuration", "configuration", reply="no sender is set up")
    raise first


@functools.cache
def transports() -> Sequence[Transport]:
    """Return the transports in the order in which they are tried, made once per container.

    Only what is used is imported: a deployment with SES loads no SMTP.
    """
    made: list[Transport] = []
    for prefix in ("", FALLBACK):
        chosen = settings.Sender.load(prefix)
        if chosen.mail_transport == "ses":
            from latchkey.mail.ses import SesTransport

            made.append(SesTransport(chosen))
        elif chosen.mail_transport == "smtp":
            from latchkey.mail.smtp.transport import SmtpTransport

            made.append(SmtpTransport(chosen))
    return made


def forget() -> None:
    """Drop the transports, with their connections, passwords and what they know of their servers.

    The next mail makes new ones.
    """
    if transports.cache_info().currsize:
        for transport in transports():
            transport.forget()
    transports.cache_clear()


def message_of(mail: RenderedMail, sender: settings.Sender) -> OutgoingMail:
    """Return a mail as a message of a sender (RFC 5322).

    The header objects refuse line breaks, so no value can add a header. Bodies are encoded to
    ASCII, which every server takes.
    """
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    message["From"] = Address(
        sender.sender_name or settings.MailDesign.load().product_name,
        addr_spec=sender.sender_address,
    )
    local, _, domain = mail.to.rpartition("@")
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.now(UTC))  # noqa: TID251 - only the header says when the mail was sent
    message["Message-ID"] = make_msgid(domain=sender.sender_address.rpartition("@")[2])
    # RFC 3834, section 5: no vacation message answers this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.html:  # a hook may leave it out (hooks.py)
        message.add_alternative(mail.html, subtype="html")
    message["Content-Language"] = mail.language
    return OutgoingMail(mail.to, message, mail.kind, mail.id)
