"""The mails that operations have sent."""

import boto3
import pytest

from latchkey import settings
from latchkey.mail import render, send
from tests.unit.calls import CONTEXT, handler


class Outbox:
    """The mail queue's other end: `send_mail` itself, with the last step replaced by a list."""

    def __init__(self, queue_url: str) -> None:
        self.queue_url = queue_url
        self.mails: list[render.RenderedMail] = []

    def deliver(self) -> list[str]:
        """Let the mailer have all waiting messages, and return the ids it wants again.

        Those that it has postponed are let wait.
        """
        sqs = boto3.client("sqs")
        again: list[str] = []
        while found := sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            records = [
                {
                    "messageId": m["MessageId"],
                    "receiptHandle": m["ReceiptHandle"],
                    "attributes": {"ApproximateReceiveCount": "1"},
                    "body": m["Body"],
                }
                for m in found
            ]
            answer = handler("send_mail")({"Records": records}, CONTEXT)
            again += [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            for message in found:
                if message["MessageId"] not in failed:
                    receipt = message["ReceiptHandle"]
                    sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=receipt)
        return again

    def code(self, address: str = "ada@example.com") -> str:
        """Read the code in the newest mail, as its reader would: alone on its line."""
        self.deliver()
        lines = (
            line
            for mail in reversed(self.mails)
            if mail.to == address
            for line in mail.text.splitlines()
        )
        return next(line for line in lines if line.isdigit())


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch, clean_cloud: None) -> Outbox:
    """Return the mails that were sent."""
    box = Outbox(settings.Queue.load().mail_queue_url)
    monkeypatch.setattr(send, "send", box.mails.append)
    return box
