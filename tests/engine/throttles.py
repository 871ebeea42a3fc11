"""Throttling, which AWS's service has and its engine for tests does not show.

A table or a partition that gets more than its rate refuses a call with an error of its own, and a
transaction by one of its cancellation reasons (DynamoDB Developer Guide, "Error handling"). So the
answer is given in place of the engine's, where botocore tries a call again by itself.
"""

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HTTPHeaders

CODES = ("ProvisionedThroughputExceededException", "ThrottlingException")
REASONS = ("ProvisionedThroughputExceeded", "ThrottlingError")


class Throttles:
    """Refuses each request to the engine with the chance `odds`, and counts what it refuses."""

    def __init__(self, client: Any, *, odds: float = 0.0) -> None:
        self.odds = odds
        self.met: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._random = random.Random(1843)
        self._events = client.meta.events
        self._events.register("before-send.dynamodb", self._refuse)

    def stop(self) -> None:
        """Refuse nothing any more."""
        self._events.unregister("before-send.dynamodb", self._refuse)

    def _refuse(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        with self._lock:
            if self._random.random() >= self.odds:
                return None
            code = self._random.choice(CODES)
            by_reason = self._random.random() < 0.5
        target = request.headers["X-Amz-Target"]
        name = (target.decode() if isinstance(target, bytes) else target).partition(".")[2]
        answer: dict[str, Any] = {"message": "throttled"}
        if name == "TransactWriteItems" and by_reason:
            body = request.body.decode() if isinstance(request.body, bytes) else request.body
            others = [{"Code": "None"} for _ in json.loads(str(body))["TransactItems"][1:]]
            answer["CancellationReasons"] = [{"Code": REASONS[CODES.index(code)]}, *others]
            code = "TransactionCanceledException"
        answer["__type"] = f"com.amazonaws.dynamodb.v20120810#{code}"
        self.met[f"{name} {code}"] += 1
        headers = HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.0"})
        return AWSResponse(request.url, 400, headers, _Raw(json.dumps(answer).encode()))


class _Raw:
    """The body of an answer, as urllib3 gives it to botocore."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body
