"""Make the keys: at each deployment, as a custom resource of CloudFormation, and daily if any is
due.
"""

from typing import Any

from latchkey import clock, cloudformation, log
from latchkey.cloudformation import CustomResourceEvent
from latchkey.keys import rotation


@log.logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], _: object) -> dict[str, object]:
    """Rotate the keys, and answer CloudFormation if it asks."""
    if not cloudformation.is_custom_resource(event):
        return {"made": rotation.rotate("", now=clock.now())}
    request = CustomResourceEvent.model_validate(event)
    try:
        # The table takes the keyring with it, so there is nothing to delete.
        if request.request_type != "Delete":
            issuer = str(request.properties["Issuer"]).rstrip("/")
            rotation.rotate(issuer, now=clock.now())
    except Exception as cause:
        log.fault("unhandled exception", cause, operation="rotate_keys")
        cloudformation.answer(request, "keyring", problem="see the function's log")
        raise
    cloudformation.answer(request, "keyring")
    return {}
