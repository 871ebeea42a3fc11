"""`python bench/send_mail.py [MAILS]`: measure the speed of `send_mail` and the cost of a mail.

The handler runs in this process, as in a warm container, with batches of five as the queue gives
them. MiniStack has the tables and keys. A mail server with real TLS runs in a process of its own,
so the processor time that is measured is the handler's alone.
"""

import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import boto3

from local import template
from local.stack import ACCESS, REGION, Stack
from tests.ports import free_port
from tests.smtp_server import PASSWORD, USER, Authority, MailServer

BATCH = 5


def main(mails: int) -> int:
    """Send so many mails and print the measurements. Return 1 if a mail was not sent."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), free_port(), free_port(), Path(folder) / "authority.pem")
        port, listening, done = free_port(), multiprocessing.Event(), multiprocessing.Event()
        server = multiprocessing.Process(target=_serve, args=(folder, port, listening, done))
        server.start()
        try:
            listening.wait(10)
            stack.start()
            stack.wait(stack.endpoint + "/_ministack/ready", seconds=30)
            _set_up(stack, port)
            return _measure(mails)
        finally:
            done.set()
            stack.stop()
            server.join(5)


def _serve(folder: str, port: int, listening: Event, done: Event) -> None:
    with MailServer(Authority(Path(folder)), "SSL", port):
        listening.set()
        done.wait()


def _set_up(stack: Stack, port: int) -> None:
    """Make the tables and keys, and set the variables of a container."""

    def client(service: str) -> Any:
        return boto3.client(service, endpoint_url=stack.endpoint, **ACCESS)  # type: ignore[call-overload]

    for name in ("Accounts", "Grants"):
        client("dynamodb").create_table(TableName=name, **template.table_definition(name))
    secret = client("secretsmanager").create_secret(Name="smtp", SecretString=PASSWORD)["ARN"]
    os.environ.update(
        AWS_ENDPOINT_URL=stack.endpoint,
        AWS_DEFAULT_REGION=REGION,
        AWS_ACCESS_KEY_ID=ACCESS["aws_access_key_id"],
        AWS_SECRET_ACCESS_KEY=ACCESS["aws_secret_access_key"],
        SSL_CERT_FILE=str(stack.authority),
        ACCOUNTS_TABLE="Accounts",
        GRANTS_TABLE="Grants",
        KMS_KEY_ID=client("kms").create_key()["KeyMetadata"]["KeyId"],
        MAIL_QUEUE_URL=client("sqs").create_queue(QueueName="mail")["QueueUrl"],
        NOTICE_QUEUE_URL=client("sqs").create_queue(QueueName="notices")["QueueUrl"],
        MAIL_TRANSPORT="smtp",
        SENDER_ADDRESS="login@latchkey.test",
        SMTP_HOST="127.0.0.1",
        SMTP_PORT=str(port),
        SMTP_USER=USER,
        SMTP_SECRET_ARN=secret,
    )


def _measure(mails: int) -> int:
    from functions.send_mail.app import handler
    from latchkey import clock, ids
    from latchkey.codes.verification import Verification
    from latchkey.dynamodb import keys, store, values, writes
    from latchkey.keys import keyring, rotation
    from latchkey.mail import samples, send

    now = clock.now()
    rotation.rotate("http://127.0.0.1", now=now)
    key = keyring.load().current("mac", now).id
    batches = []
    for first in range(0, mails + BATCH, BATCH):  # the first batch warms up
        records = []
        for number in range(first, first + BATCH):
            made = Verification(
                id=ids.new_id(), address=f"reader{number}@example.com",
                seed=ids.new_seed(), key_id=key, length=6, lane="-",
                created_at=now, expires_at=now + 600,
            )  # fmt: skip
            place = keys.verification(made.id)
            store.write(writes.Put(place, item=values.item_of(made)))
            body = json.dumps({"verification_id": made.id, "language": "zh-CN"})
            attributes = {"ApproximateReceiveCount": "1"}
            record = {"messageId": made.id, "receiptHandle": made.id, "attributes": attributes}
            records.append(record | {"body": body, "eventSourceARN": "arn:aws:sqs:local:1:mail"})
        batches.append({"Records": records})
    handler(batches.pop(0), None)
    failed = 0
    wall, processor = time.perf_counter(), time.process_time()
    for batch in batches:
        failed += len(handler(batch, None)["batchItemFailures"])
    sent = len(batches) * BATCH
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    rendering = []
    for _ in range(mails):
        began = time.process_time()
        mail = samples.render_sample("sign_in", "zh-CN")
        send.message_of(mail, send.transports()[0].sender).message.as_bytes()
        rendering.append(time.process_time() - began)
    print(
        f"{sent} mails, {failed} failed: {sent / wall:.0f} a second over one kept TLS connection; "
        f"processor {processor / sent * 1000:.1f} ms a mail, of which rendering "
        f"{statistics.median(rendering) * 1000:.1f} ms",
        file=sys.stderr,
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
