"""Make the keys: at each deployment, as a custom resource of CloudFormation, and daily if any is
due.
"""

from typing import Any

from latchkey import clock, cloudformation, log
from latchkey.keys import rotation


@log.logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], _: object) -> dict[str, object]:
    """Rotate the keys, and answer CloudFormation if it asks."""
    if cloudformation.is_custom_resource(event):
        return cloudformation.serve(event, "keyring", _deploy)
    return {"made": rotation.rotate("", now=clock.now())}


def _deploy(properties: dict[str, Any]) -> list[str]:
    issuer = str(properties.get("Issuer", "")).rstrip("/")
    if not issuer:
        return ["The keyring needs the property Issuer: deploy this template unchanged."]
    rotation.rotate(issuer, now=clock.now())
    return []
