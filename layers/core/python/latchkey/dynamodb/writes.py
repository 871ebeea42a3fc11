"""Writes with their conditions, and what is known when a condition does not hold.

A condition and its write are one call, never a read followed by a write. Expressions are DynamoDB's
own. A word with `#` in front names the attribute of that name, so no reserved word gets in the way;
a word with `:` in front names one of `values`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from latchkey import errors, settings
from latchkey.dynamodb.keys import Key
from latchkey.dynamodb.values import Item, Value, pack, pack_all, unpack_all

ABSENT = "attribute_not_exists(#pk)"
PRESENT = "attribute_exists(#pk)"


@dataclass(frozen=True, eq=False)
class Write:
    """One write. It is done only if the condition `when` holds; `refusal` makes the answer to the
    caller if it does not.
    """

    key: Key
    when: str = field(default="", kw_only=True)
    values: Mapping[str, Value] = field(default_factory=dict, kw_only=True)
    refusal: Callable[[], errors.AuthError] | None = field(default=None, kw_only=True)

    def arguments(self) -> dict[str, Any]:
        """Return what PutItem, UpdateItem, DeleteItem and their forms in a transaction share."""
        optional = {
            "ConditionExpression": self.when,
            "ExpressionAttributeNames": names(self.when),
            "ExpressionAttributeValues": packed_values(self.values),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD" if self.when else "",
        }
        return {"TableName": table_name(self.key)} | {k: v for k, v in optional.items() if v}


@dataclass(frozen=True, eq=False)
class Put(Write):
    """Write a whole item."""

    item: Item = field(kw_only=True)

    def arguments(self) -> dict[str, Any]:
        """Add the item."""
        return super().arguments() | {"Item": packed_key(self.key) | pack_all(self.item)}


@dataclass(frozen=True, eq=False)
class Update(Write):
    """Set attributes, where None removes one, and add to numbers and to sets of text."""

    sets: Item = field(default_factory=dict, kw_only=True)
    adds: Mapping[str, int | set[str]] = field(default_factory=dict, kw_only=True)

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
            "Key": packed_key(self.key),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names(f"{self.when} {expression}"),
            "ExpressionAttributeValues": packed_values(
                dict(self.values)
                | {f"set_{name}": value for name, value in kept.items()}
                | {f"add_{name}": value for name, value in self.adds.items()}
            ),
        }


@dataclass(frozen=True, eq=False)
class Delete(Write):
    """Delete an item."""

    def arguments(self) -> dict[str, Any]:
        """Add the key."""
        return super().arguments() | {"Key": packed_key(self.key)}


@dataclass(frozen=True, eq=False)
class ConditionCheck(Write):
    """Write nothing, and only check the condition. It must stand beside other writes."""

    def arguments(self) -> dict[str, Any]:
        """Add the key."""
        return super().arguments() | {"Key": packed_key(self.key)}


class Conflict(Exception):
    """At least one condition did not hold, so nothing was written.

    `refusal` is the answer to the caller: that of the first failed write that has one, else
    Aborted. A handler that does not catch the conflict answers it so (http.py).
    """

    def __init__(self, failed: Sequence[tuple[Write, dict[str, Any] | None]]) -> None:
        super().__init__("condition failed")
        self._failed = failed
        refusals = (write.refusal for write, _ in failed if write.refusal)
        make = next(refusals, errors.Aborted)
        self.refusal = make()

    def failed(self, write: Write) -> bool:
        """Return whether the condition of this write did not hold."""
        return any(failed is write for failed, _ in self._failed)

    def item(self, write: Write) -> Item | None:
        """Return the item that the condition of this write met; None if there is none, or if the
        condition held.
        """
        found = next((item for failed, item in self._failed if failed is write), None)
        return unpack_all(found) if found else None


def table_name(key: Key) -> str:
    """Return the name of the table that a key is in."""
    store = settings.Store.load()
    return store.accounts_table if key.table == "accounts" else store.grants_table


def names(expression: str) -> dict[str, str]:
    """Return the attribute names that an expression uses."""
    return {name: name[1:] for name in re.findall(r"#\w+", expression)}


def packed_values(values: Mapping[str, Value]) -> dict[str, Any]:
    """Return the values of an expression in DynamoDB's form."""
    return {f":{name}": pack(value) for name, value in values.items()}


def packed_key(key: Key) -> dict[str, Any]:
    """Return a key in DynamoDB's form."""
    return {"pk": {"S": key.pk}} | ({"sk": {"S": key.sk}} if key.sk is not None else {})
