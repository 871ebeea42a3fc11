"""Compute the monthly bill of AWS: `python -m bench.cost`. It needs Java, for AWS's own engine.

A user's month goes through the handlers that are deployed. AWS's engine says how many units each
call of DynamoDB takes, except a transaction, of which it tells fewer than AWS bills. The bytes of
log lines and answers are counted, and the processor time is measured. What only AWS can tell is in
ASSUMED. Free tiers, taxes, support, and the preflights of web pages (up to one for each request)
are left out.
"""

import contextlib
import importlib
import io
import json
import os
import secrets
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1] / "layers/core/python"))

import boto3
from moto import mock_aws

from latchkey import aws
from latchkey.codes import verification
from latchkey.keys import rotation
from local.template import table_definition, template
from tests.engine import dynamodb_local
from tests.unit.calls import CONTEXT, ROOT

# A user's month: sign-ins by code on a device that the account knows, and refreshes.
SIGN_INS, REFRESHES = 2, 30
GB, MILLION = 1e9, 1e6
# By users: the part of the requests that meets no warm container, and the custom metrics that get a
# value in an hour (at most one for each operation, word of refusal and cause, and some others).
USERS = {1_000: (0.3, 20), 10_000: (0.1, 35), 100_000: (0.02, 50), 1_000_000: (0.005, 68)}
ASSUMED = {
    # A call from warm Lambda over an open connection, in milliseconds.
    "BatchGetItem": 5,
    "GetItem": 4,
    "UpdateItem": 6,
    "PutItem": 6,
    "TransactWriteItems": 14,
    "SendMessage": 12,
    "SendEmail": 90,
    "seconds to start a container": 1.0,
    # Memory decides processor time: 1769 MB get a whole processor.
    "processor": 1024 / 1769,
    "bytes around an answer": 500,
    "bytes around a log line": 26,
    "bytes of a line of the access log": 305,
    "size of compressed logs": 0.15,
    # Five pollers for each of the two queues ask all the time, each for 20 s.
    "polls of empty queues": 2 * 5 * 30 * 86_400 / 20,
}
# List prices of us-east-1 in dollars, the first tier, as known in November 2026, and the page below
# https://aws.amazon.com/ that has them.
PRICES = {
    "SES: mails": (0.10 / 1_000, "ses/pricing"),
    "API Gateway: requests of an HTTP API": (1.00 / MILLION, "api-gateway/pricing"),
    "Lambda: requests": (0.20 / MILLION, "lambda/pricing"),
    # Since August 2025 also for the start of a container.
    "Lambda: GB-seconds, arm64": (0.0000133334, "lambda/pricing"),
    # Units cost half of what they did before November 2024.
    "DynamoDB: write units": (0.625 / MILLION, "dynamodb/pricing/on-demand"),
    "DynamoDB: read units": (0.125 / MILLION, "dynamodb/pricing/on-demand"),
    "DynamoDB: storage": (0.25 / GB, "dynamodb/pricing/on-demand"),
    "DynamoDB: point-in-time recovery": (0.20 / GB, "dynamodb/pricing/on-demand"),
    "Logs of the functions": (0.50 / GB, "cloudwatch/pricing"),
    "Access log": (0.50 / GB, "cloudwatch/pricing"),
    "Logs: storage": (0.03 / GB, "cloudwatch/pricing"),
    "SQS: requests": (0.40 / MILLION, "sqs/pricing"),
    "Data out": (0.09 / GB, "ec2/pricing/on-demand"),
    "KMS: requests": (0.03 / 10_000, "kms/pricing"),
    "KMS: key": (1.00, "kms/pricing"),
    "CloudWatch: custom metrics": (0.30, "cloudwatch/pricing"),
    "CloudWatch: metrics in alarms": (0.10, "cloudwatch/pricing"),
    "CloudWatch: dashboard": (3.00, "cloudwatch/pricing"),
}


def main() -> None:
    """Print what the operations take, and what the users cost."""
    with dynamodb_local.running() as endpoint, deployed(endpoint) as user:
        month = user.month()
    columns = ("times", "writes", "reads", "log bytes", "answer bytes", "processor ms", "billed ms")
    print(f"{'':15}" + "".join(f"{name:>14}" for name in columns))
    for operation, times in user.times.items():
        averages = (user.taken[operation][name] / times for name in columns[1:])
        print(f"{operation:15}{times:14}" + "".join(f"{one:14.1f}" for one in averages))
    bills = [bill(month, users) for users in USERS]
    print(f"\n{'USD a month':37}" + "".join(f"{users:>12,}" for users in USERS))
    for name in PRICES:
        print(f"{name:37}" + "".join(f"{one[name]:12.2f}" for one in bills))
    print(f"{'all':37}" + "".join(f"{sum(one.values()):12.2f}" for one in bills))


def bill(month: Mapping[str, float], users: int) -> dict[str, float]:
    """Return dollars by unit, for so many users who each take in a month what is given."""
    starts, metrics = USERS[users]
    units = defaultdict(float, {name: taken * users for name, taken in month.items()})
    started = starts * units["Lambda: requests"]
    units["Lambda: GB-seconds, arm64"] += started * ASSUMED["seconds to start a container"]
    units["DynamoDB: read units"] += started  # the keyring
    units["KMS: requests"] += started * 2
    units["SQS: requests"] += ASSUMED["polls of empty queues"]
    units["CloudWatch: custom metrics"] = metrics
    units["CloudWatch: metrics in alarms"] = sum(
        sum("MetricStat" in metric for metric in one["Properties"].get("Metrics", [])) or 1
        for one in template()["Resources"].values()
        if one["Type"] == "AWS::CloudWatch::Alarm" and "Condition" not in one
    )
    units["CloudWatch: dashboard"] = units["KMS: key"] = 1
    return {name: taken * PRICES[name][0] for name, taken in units.items()}


class User:
    """A user on a device, and what their requests take, by operation."""

    def __init__(self) -> None:
        self.device, self.address, self.refresh_token = secrets.token_hex(16), "ada@example.com", ""
        self.times: Counter[str] = Counter()
        self.taken: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self.units: dict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self.queued: list[str] = []

    def month(self) -> dict[str, float]:
        """Sign up, and return what the user then takes in a month."""
        self._ask("sign_up", {"verification_token": self._prove(), "password": "engine1843"})
        self._sign_in()  # From the second one on, keys are there and connections open.
        self.times.clear()
        self.taken.clear()
        for _ in range(SIGN_INS):
            self._sign_in()
        for _ in range(REFRESHES):
            body = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
            self.refresh_token = self._ask("grant_token", body)["refresh_token"]
        total: dict[str, float] = defaultdict(float)
        for taken in self.taken.values():
            for name, value in taken.items():
                total[name] += value
        line = ASSUMED["bytes of a line of the access log"] + ASSUMED["bytes around a log line"]
        sizes = {
            name: aws.dynamodb().describe_table(TableName=name)["Table"]["TableSizeBytes"]
            for name in ("Accounts", "Grants")
        }
        logged = total["log bytes"] + total["requests"] * line
        return {
            "SES: mails": self.times["send_mail"],
            "API Gateway: requests of an HTTP API": total["requests"],
            "Lambda: requests": self.times.total(),
            "Lambda: GB-seconds, arm64": total["billed ms"] / 1000,
            "DynamoDB: write units": total["writes"],
            "DynamoDB: read units": total["reads"],
            "DynamoDB: storage": sum(sizes.values()),
            "DynamoDB: point-in-time recovery": sizes["Accounts"],
            "Logs of the functions": total["log bytes"],
            "Access log": total["requests"] * line,
            "Logs: storage": logged * ASSUMED["size of compressed logs"],
            "SQS: requests": self.times["send_mail"] * 3,  # sent, received, deleted
            "Data out": total["answer bytes"],
        }

    def _sign_in(self) -> None:
        body = {"username": self.address, "verification_token": self._prove()}
        self.refresh_token = self._ask("sign_in", body)["refresh_token"]

    def _prove(self) -> str:
        sent = self._ask("send_code", {"email": self.address})["verification_id"]
        event = _event("send_mail")
        event["Records"][0]["body"] = self.queued.pop()
        self._measure("send_mail", event)
        event = _event("mail_feedback")
        event["detail"] |= {"eventType": "Delivery", "bounce": None}
        event["detail"]["mail"]["tags"]["id"] = [sent]
        self._measure("mail_feedback", event)
        found = verification.read(sent)
        body = {"verification_id": sent, "verification_code": found.code() if found else ""}
        return str(self._ask("verify_code", body)["verification_token"])

    def _ask(self, operation: str, body: object) -> dict[str, Any]:
        event = _event(operation) | {"body": json.dumps(body)}
        event["headers"] |= {"x-request-id": secrets.token_hex(16), "x-device-id": self.device}
        answer = self._measure(operation, event)
        if answer["statusCode"] != 200:
            raise SystemExit(f"no success: {answer}")
        taken = self.taken[operation]
        taken["requests"] += 1
        taken["answer bytes"] += len(answer["body"].encode()) + ASSUMED["bytes around an answer"]
        return dict(json.loads(answer["body"]))

    def _measure(self, operation: str, event: dict[str, Any]) -> Any:
        handler = importlib.import_module(f"functions.{operation}.app").handler
        self.units.clear()
        self.calls.clear()
        with contextlib.redirect_stdout(io.StringIO()) as written:
            began = time.process_time()
            answer = handler(event, CONTEXT)
            processor = (time.process_time() - began) * 1000
        self.times[operation] += 1
        taken = self.taken[operation]
        for name, value in self.units.items():
            taken[name] += value
        for line in written.getvalue().splitlines():
            taken["log bytes"] += len(line.encode()) + ASSUMED["bytes around a log line"]
        taken["processor ms"] += processor
        waited = sum(ASSUMED[name] * times for name, times in self.calls.items())
        taken["billed ms"] += processor / ASSUMED["processor"] + waited
        return answer

    def note(self, model: Any, parsed: dict[str, Any], **_: Any) -> None:
        """Count a call of DynamoDB, and the units that it took."""
        self.calls[model.name] += 1
        if model.name == "TransactWriteItems":
            return
        kind = "reads" if model.name in ("GetItem", "BatchGetItem") else "writes"
        found = parsed["ConsumedCapacity"]
        for one in found if isinstance(found, list) else [found]:
            self.units[kind] += one["CapacityUnits"]

    def note_transaction(self, params: dict[str, Any], **_: Any) -> None:
        """Count two units for each item, as AWS bills those of up to 1 KB. Ours have 500 bytes."""
        self.units["writes"] += 2 * len(params["TransactItems"])

    def enqueue(self, **message: str) -> None:
        """Stand in for SQS."""
        self.calls["SendMessage"] += 1
        self.queued.append(message["MessageBody"])

    def send(self, **_: object) -> dict[str, str]:
        """Stand in for SES."""
        self.calls["SendEmail"] += 1
        return {"MessageId": "0107-example-message"}


@contextlib.contextmanager
def deployed(endpoint: str) -> Iterator[User]:
    """Make tables and keys as the template does, and a user whose calls are noted."""
    queue = "https://sqs.us-east-1.amazonaws.com/123456789012/MailQueue"
    variables = {
        **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "test"),
        **dict.fromkeys(("MAIL_QUEUE_URL", "NOTICE_QUEUE_URL"), queue),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "ACCOUNTS_TABLE": "Accounts",
        "GRANTS_TABLE": "Grants",
        "POWERTOOLS_METRICS_NAMESPACE": "Latchkey/latchkey",
        "MAIL_TRANSPORT": "ses",
        "SENDER_ADDRESS": "login@example.com",
        "CODE_COOLDOWN_SECONDS": "0",
    }
    user = User()
    sqs, ses = SimpleNamespace(send_message=user.enqueue), SimpleNamespace(send_email=user.send)
    with (
        mock.patch.dict(os.environ, variables),
        mock_aws(),
        mock.patch.object(aws, "sqs", return_value=sqs),
        mock.patch.object(aws, "ses", return_value=ses),
    ):
        os.environ.pop("AWS_ENDPOINT_URL", None)
        os.environ["KMS_KEY_ID"] = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
        for name in ("Accounts", "Grants"):
            boto3.client("dynamodb").create_table(TableName=name, **table_definition(name))
        rotation.rotate("https://login.example.com", now=int(time.time()))
        events = aws.dynamodb().meta.events
        for call in ("GetItem", "BatchGetItem", "UpdateItem", "PutItem", "TransactWriteItems"):
            events.register(f"provide-client-params.dynamodb.{call}", _ask_for_units)
            events.register(f"after-call.dynamodb.{call}", user.note)
        events.register("provide-client-params.dynamodb.TransactWriteItems", user.note_transaction)
        yield user


def _ask_for_units(params: dict[str, Any], **_: Any) -> None:
    params["ReturnConsumedCapacity"] = "TOTAL"


def _event(operation: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / f"events/{operation}.json").read_text())
    return found


if __name__ == "__main__":
    main()
