"""Read the picture of a captcha of a local stack, as a person would: by a tool, because a test has
no eyes. It derives the text with the stack's own MAC key, for which one needs the rights of an
operator.

`python -m tests.captchas ENDPOINT TOKEN` prints the text, for the tests in the browser.
"""

import base64
import hmac
import json
import sys
from typing import Any

import boto3

CREDENTIALS: dict[str, Any] = {
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "region_name": "eu-central-1",
}
ALPHABET = "ACEFHKLMPRTXY34679"


def text_of(token: str, endpoint: str) -> str:
    """Return the text of the picture of a token."""
    head, claims = (
        json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]
    )
    message = f"captcha:{claims['jti']}".encode()
    number = int.from_bytes(hmac.digest(_mac_key(head["kid"], endpoint), message, "sha256")[:8])
    return "".join(ALPHABET[number // 18**place % 18] for place in range(4))


def _mac_key(key_id: str, endpoint: str) -> bytes:
    stack: dict[str, Any] = CREDENTIALS | {"endpoint_url": endpoint}
    described = boto3.client("cloudformation", **stack).describe_stack_resource(
        StackName="latchkey", LogicalResourceId="Accounts"
    )
    table = described["StackResourceDetail"]["PhysicalResourceId"]
    accounts = boto3.resource("dynamodb", **stack).Table(table)
    keys: Any = accounts.get_item(Key={"pk": "KEYRING"})["Item"]["keys"]
    [wrapped] = [key["wrapped"].value for key in keys if key["id"] == key_id]
    kms = boto3.client("kms", **stack)
    return kms.decrypt(CiphertextBlob=wrapped, EncryptionContext={"purpose": "mac"})["Plaintext"]


if __name__ == "__main__":
    sys.stdout.write(text_of(sys.argv[2], sys.argv[1]))
