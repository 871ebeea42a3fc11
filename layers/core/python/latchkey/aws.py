"""Clients of AWS: one session, and one client of each service, per container."""

import functools
from typing import TYPE_CHECKING, Any

import boto3
import botocore.config
import botocore.exceptions
import botocore.loaders
import botocore.session

from latchkey import settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

if settings.lacks_end_point():
    raise RuntimeError(
        "sam local would call your own AWS account: start the local stack (make run), and add"
        " --env-vars with the env.json that it writes, as docs/local.md shows."
    )

# A call gives up after 7 s: two attempts of 3 s and a pause. So three of them end before the
# function's 25 s do, and the caller gets our own answer instead of the gateway's.
_CONFIG = botocore.config.Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    # botocore checks each argument in Python, which tests need and requests do not.
    parameter_validation=not settings.on_lambda(),
)

# A hook is asked once (hooks.py): it may have acted before its answer was lost. So a call gives up
# after 3 s.
_ONCE = _CONFIG.merge(botocore.config.Config(retries={"mode": "standard", "total_max_attempts": 1}))

# What a call can end with that is no fault of ours. Anything else is a bug and is not caught.
FAULTS = (
    botocore.exceptions.ClientError,
    botocore.exceptions.ConnectionError,
    botocore.exceptions.HTTPClientError,
)


_clients: dict[str, Any] = {}


@functools.cache
def session() -> boto3.session.Session:
    """Return the session that all clients share."""
    core = botocore.session.get_session()
    core.register_component("data_loader", _models())
    return boto3.session.Session(botocore_session=core)


def forget() -> None:
    """Drop the session with its credentials, and close the clients.

    The next call makes new ones. That takes 9 ms of processor time and not 50, because what
    botocore has read about the services is kept.
    """
    for client in _clients.values():
        client.close()
    _clients.clear()
    session.cache_clear()


@functools.cache
def _models() -> botocore.loaders.Loader:
    return botocore.loaders.create_loader()


def _client(service: str) -> Any:
    if service not in _clients:
        config = _ONCE if service == "lambda" else _CONFIG
        _clients[service] = session().client(service, config=config)  # type: ignore[call-overload]
    return _clients[service]


def prepare(*services: str) -> None:
    """Make clients while Lambda starts the container, when it has more processor than in a request.

    Elsewhere, clients are made when they are first used.
    """
    if settings.on_lambda():
        for service in services:
            _client(service)


def dynamodb() -> "DynamoDBClient":
    """Return the client for the two tables."""
    return _client("dynamodb")  # type: ignore[no-any-return]


def kms() -> "KMSClient":
    """Return the client for the key that wraps our keys."""
    return _client("kms")  # type: ignore[no-any-return]


def sqs() -> "SQSClient":
    """Return the client for the queues of mails."""
    return _client("sqs")  # type: ignore[no-any-return]


def ses() -> "SESV2Client":
    """Return the client for the mail service."""
    return _client("sesv2")  # type: ignore[no-any-return]


def secrets() -> "SecretsManagerClient":
    """Return the client for the store of the SMTP password."""
    return _client("secretsmanager")  # type: ignore[no-any-return]


def lambda_() -> "LambdaClient":
    """Return the client for the deployer's functions. It tries once."""
    return _client("lambda")  # type: ignore[no-any-return]


def events() -> "EventBridgeClient":
    """Return the client for the bus of events."""
    return _client("events")  # type: ignore[no-any-return]


def error_of(error: Exception) -> tuple[str, dict[str, Any]]:
    """Return the error code and the answer of a failed call; both are empty if no answer came."""
    answer = getattr(error, "response", None) or {}  # a time-out has one that is None
    return answer.get("Error", {}).get("Code", ""), answer


def name_of(error: Exception) -> str:
    """Return what to call a failed call: its error code, or its type if no answer came."""
    return error_of(error)[0] or type(error).__name__
