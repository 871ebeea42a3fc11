"""Requests of operators. Who signs them is a matter of test_operator_identity.py alone."""

import json
from typing import Any
from unittest import mock

from latchkey.operators import identity
from tests.unit.calls import CONTEXT, handler

WHO = "arn:aws:iam::123456789012:user/grace"


def operate(operation: str, act: str, **request: object) -> dict[str, Any]:
    """Let an operator's request be answered, and return the answer as JSON has it."""
    event = {"request": json.dumps({"act": act, **request}), "signed": "not looked at"}
    with mock.patch.object(identity, "of", return_value=WHO):
        answer = handler(operation)(event, CONTEXT)
    return json.loads(json.dumps(answer))  # type: ignore[no-any-return]
