"""Sends letters: through the sender that the deployer chose, or a second one when that is down."""

import functools
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import NamedTuple

from latchkey import log, senders, settings
from latchkey.letters import Letter

FALLBACK = "FALLBACK_"


class Post(NamedTuple):
    """A way to send, and the settings behind it."""

    sender: senders.Sender
    settings: settings.Sender


class Receipt(NamedTuple):
    """Who accepted a letter, and with what words."""

    sender: str
    reply: str


def send(letter: Letter) -> Receipt:
    """Hand a letter over to the first sender that accepts it. Raises NotSent.

    The fault that is raised is the first sender's; each one is logged with its cause, by which the
    alarms go.
    """
    first: senders.NotSent | None = None
    for post in posts():
        try:
            return Receipt(post.sender.name, post.sender.send(mail(letter, post.settings)))
        except senders.NotSent as fault:
            log.warning(
                "mail not sent",
                sender=post.sender.name,
                step=fault.step,
                cause=fault.cause,
                blame=fault.blame,
                status=fault.status,
                kind=letter.kind,
                verification_id=letter.id,
            )
            first = first or fault
            if not fault.elsewhere:
                break
    if first is None:
        raise senders.WrongSender("configuration", "configuration", reply="no sender is set up")
    raise first


@functools.cache
def posts() -> Sequence[Post]:
    """Return the senders in the order in which they are tried, made once per container.

    Each imports only what it needs: a deployment with SES has no SMTP in it.
    """
    made = []
    for prefix in ("", FALLBACK):
        chosen = settings.Sender.load(prefix)
        if chosen.mail_transport == "ses":
            from latchkey.ses import SesSender

            made.append(Post(SesSender(chosen), chosen))
        elif chosen.mail_transport == "smtp":
            from latchkey.smtp import SmtpSender

            made.append(Post(SmtpSender(chosen), chosen))
    return made


def mail(letter: Letter, sender: settings.Sender) -> senders.Mail:
    """Return the letter as a message of the sender's (RFC 5322).

    Headers are objects that refuse a line break, so that no field can add another; bodies are
    encoded to ASCII, which every server takes.
    """
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    message["From"] = Address(
        sender.sender_name or settings.Letters.load().product_name,
        addr_spec=sender.sender_address,
    )
    local, _, domain = letter.to.rpartition("@")
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.now(UTC))  # noqa: TID251 - the moment of sending, which nothing depends on
    message["Message-ID"] = make_msgid(domain=sender.sender_address.rpartition("@")[2])
    # RFC 3834, section 5: no vacation message answers this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    message["Content-Language"] = letter.language
    return senders.Mail(letter.to, message, letter.kind, letter.id)
