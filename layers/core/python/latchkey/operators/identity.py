"""Who an operator is: AWS says it, for a call of `sts:GetCallerIdentity` that the operator has
signed and this service sends.

Lambda tells a function nothing of who invokes it. So the command signs a call that does nothing but
name its caller, and binds it to one request: the signature covers a header with the request's
digest, so it is of no use for another one. No credential leaves the operator's machine.
"""

import hashlib
import re
from urllib.parse import parse_qs

import urllib3

from latchkey import settings

# The header that binds a signed call to a request. The command has the same (cli/).
HEADER = "x-latchkey-request"
# The longest life of a signed call: a minute for the way here and for clocks that are not right.
SECONDS = 60
_MOST_CHARACTERS = 8192  # a session token has up to 4 KB
_TIMEOUT = urllib3.Timeout(connect=2, read=4)
_http = urllib3.PoolManager(cert_reqs="CERT_REQUIRED")


class Unproven(Exception):
    """The operator is not known. The text says why, for the operator to read."""


def digest(function: str, request: str) -> str:
    """Return what a signed call is bound to: the name of the function, so that it is of no use for
    another deployment, and the text of the request. In hexadecimal.
    """
    return hashlib.sha256(f"{function}\n{request}".encode()).hexdigest()


def of(signed: str, bound_to: str) -> str:
    """Return the ARN of who has signed a call that is bound to a digest. `signed` is the query of
    the presigned URL; its host is ours to choose. Raises Unproven.
    """
    if len(signed) > _MOST_CHARACTERS:
        raise Unproven("The signed call is too long.")
    sent = parse_qs(signed, keep_blank_values=True, max_num_fields=20)
    only = {name.lower(): values[0] for name, values in sent.items() if len(values) == 1}
    if only.get("action") != "GetCallerIdentity" or len(only) != len(sent):
        raise Unproven("The signed call must be sts:GetCallerIdentity.")
    if HEADER not in only.get("x-amz-signedheaders", "").split(";"):
        raise Unproven("The signed call is bound to no request.")
    if not re.fullmatch("[0-9]{1,2}", only.get("x-amz-expires", "")) or (
        int(only["x-amz-expires"]) > SECONDS
    ):
        raise Unproven(f"The signed call must expire within {SECONDS} seconds.")
    try:
        answer = _http.request(
            "GET",
            f"{settings.Operators.load().sts}/?{signed}",
            headers={HEADER: bound_to},
            timeout=_TIMEOUT,
            retries=urllib3.Retry(1, redirect=0, status=0),
        )
    except urllib3.exceptions.HTTPError as error:
        raise Unproven("STS does not answer. Try again.") from error
    arn = re.search("<Arn>([^<]{1,2048})</Arn>", answer.data[:65536].decode(errors="replace"))
    if answer.status != 200 or arn is None:
        raise Unproven(
            "STS does not know who signed this: the credentials have expired, the clock of your"
            " machine is wrong, or the request was changed on its way."
        )
    return arn[1]
