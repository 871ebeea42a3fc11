"""Cursors: where a list of users goes on, as a text that the next request brings."""

import base64
import json
from typing import Annotated

from pydantic import Field

from latchkey import errors
from latchkey.dynamodb import directory
from latchkey.dynamodb.values import Item

Cursor = Annotated[str, Field(max_length=2048)]
"""Empty at the start, and after the last page."""


def made(after: Item | None) -> str:
    """Return the cursor of what `directory.read` says comes after a page."""
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode() if after else ""


def read(cursor: str, wanted: directory.Range) -> Item | None:
    """Return where in a range to go on. Raises InvalidArgument for a cursor of no page of it."""
    if not cursor:
        return None
    try:
        after = json.loads(base64.urlsafe_b64decode(cursor))
        after = {name: str(after[name]) for name in ("pk", "directory", "entry")}
    except (ValueError, KeyError, TypeError) as error:
        raise errors.InvalidArgument("The cursor is of no page.", field="cursor") from error
    if after["directory"] != wanted.order or not wanted.first <= after["entry"] <= wanted.last:
        raise errors.InvalidArgument("The cursor is of another list.", field="cursor")
    return after
