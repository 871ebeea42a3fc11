"""Send mail again to an address that bounced or complained. An operator invokes this; it has no
route.
"""

from pydantic import BaseModel

from latchkey import addresses, clock, log
from latchkey.mail import delivery


class LiftSuppression(BaseModel):
    """The address whose suppression ends."""

    address: str


@log.logger.inject_lambda_context(log_event=False)
def handler(event: object, _: object) -> dict[str, object]:
    """Lift the suppression, and tell why there was one. Raises InvalidArgument."""
    address = addresses.canonical(LiftSuppression.model_validate(event).address)
    found = delivery.lift(address, now=clock.now())
    return {"address": address, "was": found.reason if found else "not suppressed"}
