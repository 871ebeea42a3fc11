"""Every way in which a request is refused, with its word, number and HTTP status.

The SDK sorts errors by these words and numbers, and by words in the messages (docs/api.md). What
shares a word has a `reason` of its own:

    AuthError
    |-- InvalidArgument        3  400  a field is missing, mistyped or malformed
    |   |-- MissingField       3  400
    |   |-- BodyTooLarge       3  413
    |   |-- WeakPassword       3  400
    |   |-- CodeUnusable       3  400  expired, used, or never sent
    |   |-- TooManyGuesses     3  400
    |   |-- PictureUnusable    3  400  of a captcha: expired, answered before, or never made
    |   |-- WrongAnswer        3  400  a word of its own would open a second dialog of the SDK
    |   `-- ProofUnusable      3  400  a verification token that has expired, was used, or is for
    |                                  another address
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
    |-- SignUpRefused          9  403  with the sentence of the deployer's hook
    |-- Aborted               10  409
    |-- Unimplemented         12  404
    |-- Internal              13  500
    |-- Unavailable           14  503
    |-- Unauthenticated       16  401  a dead access token, nothing else: the SDK signs out on it
    |-- UserBlocked           7  403  only after a right credential
    |-- CaptchaRequired     4001  403
    |-- CaptchaInvalid      4002  403
    |-- UnauthorizedClient  4022  403
    `-- LoginTypeDisabled   4045  403
"""

from latchkey.refusal import AuthError as AuthError
from latchkey.refusal import InvalidArgument as InvalidArgument
from latchkey.refusal import SignUpRefused as SignUpRefused
from latchkey.refusal import TooManyRequests as TooManyRequests
from latchkey.refusal import WeakPassword as WeakPassword


class MissingField(InvalidArgument):
    """The body does not have a field that the operation needs."""

    message = "A required field is missing."

    def __init__(self, field: str) -> None:
        super().__init__(field=field)


class BodyTooLarge(InvalidArgument):
    """More than any request of this API needs."""

    status = 413
    message = "The body is larger than 64 KB."


class CodeUnusable(InvalidArgument):
    """The code has expired, was used, or never existed. One answer, so that nobody probes ids."""

    reason = "code_unusable"
    message = "The verification code has expired or was already used. Ask for a new one."


class TooManyGuesses(InvalidArgument):
    """The code was guessed too often. Waiting does not help, so not `resource_exhausted`."""

    reason = "too_many_guesses"
    message = "Verification code: too many attempts. Ask for a new one."


class PictureUnusable(InvalidArgument):
    """The picture has expired, was answered before, or was never made: one answer for all."""

    reason = "picture_unusable"
    message = "The picture has expired or was already answered. Enter the characters of a new one."


class WrongAnswer(InvalidArgument):
    """The characters are not those of the picture, which is spent now."""

    reason = "characters_wrong"
    message = "The characters were wrong. Enter those of the new picture."


class ProofUnusable(InvalidArgument):
    """The verification token is forged, has expired, was used, or proves another address."""

    reason = "proof_unusable"
    message = "The verification token is not valid, has expired or was already used."


class WrongCode(AuthError):
    """The code is wrong, and the guess was counted."""

    status, error, error_code = 400, "invalid_verification_code", 3
    message = "The verification code is wrong."


class InvalidGrant(AuthError):
    """The refresh token is dead. Never raise this for a fault: the SDK erases its session."""

    status, error, error_code = 400, "invalid_grant", 3
    message = "The refresh token is not valid, has expired or was revoked. Sign in again."


class BadCredentials(AuthError):
    """The user is unknown, or has another password or none: one answer, after the same time."""

    status, error, error_code = 401, "invalid_username_or_password", 3
    message = "The user name or the password is wrong."


class WrongPassword(AuthError):
    """The password of a signed-in user is wrong. On `unauthenticated` the SDK would sign out."""

    status, error, error_code = 400, "invalid_password", 3
    message = "The password is wrong."


class PasswordNotSet(AuthError):
    """The signed-in user has no password."""

    status, error, error_code = 400, "password_not_set", 3
    message = "This account has no password. Confirm with a mailed code instead."


class NotFound(AuthError):
    """No such user."""

    status, error, error_code = 404, "not_found", 5
    message = "User not found."


class FailedPrecondition(AuthError):
    """The state of the accounts does not allow the operation."""

    status, error, error_code = 409, "failed_precondition", 9


class AddressTaken(FailedPrecondition):
    """Told only to somebody who has proven the address, or asked with `target: NOT_USER`."""

    reason = "address_taken"
    message = "The e-mail address already belongs to a user. Sign in instead."


class UsernameTaken(FailedPrecondition):
    """The user name belongs to another user. Names are public, so this may be told."""

    reason = "username_taken"
    message = "The user name is taken. Choose another one."


class AddressNotProven(FailedPrecondition):
    """A change of address came without a token or a proof: one answer, whatever is missing."""

    status = 400
    reason = "address_not_proven"
    message = (
        "The new e-mail address is not proven: ask for a code with this session, soon after "
        "signing in or confirming with sudo, and enter the code first."
    )


class SudoNeeded(FailedPrecondition):
    """The step needs a sudo token. `permission_denied` would read as a disabled login method."""

    status = 403
    reason = "sudo_needed"
    message = (
        "The sudo token is missing, has expired or is of another session. Confirm that it is you."
    )


class Aborted(AuthError):
    """Another request changed the same item at the same moment."""

    status, error, error_code = 409, "aborted", 10
    message = "The account was changed at the same moment. Try again."


class Unimplemented(AuthError):
    """There is no such route."""

    status, error, error_code = 404, "unimplemented", 12
    message = "There is no such operation: check the path and the method."


class Internal(AuthError):
    """A bug. Its cause is in the log."""

    status, error, error_code = 500, "internal", 13
    message = "Something went wrong on our side. Try again later."


class Unavailable(AuthError):
    """A passing fault of a service that we use."""

    status, error, error_code = 503, "unavailable", 14
    message = "The service is busy. Try again in a moment."


class Unauthenticated(AuthError):
    """The access token is missing, forged, expired or of an ended session."""

    status, error, error_code = 401, "unauthenticated", 16
    message = "The access token is missing, not valid or expired. Sign in again."


class CaptchaRequired(AuthError):
    """Strangers have failed or asked so often that the next try takes a captcha."""

    status, error, error_code = 403, "captcha_required", 4001
    message = "Enter the characters of a picture first."


class CaptchaInvalid(AuthError):
    """The captcha token is forged, has expired, was used, or is for another operation."""

    status, error, error_code = 403, "captcha_invalid", 4002
    message = "The captcha is not valid, has expired or was already used."


class UnauthorizedClient(AuthError):
    """The deployer has named the accepted clients, and this is not one of them."""

    status, error, error_code = 403, "unauthorized_client", 4022
    message = "This client_id is not accepted here."


class UserBlocked(AuthError):
    """An operator has disabled the account. Raised only after a right credential."""

    status, error, error_code = 403, "user_blocked", 7
    message = "This account is blocked. Ask those who run this service."


class LoginTypeDisabled(AuthError):
    """The client asks for a phone number, an anonymous or a third-party login."""

    status, error, error_code = 403, "login_type_disabled", 4045
    message = "Only e-mail addresses and user names can sign in here."
