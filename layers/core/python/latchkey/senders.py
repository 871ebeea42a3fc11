"""Senders: what SMTP and SES have in common, and every way a mail is not accepted.

NotSent
|-- TryLater        the moment is at fault: the queue tries again, with growing pauses
|-- WrongSender     our configuration is at fault: likewise, and it alarms
`-- Undeliverable   this mail will never be accepted: final, and no other mail is touched
"""

from email.message import EmailMessage
from typing import ClassVar, Literal, Protocol

import msgspec

# The steps of handing a mail over, in their order.
Step = Literal[
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


class Mail(msgspec.Struct, frozen=True):
    """A mail as it goes out, to one address. `kind` and `id` come back with SES's events."""

    to: str
    message: EmailMessage
    kind: str
    id: str = ""


class Sender(Protocol):
    """Hands mails over to a mail service."""

    name: str

    def send(self, mail: Mail) -> str:
        """Return the service's reply to an accepted mail. Raises NotSent."""

    def close(self) -> None:
        """Let go of a connection, if there is one."""


class NotSent(Exception):
    """A mail was not accepted.

    `cause` is a word for logs and metrics. `reply` is what the service said, for an operator's
    eyes: it may name the recipient, so it is never logged. `status` is its number or error code,
    which names nobody. `elsewhere` says whether another sender may do better.
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
    """Another time, it may be accepted."""

    blame = "moment"


class WrongSender(NotSent):
    """It is accepted once an operator has put the sender right."""

    blame = "sender"


class Undeliverable(NotSent):
    """It will never be accepted; `no_mailbox` says that the address itself is at fault, which is
    then left alone for a time.
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
