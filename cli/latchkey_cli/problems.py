"""What a command ends with when it cannot do its work: a sentence, and an exit code."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import botocore.exceptions

# Exit codes. 2 is typer's own, for wrong usage.
REFUSED = 1
"""The deployment refused: no such user, no address, unproven, ..."""
AWS_REFUSED = 3
"""Credentials, rights, region or stack are not right, or AWS does not answer."""
UNHEALTHY = 4
"""`doctor` has found something."""

_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "RequestExpired",
}
_RIGHTS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}


class Problem(Exception):
    """A sentence for the operator."""

    def __init__(self, sentence: str, code: int = REFUSED) -> None:
        super().__init__(sentence)
        self.code = code


@contextmanager
def explained(action: str, resource: str) -> Iterator[None]:
    """Turn what AWS answers to an action on a resource into a Problem that says what to do."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise Problem(_sentence(error.response["Error"], action, resource), AWS_REFUSED) from error
    except (
        botocore.exceptions.NoCredentialsError,
        botocore.exceptions.PartialCredentialsError,
        botocore.exceptions.CredentialRetrievalError,
        botocore.exceptions.TokenRetrievalError,
        botocore.exceptions.SSOError,
        botocore.exceptions.ProfileNotFound,
    ) as error:
        raise Problem(f"There are no credentials of AWS: {error}", AWS_REFUSED) from error
    except botocore.exceptions.NoRegionError as error:
        raise Problem("Name the region of the stack: --region, or AWS_REGION.", AWS_REFUSED) from (
            error
        )
    except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError) as error:
        raise Problem(f"AWS does not answer: {error}", AWS_REFUSED) from error


def _sentence(error: Mapping[str, Any], action: str, resource: str) -> str:
    code = error.get("Code", "")
    if code in _CREDENTIALS:
        return f"Your credentials of AWS have expired or are not valid ({code}): sign in again."
    if code in _RIGHTS:
        return (
            f"You lack the right {action}. Add this statement to your policy:\n"
            f'{{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"}}'
        )
    return f"{action}: {error.get('Message') or code}"
