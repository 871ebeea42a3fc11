"""The two tables: every key, and the few operations on them.

Accounts (key `pk`; nothing expires):

    USER#<sub>          profile, email, username, password_hash, version (counts their changes)
    EMAIL#<address>     sub: the guard that makes an address unique
    USERNAME#<name>     sub: likewise
    KEYRING             the keys, wrapped; issuer; revision

Grants (keys `pk`, `sk`; everything expires at `expires_at`, epoch seconds, which conditions and
readers check, because DynamoDB's own TTL deletes up to days late):

    VERIFICATION#<id>  -                 a mailed code, then its proof; expires with the code, then
                                         with the token
    SEND#<tag>         -                 what was sent to an address: cool-down, daily limit, live
                                         and spent seeds
    SEND-IP#<source>   <hour>            how many codes a source address asked for in that hour
    SUPPRESSED#<tag>   -                 an address that bounced or complained: no mail until then
    USER#<sub>         SESSION#<sid>     a signed-in device; expires with its refresh token
    USER#<sub>         DEVICE#<id>       a device that has signed in before
    USER#<sub>         EVENT#<t>#<id>    security history; expires after 90 days
    USER#<sub>         PROVEN#<address>  this user has proven this address, to make it theirs;
                                         expires with the proof

A condition and its write are one call, never a read followed by a write. Expressions are DynamoDB's
own; a word with `#` in front stands for the attribute of that name, so that no reserved word can
get in the way.
"""

import random  # noqa: TID251 - only to spread retries
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from latchkey import aws, errors, log, settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Value: TypeAlias = (
    str | int | bool | bytes | set[str] | list[Any] | tuple[Any, ...] | dict[str, Any]
)
Item: TypeAlias = dict[str, Any]

ABSENT = "attribute_not_exists(#pk)"
PRESENT = "attribute_exists(#pk)"

# A transaction that meets another on the same item is refused, not queued: it is tried again after
# a random pause of up to 20, 40, 80, ... ms ("full jitter", AWS Architecture Blog), less than 1.3 s
# in all.
_ATTEMPTS = 7
_PAUSE = 0.02
# The most that BatchWriteItem takes.
_BATCH = 25


@dataclass(frozen=True)
class Key:
    """Where an item is."""

    table: Literal["accounts", "grants"]
    pk: str
    sk: str | None = None


def user(sub: str) -> Key:
    """A person."""
    return Key("accounts", f"USER#{sub}")


def email(address: str) -> Key:
    """The guard of a canonical address."""
    return Key("accounts", f"EMAIL#{address}")


def username(name: str) -> Key:
    """The guard of a canonical user name."""
    return Key("accounts", f"USERNAME#{name}")


KEYRING = Key("accounts", "KEYRING")


def verification(verification_id: str) -> Key:
    """A mailed code."""
    return Key("grants", f"VERIFICATION#{verification_id}", "-")


def sends(tag: str) -> Key:
    """What was sent to an address; the tag is a MAC, so that limits hold no addresses."""
    return Key("grants", f"SEND#{tag}", "-")


def source_sends(source: str, hour: int) -> Key:
    """How often an IP address asked in that hour since 1970: a counter of its own for each hour
    needs no reset.
    """
    return Key("grants", f"SEND-IP#{source}", str(hour))


def suppression(tag: str) -> Key:
    """An address that is left alone; the tag is as that of sends."""
    return Key("grants", f"SUPPRESSED#{tag}", "-")


def device(sub: str, device_id: str) -> Key:
    """A device that has signed in before; those that do not say who they are count as one."""
    return Key("grants", f"USER#{sub}", f"DEVICE#{device_id or '-'}")


def session(sub: str, sid: str) -> Key:
    """A signed-in device."""
    return Key("grants", f"USER#{sub}", f"SESSION#{sid}")


def event(sub: str, at: int, event_id: str) -> Key:
    """An entry of the security history, in the order of time."""
    return Key("grants", f"USER#{sub}", f"EVENT#{at:012d}#{event_id}")


def events(sub: str) -> Key:
    """Where the keys of a user's security history begin."""
    return Key("grants", f"USER#{sub}", "EVENT#")


def event_marked(sub: str, mark: str) -> Key:
    """The entry of the security history that has this mark (`mark`)."""
    return Key("grants", f"USER#{sub}", f"EVENT#{mark}")


def mark(entry: Item) -> str:
    """Return what tells an entry of a user's security history from all others."""
    return str(entry["sk"]).removeprefix("EVENT#")


def proven(sub: str, address: str) -> Key:
    """An address that a user has proven in order to change to it."""
    return Key("grants", f"USER#{sub}", f"PROVEN#{address}")


def sessions(sub: str) -> Key:
    """Where the keys of a user's sessions begin."""
    return Key("grants", f"USER#{sub}", "SESSION#")


def belongings(sub: str) -> Key:
    """Where the keys of all that belongs to a user begin, except themself."""
    return Key("grants", f"USER#{sub}", "")


def place(item: Item) -> Key:
    """Return where an item of Grants that was read is."""
    return Key("grants", item["pk"], item["sk"])


class Conflict(Exception):
    """A condition did not hold.

    `items` has, per write, the item that stood in its way; None where there is none or the write
    was not at fault. `refusal` is what the first failing write that names one wants the client to
    be told.
    """

    def __init__(self, items: Sequence[Item | None], refusal: errors.AuthError | None) -> None:
        super().__init__("condition failed")
        self.items = items
        self.refusal = refusal or errors.Aborted()


@dataclass(frozen=True)
class Write:
    """One write under a condition; `refusal` is the answer if the condition does not hold."""

    key: Key
    when: str
    values: dict[str, Value] = field(default_factory=dict)
    refusal: Callable[[], errors.AuthError] | None = None

    def arguments(self) -> dict[str, Any]:
        """Return what PutItem, UpdateItem, DeleteItem and their forms in a transaction share."""
        optional = {
            "ConditionExpression": self.when,
            "ExpressionAttributeNames": _names(self.when),
            "ExpressionAttributeValues": _values(self.values),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD" if self.when else "",
        }
        return {"TableName": _name(self.key)} | {k: v for k, v in optional.items() if v}


@dataclass(frozen=True)
class Put(Write):
    """Write a whole item."""

    item: Item = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Add the item."""
        return super().arguments() | {"Item": _key(self.key) | _pack_all(self.item)}


@dataclass(frozen=True)
class Update(Write):
    """Set attributes, where None removes one, and add to numbers and to sets of text."""

    sets: Item = field(default_factory=dict)
    adds: dict[str, int | set[str]] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Add the key and the changes."""
        kept = {name: value for name, value in self.sets.items() if value is not None}
        clauses = {
            "SET": ", ".join(f"#{name} = :set_{name}" for name in kept),
            "REMOVE": ", ".join(f"#{name}" for name in self.sets if name not in kept),
            "ADD": ", ".join(f"#{name} :add_{name}" for name in self.adds),
        }
        expression = " ".join(f"{verb} {changes}" for verb, changes in clauses.items() if changes)
        return super().arguments() | {
            "Key": _key(self.key),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": _names(f"{self.when} {expression}"),
            "ExpressionAttributeValues": _values(
                self.values
                | {f"set_{name}": value for name, value in kept.items()}
                | {f"add_{name}": value for name, value in self.adds.items()}
            ),
        }


@dataclass(frozen=True)
class Delete(Write):
    """Delete an item."""

    def arguments(self) -> dict[str, Any]:
        """Add the key."""
        return super().arguments() | {"Key": _key(self.key)}


@dataclass(frozen=True)
class ConditionCheck(Write):
    """Write nothing: the condition alone counts. Only beside other writes."""

    def arguments(self) -> dict[str, Any]:
        """Add the key."""
        return super().arguments() | {"Key": _key(self.key)}


def get(*keys: Key) -> list[Item | None]:
    """Read the items of all keys, of both tables, in one consistent call; None for an item that is
    not there.
    """
    if len(keys) == 1:
        (key,) = keys
        answer = _call(
            aws.dynamodb().get_item, TableName=_name(key), Key=_key(key), ConsistentRead=True
        )
        return [_unpack_all(answer["Item"]) if "Item" in answer else None]
    wanted: dict[str, Any] = {}
    for key in dict.fromkeys(keys):
        wanted.setdefault(_name(key), {"Keys": [], "ConsistentRead": True})["Keys"].append(
            _key(key)
        )
    found: dict[tuple[str, str, str | None], Item] = {}
    for attempt in range(_ATTEMPTS):
        answer = _call(aws.dynamodb().batch_get_item, RequestItems=wanted)
        for name, items in answer["Responses"].items():
            for item in map(_unpack_all, items):
                found[name, item["pk"], item.get("sk")] = item
        wanted = answer.get("UnprocessedKeys") or {}
        if not wanted:
            return [found.get((_name(key), key.pk, key.sk)) for key in keys]
        _pause(attempt)
    raise errors.Unavailable


def under(
    start: Key,
    *,
    newest_first: bool = False,
    after: Key | None = None,
    only: str = "",
    values: Mapping[str, Value] | None = None,
    page: int | None = None,
) -> Iterator[Item]:
    """Read the items whose sk begins as `start` does, in order, consistently.

    `after` leaves out all up to that key, `only` those that don't fulfil the condition. A call to
    DynamoDB is made when its items are asked for; it reads up to 1 MB, or `page` items.
    """
    condition = "#pk = :pk AND begins_with(#sk, :sk)" if start.sk else "#pk = :pk"
    wanted: dict[str, Any] = {
        "TableName": _name(start),
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": _names(f"{condition} {only}"),
        "ExpressionAttributeValues": _values(
            {"pk": start.pk} | ({"sk": start.sk} if start.sk else {}) | dict(values or {})
        ),
        "ConsistentRead": True,
        "ScanIndexForward": not newest_first,
    }
    wanted |= {"FilterExpression": only} if only else {}
    wanted |= {"Limit": page} if page else {}
    wanted |= {"ExclusiveStartKey": _key(after)} if after else {}
    while True:
        answer = _call(aws.dynamodb().query, **wanted)
        yield from map(_unpack_all, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        wanted["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def write_each(*writes: Write) -> None:
    """Do puts and deletes that have no condition, in batches: if this fails, some may be done."""
    requests = [(_name(write.key), _batched(write)) for write in writes]
    for first in range(0, len(requests), _BATCH):
        wanted: dict[str, Any] = {}
        for name, request in requests[first : first + _BATCH]:
            wanted.setdefault(name, []).append(request)
        for attempt in range(_ATTEMPTS):
            answer = _call(aws.dynamodb().batch_write_item, RequestItems=wanted)
            wanted = answer.get("UnprocessedItems") or {}
            if not wanted:
                break
            _pause(attempt)
        else:
            raise errors.Unavailable


def write(*writes: Write) -> Item:
    """Do all of the writes or none, and return the new item if it is a single update, else {}.

    Raises Conflict if a condition does not hold.
    """
    if len(writes) == 1:
        return _write_one(writes[0])
    kinds = [{type(write).__name__: write.arguments()} for write in writes]
    for attempt in range(_ATTEMPTS):
        try:
            _call(aws.dynamodb().transact_write_items, TransactItems=kinds)
        except _Refused as refused:
            reasons = refused.answer.get("CancellationReasons", [])
            codes = [reason.get("Code") for reason in reasons]
            if "ConditionalCheckFailed" in codes:
                items = [reason.get("Item") for reason in reasons]
                failed = [code == "ConditionalCheckFailed" for code in codes]
                raise _conflict(writes, items, failed) from None
            _pause(attempt)
        else:
            return {}
    raise errors.Unavailable


def _batched(write: Write) -> dict[str, Any]:
    wanted = "Item" if isinstance(write, Put) else "Key"
    return {f"{type(write).__name__}Request": {wanted: write.arguments()[wanted]}}


def _write_one(write: Write) -> Item:
    client = aws.dynamodb()
    arguments = write.arguments()
    for attempt in range(_ATTEMPTS):
        try:
            if isinstance(write, Update):
                answer = _call(client.update_item, ReturnValues="ALL_NEW", **arguments)
                return _unpack_all(answer["Attributes"])
            _call(client.put_item if isinstance(write, Put) else client.delete_item, **arguments)
        except _Refused as refused:
            if refused.code == "ConditionalCheckFailedException":
                raise _conflict([write], [refused.answer.get("Item")], [True]) from None
            _pause(attempt)
        else:
            return {}
    raise errors.Unavailable


def _conflict(
    writes: Sequence[Write], items: Sequence[dict[str, Any] | None], failed: list[bool]
) -> Conflict:
    refusals = [w.refusal for w, fail in zip(writes, failed, strict=True) if fail and w.refusal]
    return Conflict(
        [_unpack_all(item) if item else None for item in items], refusals[0]() if refusals else None
    )


class _Refused(Exception):
    """DynamoDB refused a write for the sake of its condition or of another write."""

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


def _call(operation: Callable[..., Any], **arguments: Any) -> Any:
    try:
        return operation(**arguments)
    except aws.FAULTS as error:
        answer: Any = getattr(error, "response", None) or {}  # a time-out has one that is None
        code = answer.get("Error", {}).get("Code")
        if code in _REFUSALS:
            raise _Refused(code, answer) from None
        log.fault("DynamoDB did not do a call", error)
        raise errors.Unavailable from error


def _pause(attempt: int) -> None:
    # This randomness spreads retries and guards nothing.
    time.sleep(random.uniform(0, _PAUSE * 2**attempt))  # noqa: S311


def _name(key: Key) -> str:
    store = settings.Store.load()
    return store.accounts_table if key.table == "accounts" else store.grants_table


def _names(expression: str) -> dict[str, str]:
    return {name: name[1:] for name in re.findall(r"#\w+", expression)}


def _values(values: Mapping[str, Value]) -> dict[str, Any]:
    return {f":{name}": _pack(value) for name, value in values.items()}


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}} | ({"sk": {"S": key.sk}} if key.sk is not None else {})


def _pack(value: Value) -> "AttributeValueTypeDef":
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case set():
            return {"SS": sorted(value)}
        case list() | tuple():
            return {"L": [_pack(element) for element in value]}
        case dict():
            return {"M": _pack_all(value)}


def _pack_all(item: Item) -> dict[str, Any]:
    """None is an attribute that is not there."""
    return {name: _pack(value) for name, value in item.items() if value is not None}


def _unpack(value: dict[str, Any]) -> Any:
    [(kind, inner)] = value.items()
    match kind:
        case "N":
            return int(inner)
        case "SS":
            return set(inner)
        case "L":
            return [_unpack(element) for element in inner]
        case "M":
            return _unpack_all(inner)
        case _:
            return inner


def _unpack_all(item: dict[str, Any]) -> Item:
    return {name: _unpack(value) for name, value in item.items()}
