"""Turn records and plain values into DynamoDB's attribute values, and back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Value: TypeAlias = (
    str | int | bool | bytes | set[str] | list[Any] | tuple[Any, ...] | dict[str, Any]
)
Item: TypeAlias = dict[str, Any]

Record = TypeVar("Record", bound="DataclassInstance")


def record_of(kind: type[Record], item: Item) -> Record:
    """Build a record from an item. Attributes that the record does not have are ignored."""
    # The names alone: `dataclasses.fields` makes a new tuple of them at each call.
    return kind(**{name: item[name] for name in kind.__dataclass_fields__ if name in item})


def item_of(record: "DataclassInstance") -> Item:
    """Return the attributes of a record, without its key."""
    return dict(vars(record))


def pack(value: Value) -> "AttributeValueTypeDef":
    """Return a value in DynamoDB's form."""
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
            return {"L": [pack(element) for element in value]}
        case dict():
            return {"M": pack_all(value)}


def pack_all(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item in DynamoDB's form. An attribute that is None is left out."""
    return {name: pack(value) for name, value in item.items() if value is not None}


def unpack(value: dict[str, Any]) -> Any:
    """Return the value of an attribute in DynamoDB's form."""
    [(kind, inner)] = value.items()
    match kind:
        case "N":
            return int(inner)
        case "SS":
            return set(inner)
        case "L":
            return [unpack(element) for element in inner]
        case "M":
            return unpack_all(inner)
        case _:
            return inner


def unpack_all(item: dict[str, Any]) -> Item:
    """Return an item in DynamoDB's form as plain values."""
    return {name: unpack(value) for name, value in item.items()}
