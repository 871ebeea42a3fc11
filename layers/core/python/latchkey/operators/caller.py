"""The operator as the caller of what the users' own operations do too."""

from dataclasses import dataclass

from latchkey.caller import Caller

# What stands in a user's history in place of a client.
CLIENT = "operator"


@dataclass(frozen=True)
class Operator(Caller):
    """Has no device, no address and no client that could be refused."""

    @property
    def client_id(self) -> str:
        """Return what the history shows."""
        return CLIENT


OPERATOR = Operator(
    request_id="",
    sent_id="",
    digest=b"",
    device_id="",
    device_is_secret=False,
    source="",
    user_agent="",
    languages="",
    bearer="",
    query={},
    path="",
)
