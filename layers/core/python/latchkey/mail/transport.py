"""What SMTP and SES have in common, and every way in which a mail is not accepted.

NotSent
|-- TryLater        a passing fault: the queue tries again, with growing pauses
|-- WrongSender     a fault of our configuration: the queue tries again, and an alarm rings
`-- Undeliverable   a fault of this mail: final, and no other mail is affected
"""

from dataclasses import dataclass
from email.message import EmailMessage
from typing import ClassVar, Literal, Protocol, TypeAlias

from latchkey import settings

# The steps of handing over a mail, in order.
Step: TypeAlias = Literal[
    "configuration",
    "name look-up",
    "connection",
    "TLS",
    "certificate",
    "login",
    "sender",
    "recipient",
    "message",
]


@dataclass(frozen=True)
class OutgoingMail:
    """A mail to one address, ready to be sent. `kind` and `id` come back with SES's events."""

    to: str
    message: EmailMessage
    kind: str
    id: str = ""


class Transport(Protocol):
    """Hands mails over to a mail service, as a sender."""

    name: str
    sender: settings.Sender

    def send(self, mail: OutgoingMail) -> str:
        """Return the service's reply to an accepted mail. Raises NotSent."""

    def close(self) -> None:
        """Close the connection, if there is one."""

    def forget(self) -> None:
        """Close the connection, and drop the password."""


class NotSent(Exception):
    """A mail was not accepted.

    `cause` is a word for logs and metrics. `status` is the service's number or error code. `reply`
    is the service's text, for the operator alone: it may name the recipient, so it is never logged.
    `elsewhere` says whether the second transport may succeed.
    """

    blame: ClassVar[Literal["moment", "sender", "recipient"]]

    def __init__(
        self, step: Step, cause: str, *, status: str = "", reply: str = "", elsewhere: bool = True
    ) -> None:
        super().__init__(cause)
        self.step: Step = step
        self.cause = cause
        self.status = status
        self.reply = reply
        self.elsewhere = elsewhere


class TryLater(NotSent):
    """It may be accepted at another time."""

    blame = "moment"


class WrongSender(NotSent):
    """It will be accepted once an operator has corrected the sender's settings."""

    blame = "sender"


class Undeliverable(NotSent):
    """It will never be accepted. `no_mailbox` says that there is no such mailbox, so the address
    gets no mail for a time.
    """

    blame = "recipient"

    def __init__(
        self,
        step: Step,
        cause: str,
        *,
        status: str = "",
        reply: str = "",
        no_mailbox: bool = False,
    ) -> None:
        super().__init__(step, cause, status=status, reply=reply, elsewhere=False)
        self.no_mailbox = no_mailbox
