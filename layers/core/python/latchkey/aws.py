"""Clients of AWS, made once per container.

botocore itself, not boto3: the same calls from the same maintainers, and a cold start without
boto3's resource layer.
"""

import functools
from typing import TYPE_CHECKING, Any

import botocore.config
import botocore.exceptions
import botocore.session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

# A call gives up after 7 s (two attempts of 3 s and a pause), so that three of them end before the
# function's 25 s do, and the caller gets our own answer instead of the gateway's.
_CONFIG = botocore.config.Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
)

# What a call can end with through no fault of ours; anything else is a bug and rises.
FAULTS = (
    botocore.exceptions.ClientError,
    botocore.exceptions.ConnectionError,
    botocore.exceptions.HTTPClientError,
)


@functools.cache
def session() -> botocore.session.Session:
    """Return the session that all clients share; tests listen to its events."""
    return botocore.session.Session()


@functools.cache
def _client(service: str) -> Any:
    return session().create_client(service, config=_CONFIG)


def dynamodb() -> "DynamoDBClient":
    """The two tables."""
    return _client("dynamodb")  # type: ignore[no-any-return]


def kms() -> "KMSClient":
    """The key that wraps our keys."""
    return _client("kms")  # type: ignore[no-any-return]


def sqs() -> "SQSClient":
    """The mail queue."""
    return _client("sqs")  # type: ignore[no-any-return]


def ses() -> "SESV2Client":
    """The mail service."""
    return _client("sesv2")  # type: ignore[no-any-return]


def secrets() -> "SecretsManagerClient":
    """Where the SMTP password is kept."""
    return _client("secretsmanager")  # type: ignore[no-any-return]
