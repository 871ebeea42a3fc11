"""SES, version 2 of its API."""

import re
from typing import Any

from latchkey import aws, settings
from latchkey.senders import Mail, NotSent, TryLater, Undeliverable, WrongSender

# What the error codes of SendEmail mean that do not depend on their text.
_LATER = {"TooManyRequestsException": "throttled", "ThrottlingException": "throttled"}
_OURS = {
    "AccountSuspendedException": "paused",
    "SendingPausedException": "paused",
    "LimitExceededException": "quota",
    "MailFromDomainNotVerifiedException": "sender",
    "NotFoundException": "configuration",
    "AccessDeniedException": "rights",
    "UnrecognizedClientException": "rights",
    "InvalidClientTokenId": "rights",
}


class SesSender:
    """Sends with the tags that `mail_feedback` finds the verification by."""

    name = "ses"

    def __init__(self, sender: settings.Sender) -> None:
        self._sender = sender

    def send(self, mail: Mail) -> str:
        """Send, and return the id that SES gave the mail."""
        if not mail.to.isascii():
            reply = "SES takes no internationalised addresses (SMTPUTF8)"
            raise Undeliverable("recipient", "no-smtputf8", reply=reply)
        tags = {"kind": mail.kind} | ({"id": mail.id} if mail.id else {})
        options: dict[str, Any] = {}
        if self._sender.ses_configuration_set:
            options["ConfigurationSetName"] = self._sender.ses_configuration_set
        try:
            answer = aws.ses().send_email(
                # The bare address: the name is in the message's own From, encoded, and SES refuses
                # one that is not ASCII here.
                FromEmailAddress=self._sender.sender_address,
                Destination={"ToAddresses": [mail.to]},
                Content={"Raw": {"Data": mail.message.as_bytes()}},
                EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
                **options,
            )
        except aws.FAULTS as error:
            response: Any = getattr(error, "response", None) or {}  # a time-out has None
            told = response.get("Error", {})
            raise classify(told.get("Code", ""), told.get("Message", "")) from error
        return f"accepted as {answer['MessageId']}"

    def close(self) -> None:
        """There is nothing to let go of: the HTTP client keeps its own connections."""


def classify(code: str, message: str) -> NotSent:
    """Say what an error of SendEmail means; without a code, SES was not reached."""
    reply = " ".join(f"{code}: {message}".split())
    if not code:
        return TryLater("connection", "connection", reply="SES was not reached")
    if "quota" in message.lower():  # "Daily message quota exceeded", whatever its code.
        return WrongSender("sender", "quota", status=code, reply=reply)
    if code in _LATER:
        return TryLater("sender", _LATER[code], status=code, reply=reply)
    if code in _OURS:
        return WrongSender("sender", _OURS[code], status=code, reply=reply)
    if code == "MessageRejected" and re.search(r"not verified", message):
        # The sender's address - or, in the sandbox, the recipient's: both end when the account
        # is set up.
        return WrongSender("sender", "not-verified", status=code, reply=reply)
    if code == "MessageRejected":
        return Undeliverable("message", "message-refused", status=code, reply=reply)
    if code == "BadRequestException":
        return Undeliverable("recipient", "refused", status=code, reply=reply)
    return TryLater("sender", "busy", status=code, reply=reply)
