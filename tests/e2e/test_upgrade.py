"""The release before this one is upgraded to the working tree, rolled back, and upgraded again:
nobody notices. The file release.txt names the release and its commit.
"""

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from local.inbox import PASSWORD, USER
from local.inbox import Inbox as MailServer
from local.stack import ACCESS, NAME, ROOT, Stack
from tests.e2e.client import Device, Inbox, new_address
from tests.ports import free_port

RELEASE, COMMIT = (ROOT / "tests/e2e/release.txt").read_text().split()
HOME = ROOT / ".local/e2e-upgrade"
TABLES = ("Accounts", "Grants")
SECRET = "engine1843"


@pytest.fixture
def release() -> Path:
    """Return the tree of the release. Its layer differs from that of any other tree."""
    HOME.mkdir(parents=True, exist_ok=True)
    archive, tree = HOME / "release.tar", HOME / "release"
    shutil.rmtree(tree, ignore_errors=True)
    command = ["git", "archive", f"--output={archive}", COMMIT]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode:
        why = result.stderr.strip()
        pytest.skip(f"the commit of {RELEASE} is not here (git fetch --unshallow gets it): {why}")
    with tarfile.open(archive) as packed:
        packed.extractall(tree, filter="data")
    with (tree / "layers/core/python/latchkey/__init__.py").open("a") as module:
        module.write(f"# Release {RELEASE}.\n")
    return tree


@dataclass
class Deployment:
    """A local stack on which one tree after the other is deployed."""

    stack: Stack
    parameters: dict[str, str]
    device: Device

    def deploy(self, tree: Path) -> None:
        """Deploy a tree as an operator does, who leaves all other parameters as they are."""
        self.stack.root = tree
        self.stack.build()
        self.stack.deploy(self.parameters)

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.stack.endpoint, **ACCESS)  # type: ignore[call-overload]

    def name(self, resource: str) -> str:
        """Return the physical name of a resource."""
        client = self.client("cloudformation")
        found = client.describe_stack_resource(StackName=NAME, LogicalResourceId=resource)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def layers(self) -> list[str]:
        found = self.client("lambda").get_function_configuration(FunctionName=self.name("SignIn"))
        return [layer["Arn"] for layer in found["Layers"]]

    def mail(self, *, enabled: bool) -> None:
        """Let the mailer take messages from its queue, or not."""
        client = self.client("lambda")
        client.update_event_source_mapping(UUID=self.name("MailSource"), Enabled=enabled)

    def mark(self) -> None:
        """Give each item an attribute that no release knows."""
        for table in TABLES:
            resource = boto3.resource("dynamodb", endpoint_url=self.stack.endpoint, **ACCESS)
            items = resource.Table(self.name(table))
            keys = [key["AttributeName"] for key in items.key_schema]
            for item in items.scan()["Items"]:
                items.update_item(
                    Key={key: item[key] for key in keys},
                    UpdateExpression="SET of_another_release = :yes",
                    ExpressionAttributeValues={":yes": True},
                )


@dataclass
class Left:
    """What is under way when another tree is deployed."""

    address: str
    tokens: dict[str, Any]
    coded: str
    verification: tuple[str, str]
    queued: str
    queued_verification: str


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """Start MiniStack and the mail server. Nothing is deployed; builds are kept between runs."""
    for kept in ("state", "s3"):
        shutil.rmtree(HOME / kept, ignore_errors=True)
    api, smtp, web, smtps = (free_port() for _ in range(4))
    server = MailServer(HOME / "tls", lambda _: None)
    stack = Stack(HOME, api, free_port(), server.authority)
    base = f"http://127.0.0.1:{api}"
    with (
        httpx.Client(base_url=base, timeout=90) as http,
        httpx.Client(base_url=f"http://127.0.0.1:{web}", timeout=20) as mails,
    ):
        try:
            stack.start()
            server.start(web_port=web, smtp_port=smtp, smtps_port=smtps)
            parameters = {
                "MailTransport": "smtp",
                "SenderAddress": "login@latchkey.test",
                "SmtpHost": "127.0.0.1",
                "SmtpPort": str(smtp),
                "SmtpSecurity": "STARTTLS",
                "SmtpUser": USER,
                "SmtpSecretArn": stack.store_secret("latchkey-smtp", PASSWORD),
                "IssuerUrl": base,
                "CodeSeconds": "3600",  # a code must outlive a deployment on a slow machine
            }
            yield Deployment(stack, parameters, Device(http, Inbox(mails, set()), set()))
        finally:
            stack.stop()
            server.stop()


def leave(deployment: Deployment) -> Left:
    """Sign a user up, ask for a code, and queue a mail that is not sent yet."""
    device = deployment.device
    address, coded, queued = (new_address() for _ in range(3))
    tokens = device.register(address, password=SECRET)
    verification = device.ask(coded)
    deployment.mail(enabled=False)
    sent = device.call("send_code", {"email": queued})
    assert sent.status == 200, sent
    deployment.mark()
    return Left(address, tokens, coded, verification, queued, sent["verification_id"])


def check(deployment: Deployment, left: Left) -> None:
    """Go on with what was under way."""
    device = deployment.device
    assert device.me(left.tokens["access_token"]).status == 200
    fresh = device.refresh(left.tokens["refresh_token"])
    assert fresh.status == 200, fresh
    assert fresh["sub"] == left.tokens["sub"]
    assert device.me(fresh["access_token"])["email"] == left.address
    left.tokens = fresh  # the same session goes on through all deployments
    signed_in = Device(device.http, device.inbox, device.seen).call(
        "sign_in", {"username": left.address, "password": SECRET}
    )
    assert signed_in.status == 200, signed_in

    sign_up(deployment, left.coded, *left.verification)

    assert device.inbox.mails(left.queued) == []
    deployment.mail(enabled=True)
    sign_up(deployment, left.queued, left.queued_verification, device.inbox.code(left.queued))


def sign_up(deployment: Deployment, address: str, verification_id: str, code: str) -> None:
    verified = deployment.device.verify(verification_id, code)
    assert verified.status == 200, verified
    body = {"verification_token": verified["verification_token"], "email": address}
    tokens = deployment.device.call("sign_up", body)
    assert tokens.status == 200, tokens
    assert deployment.device.me(tokens["access_token"])["email"] == address


def test_nobody_notices_an_upgrade_a_roll_back_and_another_upgrade(
    release: Path, deployment: Deployment
):
    deployment.deploy(release)
    known: list[Left] = []
    for tree in (ROOT, release, ROOT):
        left, layers = leave(deployment), deployment.layers()
        deployment.deploy(tree)

        assert deployment.layers() != layers, "the other tree does not run"
        check(deployment, left)
        for earlier in known:
            fresh = deployment.device.refresh(earlier.tokens["refresh_token"])
            assert fresh.status == 200, fresh
            earlier.tokens = fresh
        known.append(left)
