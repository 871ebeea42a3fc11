"""The index Directory of Accounts, which lists users for operators (keys.py)."""

from dataclasses import dataclass
from typing import Any

from latchkey import aws
from latchkey.dynamodb import keys, store
from latchkey.dynamodb.values import Item, pack_all, unpack_all
from latchkey.dynamodb.writes import packed_values, table_name


@dataclass(frozen=True)
class Range:
    """The entries of an order from `first` to `last`, both included."""

    order: keys.Order
    first: str = " "
    last: str = "\U0010ffff"
    newest_first: bool = False


def beginning_with(order: keys.Order, prefix: str, *, newest_first: bool = False) -> Range:
    """Return the range of the entries that begin with a text."""
    return Range(order, prefix or " ", prefix + "\U0010ffff", newest_first)


def read(wanted: Range, *, after: Item | None, most: int) -> tuple[list[Item], Item | None]:
    """Read at most so many items of a range, in order: their keys, entry and `sub`. Return them,
    and where to go on if there may be more. An index is a moment behind its table. Raises
    Unavailable.
    """
    answer = store.call(
        aws.dynamodb().query,
        TableName=table_name(keys.KEYRING),
        IndexName="Directory",
        KeyConditionExpression="#directory = :order AND #entry BETWEEN :first AND :last",
        ExpressionAttributeNames={"#directory": "directory", "#entry": "entry"},
        ExpressionAttributeValues=packed_values(
            {"order": wanted.order, "first": wanted.first, "last": wanted.last}
        ),
        ScanIndexForward=not wanted.newest_first,
        Limit=most,
        **_start(after),
    )
    end = answer.get("LastEvaluatedKey")
    return [unpack_all(item) for item in answer["Items"]], unpack_all(end) if end else None


def unlisted(*, after: Item | None, most: int) -> tuple[list[Item], Item | None]:
    """Read so many items of Accounts, and return those that should be in the index and are not:
    users who were made before there was one, and their guards. Raises Unavailable.
    """
    kinds = {"user": "USER#", "email": "EMAIL#", "username": "USERNAME#"}
    answer = store.call(
        aws.dynamodb().scan,
        TableName=table_name(keys.KEYRING),
        FilterExpression="attribute_not_exists(#directory) AND ("
        + " OR ".join(f"begins_with(#pk, :{kind})" for kind in kinds)
        + ")",
        ProjectionExpression="#pk, #created_at",
        ExpressionAttributeNames={name: name[1:] for name in ("#directory", "#pk", "#created_at")},
        ExpressionAttributeValues=packed_values(kinds),
        Limit=most,
        **_start(after),
    )
    end = answer.get("LastEvaluatedKey")
    return [unpack_all(item) for item in answer["Items"]], unpack_all(end) if end else None


def _start(after: Item | None) -> dict[str, Any]:
    return {"ExclusiveStartKey": pack_all(after)} if after else {}
