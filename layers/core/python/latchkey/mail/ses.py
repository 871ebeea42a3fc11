"""Send through SES, version 2 of its API."""

import re
from typing import Any

from latchkey import aws, settings
from latchkey.mail.transport import (
    NotSent,
    OutgoingMail,
    TryLater,
    Undeliverable,
    WrongSender,
)

# The causes of those error codes of SendEmail that mean the same whatever their text is.
_TRY_LATER = {"TooManyRequestsException": "throttled", "ThrottlingException": "throttled"}
_WRONG_SENDER = {
    "AccountSuspendedException": "paused",
    "SendingPausedException": "paused",
    "LimitExceededException": "quota",
    "MailFromDomainNotVerifiedException": "sender",
    "NotFoundException": "configuration",
    "AccessDeniedException": "rights",
    "UnrecognizedClientException": "rights",
    "InvalidClientTokenId": "rights",
}


class SesTransport:
    """Sends each mail with the tags by which `mail_feedback` finds the verification."""

    name = "ses"

    def __init__(self, sender: settings.Sender) -> None:
        self.sender = sender

    def send(self, mail: OutgoingMail) -> str:
        """Send a mail and return the id that SES gave it."""
        if not mail.to.isascii():
            reply = "SES takes no internationalised addresses (SMTPUTF8)"
            raise Undeliverable("recipient", "no-smtputf8", reply=reply)
        tags = {"kind": mail.kind} | ({"id": mail.id} if mail.id else {})
        options: dict[str, Any] = {}
        if self.sender.ses_configuration_set:
            options["ConfigurationSetName"] = self.sender.ses_configuration_set
        try:
            answer = aws.ses().send_email(
                # The address without a name: SES refuses a name that is not ASCII here, and the
                # message's own From header has it, encoded.
                FromEmailAddress=self.sender.sender_address,
                Destination={"ToAddresses": [mail.to]},
                Content={"Raw": {"Data": mail.message.as_bytes()}},
                EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
                **options,
            )
        except aws.FAULTS as error:
            code, response = aws.error_of(error)
            raise classify(code, response.get("Error", {}).get("Message", "")) from error
        return f"accepted as {answer['MessageId']}"

    def close(self) -> None:
        """Do nothing: the HTTP client keeps its own connections."""

    def forget(self) -> None:
        """Do nothing: the client has connections and credentials (aws.py)."""


def classify(code: str, message: str) -> NotSent:
    """Return what an error of SendEmail means. Without a code, SES was not reached."""
    reply = " ".join(f"{code}: {message}".split())
    if not code:
        return TryLater("connection", "connection", reply="SES was not reached")
    if "quota" in message.lower():  # "Daily message quota exceeded", whatever its code.
        return WrongSender("sender", "quota", status=code, reply=reply)
    if code in _TRY_LATER:
        return TryLater("sender", _TRY_LATER[code], status=code, reply=reply)
    if code in _WRONG_SENDER:
        return WrongSender("sender", _WRONG_SENDER[code], status=code, reply=reply)
    if code == "MessageRejected" and re.search(r"not verified", message):
        # This is about the sender's address or, in the sandbox, the recipient's. An operator can
        # mend both.
        return WrongSender("sender", "not-verified", status=code, reply=reply)
    if code == "MessageRejected":
        return Undeliverable("message", "message-refused", status=code, reply=reply)
    if code == "BadRequestException":
        return Undeliverable("recipient", "refused", status=code, reply=reply)
    return TryLater("sender", "busy", status=code, reply=reply)
