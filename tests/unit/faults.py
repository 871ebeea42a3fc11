"""Faults of AWS: one call of a request fails, in one of several ways."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.exceptions import ReadTimeoutError

from latchkey import aws

Mode: TypeAlias = Literal["throttled", "failed", "lost", "done twice"]
"""The call is refused for its rate, or for a fault of AWS; it is done, but its answer does not
come; or botocore has sent it again, because the first answer did not come.
"""

_REFUSED = {
    "throttled": (400, "ThrottlingException"),
    "failed": (500, "InternalServerError"),
}
# What has the same effect when it is done again at once: botocore sends a token with a transaction,
# and a batch has no conditions.
_ONCE = ("TransactWriteItems", "BatchWriteItem", "Encrypt", "GenerateDataKeyPairWithoutPlaintext")
_READS = ("GetItem", "BatchGetItem", "Query", "Decrypt", "GetSecretValue", "GetQueueUrl")


class Faults:
    """Notes the calls of the clients that there are now, and lets one of them fail. `queued` has
    the messages that the queue has got.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.queued: list[str] = []
        self.struck = False
        self._at, self._mode = -1, ""
        self._params: dict[str, Any] = {}
        self._again = False
        self._hooks: list[tuple[Any, str, Any]] = []
        for client in (aws.dynamodb(), aws.kms(), aws.sqs()):
            hooks: dict[str, Any] = {
                "provide-client-params": self._note,
                "before-call": self._before(client),
                "after-call": self._after,
            }
            for event, act in hooks.items():
                client.meta.events.register(event, act)
                self._hooks.append((client.meta.events, event, act))

    def stop(self) -> None:
        """Let all calls be."""
        for events, event, act in self._hooks:
            events.unregister(event, act)

    def arm(self, at: int = -1, mode: str = "") -> None:
        """Begin to note the calls anew, and let the call of that number fail."""
        self.calls, self.struck = [], False
        self._at, self._mode = at, mode

    @staticmethod
    def modes(call: str, at: int) -> list[Mode]:
        """Return the modes in which a call can fail, with effects that differ. Whether it is
        throttled or fails is told from each other nowhere, so that is done in turn.
        """
        refused: Mode = "failed" if at % 2 else "throttled"
        if call in _READS:
            return [refused]
        return [refused, "lost"] if call in _ONCE else [refused, "lost", "done twice"]

    @property
    def _strikes(self) -> bool:
        return not self._again and len(self.calls) - 1 == self._at

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if not self._again:
            self.calls.append(model.name)
            self._params = params

    def _before(self, client: Any) -> Callable[..., tuple[AWSResponse, dict[str, Any]] | None]:
        def act(model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
            if not self._strikes:
                return None
            self.struck = True
            if self._mode == "done twice":
                self._again = True
                try:
                    client._make_api_call(model.name, self._params)
                finally:
                    self._again = False
            if self._mode not in _REFUSED:
                return None
            status, code = _REFUSED[self._mode]
            error = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {}}
            return AWSResponse("", status, HTTPHeaders(), None), error

        return act

    def _after(self, model: Any, http_response: AWSResponse, **_: Any) -> None:
        if model.name == "SendMessage" and http_response.status_code < 300:
            self.queued.append(self._params["MessageBody"])
        if self._strikes and self._mode == "lost":
            raise ReadTimeoutError(endpoint_url="https://aws.example.com")
