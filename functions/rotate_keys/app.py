"""Makes the keys: at deploy (as a custom resource of CloudFormation), and daily if one is due."""

from typing import Any

from latchkey import clock, cloudformation, keyring, log


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
        cloudformation.answer(event, "keyring", problem="see the function's log")
        raise
    cloudformation.answer(event, "keyring")
    return {}
