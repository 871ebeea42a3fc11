"""Makes the keys: at deploy (as a custom resource of CloudFormation), and daily if one is due."""

import json
import urllib.request
from typing import Any

from latchkey import clock, keyring, log


def handler(event: dict[str, Any], _: object) -> dict[str, object]:
    """Rotate, and answer CloudFormation if it asks."""
    if "ResponseURL" not in event:
        return {"made": keyring.rotate("", now=clock.now())}
    try:
        # The keyring goes with its table; there is nothing to delete.
        if event["RequestType"] != "Delete":
            keyring.rotate(event["ResourceProperties"]["Issuer"].rstrip("/"), now=clock.now())
    except Exception as cause:
        log.fault("unhandled exception", cause, operation="rotate_keys")
        _answer(event, "FAILED")
        raise
    _answer(event, "SUCCESS")
    return {}


def _answer(event: dict[str, Any], status: str) -> None:
    """Tell CloudFormation, which otherwise waits for an hour."""
    body = {
        "Status": status,
        "Reason": "see the function's log",
        "PhysicalResourceId": event.get("PhysicalResourceId", "keyring"),
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own address
        event["ResponseURL"], json.dumps(body).encode(), {"content-type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass
