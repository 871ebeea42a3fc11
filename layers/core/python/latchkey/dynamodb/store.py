"""Read and write items: the only module that calls DynamoDB, directory.py apart."""

import random  # noqa: TID251 - only to spread retries
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from latchkey import aws, errors, log
from latchkey.dynamodb.keys import Key
from latchkey.dynamodb.values import Item, Value, unpack_all
from latchkey.dynamodb.writes import (
    Conflict,
    Put,
    Update,
    Write,
    names,
    packed_key,
    packed_values,
    table_name,
)

# DynamoDB refuses a write that meets a transaction on the same item. It is tried again after a
# random pause of up to 20, 40, 80 and then always 160 ms ("full jitter", AWS Architecture Blog):
# all attempts take 5 s on average, and at most 10 s. So many are needed while somebody floods the
# items of an account: seven gave up in tests/engine/test_flood.py, 64 let its owner in each time.
_ATTEMPTS = 64
_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.16
# A table or a partition has a rate. Beyond it, botocore tries a call twice, with a pause of up to a
# second. So many times that take 3 s on average, and at most 7 s. When half of all calls are
# refused, one in 4,000 is refused in the end (tests/engine/test_throttling.py).
_THROTTLED_ATTEMPTS = 6
_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
}
# Why a transaction is cancelled, if it is worth trying again. Others, such as an item of more than
# 400 KB (`ValidationError`), would be the same again.
_PASSING = {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
# The most that BatchWriteItem takes.
_BATCH = 25


def get(*keys: Key) -> list[Item | None]:
    """Read the items of all keys, from both tables, in one consistent call.

    The result has the order of the keys, with None for an item that does not exist. Raises
    Unavailable.
    """
    if len(keys) == 1:
        (key,) = keys
        answer = call(
            aws.dynamodb().get_item,
            TableName=table_name(key),
            Key=packed_key(key),
            ConsistentRead=True,
        )
        return [unpack_all(answer["Item"]) if "Item" in answer else None]
    wanted: dict[str, Any] = {}
    for key in dict.fromkeys(keys):
        request = wanted.setdefault(table_name(key), {"Keys": [], "ConsistentRead": True})
        request["Keys"].append(packed_key(key))
    found: dict[tuple[str, str, str | None], Item] = {}
    for attempt in range(_ATTEMPTS):
        answer = call(aws.dynamodb().batch_get_item, RequestItems=wanted)
        for table, items in answer["Responses"].items():
            for item in map(unpack_all, items):
                found[table, item["pk"], item.get("sk")] = item
        wanted = answer.get("UnprocessedKeys") or {}
        if not wanted:
            return [found.get((table_name(key), key.pk, key.sk)) for key in keys]
        _pause(attempt)
    raise _gave_up()


def query(
    prefix: Key,
    *,
    newest_first: bool = False,
    after: Key | None = None,
    only: str = "",
    values: Mapping[str, Value] | None = None,
    page: int | None = None,
) -> Iterator[Item]:
    """Read the items whose sort key begins with that of `prefix`, in order, consistently.

    `after` skips everything up to that key; `only` skips what does not fulfil that expression. Each
    call to DynamoDB is made when its items are asked for, and reads up to 1 MB or `page` items.
    Raises Unavailable.
    """
    condition = "#pk = :pk AND begins_with(#sk, :sk)" if prefix.sk else "#pk = :pk"
    wanted: dict[str, Any] = {
        "TableName": table_name(prefix),
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names(f"{condition} {only}"),
        "ExpressionAttributeValues": packed_values(
            {"pk": prefix.pk} | ({"sk": prefix.sk} if prefix.sk else {}) | dict(values or {})
        ),
        "ConsistentRead": True,
        "ScanIndexForward": not newest_first,
    }
    wanted |= {"FilterExpression": only} if only else {}
    wanted |= {"Limit": page} if page else {}
    wanted |= {"ExclusiveStartKey": packed_key(after)} if after else {}
    while True:
        answer = call(aws.dynamodb().query, **wanted)
        yield from map(unpack_all, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        wanted["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def write(*writes: Write) -> Item:
    """Do all of the writes or none. Return the new item if there is a single update, else {}.

    Raises Conflict if a condition does not hold, and Unavailable.
    """
    if len(writes) == 1:
        return _write_one(writes[0])
    transaction = [{type(write).__name__: write.arguments()} for write in writes]
    for attempt in range(_ATTEMPTS):
        try:
            call(aws.dynamodb().transact_write_items, TransactItems=transaction)
        except _Refused as refused:
            reasons = refused.answer.get("CancellationReasons", [])
            failed = [
                (write, reason.get("Item"))
                for write, reason in zip(writes, reasons, strict=False)
                if reason.get("Code") == "ConditionalCheckFailed"
            ]
            if failed:
                raise Conflict(failed) from None
            codes = [reason.get("Code") for reason in reasons]
            if not _PASSING.issuperset(codes):
                log.fault("DynamoDB did not do a transaction", refused, reasons=codes)
                raise errors.Unavailable from refused
            _pause(attempt)
        else:
            return {}
    raise _gave_up()


def write_each(*writes: Write) -> None:
    """Do puts and deletes without conditions, in batches. Some may be done when this fails.

    Raises Unavailable.
    """
    requests = [(table_name(write.key), _batched(write)) for write in writes]
    for first in range(0, len(requests), _BATCH):
        wanted: dict[str, Any] = {}
        for table, request in requests[first : first + _BATCH]:
            wanted.setdefault(table, []).append(request)
        for attempt in range(_ATTEMPTS):
            answer = call(aws.dynamodb().batch_write_item, RequestItems=wanted)
            wanted = answer.get("UnprocessedItems") or {}
            if not wanted:
                break
            _pause(attempt)
        else:
            raise _gave_up()


def _batched(write: Write) -> dict[str, Any]:
    wanted = "Item" if isinstance(write, Put) else "Key"
    return {f"{type(write).__name__}Request": {wanted: write.arguments()[wanted]}}


def _write_one(write: Write) -> Item:
    client = aws.dynamodb()
    arguments = write.arguments()
    for attempt in range(_ATTEMPTS):
        try:
            if isinstance(write, Update):
                answer = call(client.update_item, ReturnValues="ALL_NEW", **arguments)
                return unpack_all(answer["Attributes"])
            call(client.put_item if isinstance(write, Put) else client.delete_item, **arguments)
        except _Refused as refused:
            if refused.code == "ConditionalCheckFailedException":
                raise Conflict([(write, refused.answer.get("Item"))]) from None
            _pause(attempt)
        else:
            return {}
    raise _gave_up()


class _Refused(Exception):
    """DynamoDB refused a write because of its condition or because of another write."""

    def __init__(self, code: str, answer: Any) -> None:
        super().__init__(code)
        self.code = code
        self.answer = answer


_REFUSALS = {
    "ConditionalCheckFailedException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "TransactionInProgressException",
}


def call(operation: Callable[..., Any], **arguments: Any) -> Any:
    """Call DynamoDB, again for some seconds if it throttles. Raises Unavailable."""
    attempt = 0
    while True:
        attempt += 1
        try:
            return operation(**arguments)
        except aws.FAULTS as error:
            code, answer = aws.error_of(error)
            if code in _REFUSALS:
                raise _Refused(code, answer) from None
            if code not in _THROTTLED or attempt == _THROTTLED_ATTEMPTS:
                log.fault("DynamoDB did not do a call", error)
                raise errors.Unavailable from error
            _pause(attempt)


def _gave_up() -> errors.Unavailable:
    log.warning("DynamoDB refused a call too often")
    return errors.Unavailable()


def _pause(attempt: int) -> None:
    # This randomness spreads retries and guards nothing.
    longest = min(_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)
    time.sleep(random.uniform(0, longest))  # noqa: S311
