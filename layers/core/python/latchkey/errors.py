"""Every way a request is refused.

The words, the numbers and key words in the texts are what the SDK sorts errors by (docs/api.md):

    AuthError
    |-- InvalidArgument        3  400  a field is missing, mistyped or malformed
    |   |-- BodyTooLarge       3  413
    |   |-- WeakPassword       3  400
    |   |-- CodeUnusable       3  400  expired, used, or never sent
    |   |-- TooManyGuesses     3  400
    |   `-- ProofUnusable      3  400  a verification token that is expired, used, or of another
    |                                  address
    |-- WrongCode              3  400
    |-- InvalidGrant           3  400  a refresh token that ends the client's session
    |-- BadCredentials         3  401  one answer for an unknown user and a wrong password
    |-- WrongPassword          3  400  of a user who is signed in
    |-- PasswordNotSet         3  400  of a user who is signed in
    |-- NotFound               5  404
    |-- TooManyRequests        8  429  with the seconds to wait
    |-- FailedPrecondition     9  409
    |   |-- AddressTaken
    |   |-- UsernameTaken
    |   |-- AddressNotProven   9  400
    |   `-- SudoNeeded         9  403
    |-- Aborted               10  409
    |-- Unimplemented         12  404
    |-- Internal              13  500
    |-- Unavailable           14  503
    |-- Unauthenticated       16  401  the client drops its session: only for a dead or missing
    |                                  access token
    |-- UnauthorizedClient  4022  403
    `-- LoginTypeDisabled   4045  403
"""

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
        return {
            "error": self.error,
            "error_code": self.error_code,
            "error_description": str(self),
        }


class InvalidArgument(AuthError):
    """The message says what is wrong; `field` names where, apart from the text, which the SDK
    reads.
    """

    status, error, error_code = 400, "invalid_argument", 3
    message = "The request is not valid."

    def __init__(self, message: str | None = None, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field

    def body(self) -> dict[str, object]:
        """Add the field as a detail."""
        return super().body() | ({"details": [{"field": self.field}]} if self.field else {})


class BodyTooLarge(InvalidArgument):
    """More than any request of this API needs."""

    status = 413
    message = "The body is larger than 64 KB."


class WeakPassword(InvalidArgument):
    """The message names the clause of the policy."""


class CodeUnusable(InvalidArgument):
    """One answer for expired, used and unknown, so that ids cannot be probed."""

    message = "The verification code has expired or was already used. Ask for a new one."


class TooManyGuesses(InvalidArgument):
    """Not `resource_exhausted`: that reads as "wait", and waiting does not help."""

    message = "Verification code: too many attempts. Ask for a new one."


class ProofUnusable(InvalidArgument):
    """The verification token is forged, expired, used, or proves another address."""

    message = "The verification token is not valid, has expired or was already used."


class WrongCode(AuthError):
    """A guess that counted."""

    status, error, error_code = 400, "invalid_verification_code", 3
    message = "The verification code is wrong."


class InvalidGrant(AuthError):
    """The SDK erases the user's session on this: never for a throttle or a fault."""

    status, error, error_code = 400, "invalid_grant", 3
    message = "The refresh token is not valid, has expired or was revoked. Sign in again."


class BadCredentials(AuthError):
    """Unknown user, wrong password, no password: one answer, after the same time."""

    status, error, error_code = 401, "invalid_username_or_password", 3
    message = "The user name or the password is wrong."


class WrongPassword(AuthError):
    """Of a user who is signed in. Not `unauthenticated`: the SDK would sign them out."""

    status, error, error_code = 400, "invalid_password", 3
    message = "The password is wrong."


class PasswordNotSet(AuthError):
    """Told only to the signed-in user."""

    status, error, error_code = 400, "password_not_set", 3
    message = "This account has no password. Confirm with a mailed code instead."


class NotFound(AuthError):
    """No such user."""

    status, error, error_code = 404, "not_found", 5
    message = "User not found."


class TooManyRequests(AuthError):
    """A limit that waiting lifts."""

    status, error, error_code = 429, "resource_exhausted", 8

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = max(1, retry_after)

    def body(self) -> dict[str, object]:
        """Add the seconds to wait."""
        return super().body() | {"retry_after": self.retry_after}


class FailedPrecondition(AuthError):
    """The state of accounts forbids it."""

    status, error, error_code = 409, "failed_precondition", 9


class AddressTaken(FailedPrecondition):
    """Told only to somebody who proved the address, or asked with `target: NOT_USER`."""

    message = "The e-mail address already belongs to a user. Sign in instead."


class UsernameTaken(FailedPrecondition):
    """User names are public."""

    message = "The user name is taken. Choose another one."


class AddressNotProven(FailedPrecondition):
    """For a change of address without a token: one answer for each way in which the proof is
    missing.
    """

    status = 400
    message = (
        "The new e-mail address is not proven: ask for a code with this session, soon after "
        "signing in or confirming with sudo, and enter the code first."
    )


class SudoNeeded(FailedPrecondition):
    """Not `permission_denied`, which reads as a login method that is switched off."""

    status = 403
    message = (
        "The sudo token is missing, has expired or is of another session. Confirm that it is you."
    )


class Aborted(AuthError):
    """Somebody else changed the same thing at the same moment."""

    status, error, error_code = 409, "aborted", 10
    message = "The account was changed at the same moment. Try again."


class Unimplemented(AuthError):
    """No such route."""

    status, error, error_code = 404, "unimplemented", 12
    message = "There is no such operation: check the path and the method."


class Internal(AuthError):
    """A bug: its cause is in the log."""

    status, error, error_code = 500, "internal", 13
    message = "Something went wrong on our side. Try again later."


class Unavailable(AuthError):
    """A passing fault of something we stand on."""

    status, error, error_code = 503, "unavailable", 14
    message = "The service is busy. Try again in a moment."


class Unauthenticated(AuthError):
    """The access token is missing, forged, expired or of an ended session."""

    status, error, error_code = 401, "unauthenticated", 16
    message = "The access token is missing, not valid or expired. Sign in again."


class UnauthorizedClient(AuthError):
    """The deployer named the accepted clients, and this is none of them."""

    status, error, error_code = 403, "unauthorized_client", 4022
    message = "This client_id is not accepted here."


class LoginTypeDisabled(AuthError):
    """Phone numbers, anonymous and third-party logins."""

    status, error, error_code = 403, "login_type_disabled", 4045
    message = "Only e-mail addresses and user names can sign in here."
