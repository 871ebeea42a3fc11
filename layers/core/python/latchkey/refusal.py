"""What every refusal has, and those that say more than a sentence. errors.py names them all."""

from typing import ClassVar


class AuthError(Exception):
    """A refusal that the client is told about."""

    status: ClassVar[int]
    error: ClassVar[str]
    error_code: ClassVar[int]
    message: str

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)

    def body(self) -> dict[str, object]:
        """Return the JSON object of the answer, without its request id."""
        named = {"error": self.error, "error_code": self.error_code}
        return named | {"error_description": str(self)}


class InvalidArgument(AuthError):
    """The message says what is wrong. `field` names the place beside the message and not in it,
    because the SDK sorts errors by the words of the message.
    """

    status, error, error_code = 400, "invalid_argument", 3
    message = "The request is not valid."

    def __init__(self, message: str | None = None, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field

    def body(self) -> dict[str, object]:
        """Add the field as a detail."""
        return super().body() | ({"details": [{"field": self.field}]} if self.field else {})


class SignUpRefused(AuthError):
    """The deployer's hook does not let this person sign up. The message is the hook's sentence.
    Whatever its words are, the SDK signs nobody out on this, and nobody is signed in here yet.
    """

    status, error, error_code = 403, "failed_precondition", 9
    message = "You cannot sign up here."


class TooManyRequests(AuthError):
    """A limit that waiting lifts. `retry_after` is in seconds."""

    status, error, error_code = 429, "resource_exhausted", 8

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = max(1, retry_after)

    def body(self) -> dict[str, object]:
        """Add the seconds to wait."""
        return super().body() | {"retry_after": self.retry_after}
