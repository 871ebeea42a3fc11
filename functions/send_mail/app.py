"""The queues of codes and notices: render and send the mail of each message."""

import time
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import TypeAdapter

from latchkey import clock, errors, log, snapshots
from latchkey.mail import dispatch, queue, send

# After so long no further mail of a batch is started: each of the two transports may take 25 s for
# it (mail/smtp/connection.py), and the function ends after 90 s.
BATCH_SECONDS = 30
# For how long a passing fault of ours is tried again with growing pauses, and the pause after a
# message that cannot be read or rendered. After 40 tries (template.yaml) a message goes to the
# dead-letter queue.
FAULT_SECONDS = 60

_MESSAGE = TypeAdapter(queue.Message)

snapshots.register(send.forget)


class _TryAgain(Exception):
    """The message is not done. It stays in the queue."""


@log.logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], context: Any) -> Any:
    """Send a batch of a queue, and report the messages that stay there (a partial batch response).

    New messages go first, then those that have failed before; what there is no time for goes to
    another container. So a mail that fails delays no other mail by more than its own time-out.
    """
    started = time.monotonic()

    def send_one(record: SQSRecord) -> None:
        if time.monotonic() - started > BATCH_SECONDS:
            _postpone(record, 0)
            raise _TryAgain
        seconds = _send(record)
        if seconds:
            _postpone(record, seconds)
            raise _TryAgain

    event = {"Records": sorted(event["Records"], key=_tries)}
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event, send_one, processor, context)


def _send(record: SQSRecord) -> int:
    """Send one message. Return after how many seconds it must come again; 0 if it is done."""
    tries = _tries(record.raw_event)
    try:
        message = _MESSAGE.validate_json(record.body)
        left = dispatch.dispatch(message, now=clock.now())
        return queue.pause(tries, seconds_left=left) if left else 0
    except errors.AuthError as cause:
        log.fault("mail not sent yet", cause)
        return queue.pause(tries, seconds_left=FAULT_SECONDS)
    except Exception as cause:
        log.fault("unhandled exception", cause, operation="send_mail")
        return FAULT_SECONDS


def _postpone(record: SQSRecord, seconds: int) -> None:
    queue.postpone(record.receipt_handle, record.event_source_arn, seconds=seconds)


def _tries(record: dict[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])
