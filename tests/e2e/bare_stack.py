"""A local stack to which nothing is deployed yet, whose mails SES takes, and people who use it."""

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx

from local.stack import ACCESS, NAME, ROOT, Stack
from tests.ports import free_port
from tests.smtp_server import Authority

SENDER = "login@your-domain.example"
MAIL_SECONDS = 60


@contextlib.contextmanager
def started(home: str, folder: Path) -> Iterator[Stack]:
    """Start a stack, build what it will deploy, and stop it at the end."""
    path = ROOT / ".local" / home
    for kept in ("state", "s3"):
        shutil.rmtree(path / kept, ignore_errors=True)
    path.mkdir(parents=True, exist_ok=True)
    stack = Stack(path, free_port(), free_port(), Authority(folder).path)
    try:
        stack.start()
        stack.build()
        stack.wait(stack.endpoint + "/_ministack/ready", seconds=60)
        client(stack, "sesv2").create_email_identity(EmailIdentity=SENDER)
        yield stack
    finally:
        stack.stop()


def client(stack: Stack, service: str) -> Any:
    """Return a boto3 client with all rights."""
    return boto3.client(service, endpoint_url=stack.endpoint, **ACCESS)  # type: ignore[call-overload]


def outputs(stack: Stack) -> dict[str, str]:
    """Return the outputs of the deployed stack."""
    [described] = client(stack, "cloudformation").describe_stacks(StackName=NAME)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def post(stack: Stack, path: str, body: dict[str, str]) -> dict[str, Any]:
    """Send a request without a token, and return the answer."""
    url = f"http://127.0.0.1:{stack.api_port}/auth/v1/{path}"
    return dict(httpx.post(url, json=body, timeout=60).json())


def me(stack: Stack, token: str) -> dict[str, Any]:
    """Return the profile of whom an access token is for, or the refusal."""
    url = f"http://127.0.0.1:{stack.api_port}/auth/v1/user/me"
    headers = {"authorization": f"Bearer {token}"}
    return dict(httpx.get(url, headers=headers, timeout=60).json())


def sign_up(stack: Stack, address: str, **values: str) -> dict[str, Any]:
    """Register with the code of the mail, and return the tokens."""
    sent = post(stack, "verification", {"email": address})
    body = {
        "verification_id": sent["verification_id"],
        "verification_code": _mailed_code(stack, address),
    }
    proof = post(stack, "verification/verify", body)["verification_token"]
    tokens = post(stack, "signup", {"verification_token": proof, "email": address, **values})
    assert me(stack, tokens["access_token"])["email"] == address
    return tokens


def _mailed_code(stack: Stack, address: str) -> str:
    end = time.monotonic() + MAIL_SECONDS
    while time.monotonic() < end:
        found = httpx.get(f"{stack.endpoint}/_ministack/ses/messages").json()["messages"]
        mails = [mail for mails in found.values() for mail in mails if address in str(mail)]
        for text in (mail["BodyText"] or mail["Subject"] for mail in reversed(mails)):
            if codes := re.findall(r"\b\d{6}\b", text):
                return str(codes[0])
        time.sleep(0.2)
    raise AssertionError("SES took no mail with a code")
