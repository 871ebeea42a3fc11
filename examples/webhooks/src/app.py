"""Post events of Latchkey to a URL, signed by the Standard Webhooks scheme.

A rule of EventBridge puts events into a queue, and the queue hands them over here. An event that
was not taken stays in the queue and comes again.
"""

import functools
import json
import os
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import boto3
from standardwebhooks import Webhook

# How long the receiver has. The function's time-out (template.yaml) is that of a whole batch.
SECONDS = 5


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Post a batch, and report the messages that stay in the queue."""
    failed = [record["messageId"] for record in event["Records"] if not _post(record["body"])]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _post(message: str) -> bool:
    """Post one event. Return whether the receiver has taken it: any answer of 2xx."""
    detail = json.loads(message)["detail"]
    body, now = json.dumps(detail), datetime.now(UTC)
    request = urllib.request.Request(  # noqa: S310 - template.yaml takes https alone
        os.environ["WEBHOOK_URL"],
        body.encode(),
        {
            "content-type": "application/json",
            "webhook-id": detail["id"],
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": _webhook().sign(detail["id"], now, body),
        },
    )
    try:
        with _opener.open(request, timeout=SECONDS):
            return True
    except (OSError, urllib.error.HTTPError) as fault:
        # Neither the URL, which may hold a token, nor the event, which may hold an address.
        status = getattr(fault, "code", None)
        print(json.dumps({"message": "not taken", "id": detail["id"], "status": status}))
        return False


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is a refusal: it would turn the POST into a GET."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


_opener = urllib.request.build_opener(_NoRedirects)


@functools.cache
def _webhook() -> Webhook:
    """Read the secret once per container."""
    secrets = boto3.client("secretsmanager")
    return Webhook(secrets.get_secret_value(SecretId=os.environ["SECRET_ARN"])["SecretString"])
