"""The mails that operations have sent."""

import boto3
import pytest

from latchkey import settings
from latchkey.mail import render, send
from tests.unit.calls import CONTEXT, handler


class Outbox:
    """The other end of both queues: `send_mail` itself, with the last step replaced by a list."""

    def __init__(self, codes: str, notices: str) -> None:
        self.codes, self.notices = codes, notices
        self.mails: list[render.RenderedMail] = []

    def deliver(self) -> list[str]:
        """Let the mailer have all waiting messages, and return the ids it wants again.

        Those that it has postponed are let wait.
        """
        return [*self._deliver(self.codes), *self._deliver(self.notices)]

    def _deliver(self, queue: str) -> list[str]:
        sqs = boto3.client("sqs")
        again: list[str] = []
        while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            records = [
                {
                    "messageId": m["MessageId"],
                    "receiptHandle": m["ReceiptHandle"],
                    "attributes": {"ApproximateReceiveCount": "1"},
                    "eventSourceARN": f"arn:aws:sqs:eu-central-1:1:{queue.rpartition('/')[2]}",
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
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=receipt)
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
    box = Outbox(
        settings.MailQueue.load().mail_queue_url, settings.NoticeQueue.load().notice_queue_url
    )
    monkeypatch.setattr(send, "send", box.mails.append)
    return box
