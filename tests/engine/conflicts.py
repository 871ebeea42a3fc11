"""Transaction conflicts, which AWS's service has and its engine for tests does not show.

On AWS, a write that meets a transaction on the same item is refused, and so is a transaction that
meets a write or another transaction (DynamoDB Developer Guide, "Transaction conflict handling").
"""

import random
import threading
import time
from collections import Counter
from typing import Any

from botocore.awsrequest import AWSResponse, HTTPHeaders

WRITES = ("PutItem", "UpdateItem", "DeleteItem")
TRANSACTION = "TransactWriteItems"


class Conflicts:
    """Holds the items of each write while it lasts, and refuses transactions that meet one.

    `held_seconds` is how much longer a transaction lasts than the engine takes for it. `odds` is
    the chance that a write is refused without a cause, for the attackers that a test has not.
    """

    def __init__(self, client: Any, *, held_seconds: float = 0.005, odds: float = 0.0) -> None:
        self.held_seconds = held_seconds
        self.odds = odds
        self.met: Counter[str] = Counter()
        self._transacting: set[tuple[str, str]] = set()
        self._writing: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._mine = threading.local()
        self._random = random.Random(1843)
        self._hooks = [
            (client.meta.events, f"{when}.dynamodb.{name}", act)
            for name in (*WRITES, TRANSACTION)
            for when, act in (
                ("provide-client-params", self._note),
                ("before-call", self._begin),
                ("after-call", self._end),
                ("after-call-error", self._end),
            )
        ]
        for events, name, act in self._hooks:
            events.register(name, act)

    def stop(self) -> None:
        """Refuse nothing any more."""
        for events, name, act in self._hooks:
            events.unregister(name, act)

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == TRANSACTION:
            self._mine.items = [
                _place(write) for kind in params["TransactItems"] for write in kind.values()
            ]
        else:
            self._mine.items = [_place(params)]
        self._mine.is_held = False

    def _begin(self, model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        items, by_transaction = self._mine.items, model.name == TRANSACTION
        with self._lock:
            met = [
                item in self._transacting or (by_transaction and self._writing[item] > 0)
                for item in items
            ]
            if self._random.random() < self.odds:
                met[0] = True
            if not any(met):
                self._mine.is_held = True
                if by_transaction:
                    self._transacting.update(items)
                else:
                    self._writing.update(items)
                return None
            self.met[model.name] += 1
        return _refusal(met if by_transaction else None)

    def _end(self, **_: Any) -> None:
        if not self._mine.is_held:
            return
        self._mine.is_held = False
        by_transaction = len(self._mine.items) > 1
        if by_transaction:
            time.sleep(self.held_seconds)
        with self._lock:
            if by_transaction:
                self._transacting.difference_update(self._mine.items)
            else:
                self._writing.subtract(self._mine.items)


def _place(write: dict[str, Any]) -> tuple[str, str]:
    key = write.get("Key") or {name: write["Item"].get(name) for name in ("pk", "sk")}
    return write["TableName"], str([key.get(name) for name in ("pk", "sk")])


def _refusal(met: list[bool] | None) -> tuple[AWSResponse, dict[str, Any]]:
    """Return what botocore makes of a refusal: of a transaction if `met` says which items met."""
    code = "TransactionConflictException" if met is None else "TransactionCanceledException"
    answer: dict[str, Any] = {
        "Error": {"Code": code, "Message": "conflict"},
        "ResponseMetadata": {},
    }
    if met is not None:
        codes = ("TransactionConflict" if one else "None" for one in met)
        answer["CancellationReasons"] = [{"Code": one} for one in codes]
    return AWSResponse("", 400, HTTPHeaders(), None), answer
