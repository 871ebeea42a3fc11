"""What every refusal has, and those that say more than a sentence. errors.py names them all."""

from typing import ClassVar


class AuthError(Exception):
    """A refusal that the client is told about."""

    status: ClassVar[int]
    error: ClassVar[str]
    error_code: ClassVar[int]
    message: str
    reason: str = ""
    """A word that tells the refusals of one `error` apart. The SDK knows the words of `error` only,
    so a client that needs to know more reads this."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.message)

    def body(self) -> dict[str, object]:
        """Return the JSON object of the answer, without its request id."""
        named = {"error": self.error, "error_code": self.error_code}
        detail = self.detail()
        return named | {"error_description": str(self)} | ({"details": [detail]} if detail else {})

    def detail(self) -> dict[str, str | int]:
        """Return what a program should know, if there is more than `error`."""
        return {"reason": self.reason} if self.reason else {}


class InvalidArgument(AuthError):
    """The message says what is wrong. `field` names the place beside the message and not in it,
    because the SDK sorts errors by the words of the message.
    """

    status, error, error_code = 400, "invalid_argument", 3
    message = "The request is not valid."

    def __init__(self, message: str | None = None, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field

    def detail(self) -> dict[str, str | int]:
        """Add the field."""
        return ({"field": self.field} if self.field else {}) | super().detail()


class WeakPassword(InvalidArgument):
    """The message and `reason` name the rule that the password breaks, and `bounds` its numbers."""

    def __init__(self, message: str, reason: str, **bounds: int) -> None:
        super().__init__(message)
        self.reason, self.bounds = reason, bounds

    def detail(self) -> dict[str, str | int]:
        """Add the numbers of the rule."""
        return super().detail() | self.bounds


class SignUpRefused(AuthError):
    """The deployer's hook does not let this person sign up. The message is the hook's sentence.
    Whatever its words are, the SDK signs nobody out on this, and nobody is signed in here yet.
    """

    status, error, error_code = 403, "failed_precondition", 9
    reason = "sign_up_refused"
    message = "You cannot sign up here."


class TooManyRequests(AuthError):
    """A limit that waiting lifts. `retry_after` is in seconds."""

    status, error, error_code = 429, "resource_exhausted", 8

    def __init__(self, message: str, *, retry_after: int, reason: str = "") -> None:
        super().__init__(message)
        self.retry_after, self.reason = max(1, retry_after), reason

    def body(self) -> dict[str, object]:
        """Add the seconds to wait."""
        return super().body() | {"retry_after": self.retry_after}
