"""Sign a request to a function: a call of `sts:GetCallerIdentity` that is bound to it.

The function sends the call, and STS tells it who signed. The signature covers a header with the
digest of the function's name and the request's text, so it is of no use for anything else, and it
lasts a minute. latchkey/operators/identity.py in the layer is the other half.
"""

import hashlib

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError

HEADER = "x-latchkey-request"
SECONDS = 60
_CALL = "Action=GetCallerIdentity&Version=2011-06-15"


def sign(session: boto3.Session, function: str, request: str, sts: str) -> str:
    """Return the query of the presigned call. `sts` is the address that it will be sent to. Raises
    NoCredentialsError.
    """
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    digest = hashlib.sha256(f"{function}\n{request}".encode()).hexdigest()
    call = AWSRequest(
        "GET",
        f"{sts}/?{_CALL}",
        headers={HEADER: digest},
    )
    frozen = credentials.get_frozen_credentials()
    SigV4QueryAuth(frozen, "sts", session.region_name, expires=SECONDS).add_auth(call)
    return str(call.url).partition("?")[2]
