"""The stack: a MiniStack process, to which the SAM CLI deploys the template."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from local.aliases import write as add_aliases

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

ROOT = Path(__file__).parent.parent
SAM = ROOT / ".local/env/sam/bin/sam"
PYTHON = ROOT / ".local/env/ministack/bin/python"
UV = ROOT / ".local/uv/bin/uv"

NAME = "latchkey"
REGION = "eu-central-1"
API_ID = "a0a0a0a0"  # the tag ms-custom-id of the API in the template
BUCKET = "local-artifacts"
ACCESS: dict[str, Any] = {
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "region_name": REGION,
}
STOP_SECONDS = 30  # MiniStack saves its state within a second; a busy machine needs longer


class StackError(Exception):
    """The stack cannot be started or deployed. The message says what to do."""


@dataclass
class Stack:
    """One local stack. `home` keeps its state, its build and its logs."""

    home: Path
    api_port: int
    stack_port: int
    authority: Path
    stack_host: str = ""
    """Where MiniStack listens besides loopback; containers cannot reach that on Linux."""
    root: Path = ROOT
    """The tree that is built: this one, or that of another release."""
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """Return the path of MiniStack's own log."""
        return self.home / "ministack.log"

    @property
    def functions_log(self) -> Path:
        """Return the path of what the functions print and log."""
        return self.home / "functions.log"

    @property
    def endpoint(self) -> str:
        """Return MiniStack's address. It is on loopback, so that nothing reaches a real account."""
        return f"http://127.0.0.1:{self.stack_port}"

    def start(self) -> None:
        """Start MiniStack. It restores the state that it saved at its last stop."""
        shutil.rmtree(self.home / "tmp", ignore_errors=True)
        (self.home / "tmp").mkdir()
        # Lambda code inherits this, so nothing from the developer's shell is in it.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.home / "tmp"),
            "SSL_CERT_FILE": str(self.authority),
            "API_ID": API_ID,
            "API_PORT": str(self.api_port),
            "GATEWAY_PORT": str(self.stack_port),
            "STACK_HOST": self.stack_host,
            "MINISTACK_REGION": REGION,
            "LOG_LEVEL": "WARNING",
            "AUTH": "true",  # enforce rights: a function can do only what its role allows
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.home / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.home / "s3"),
        }
        with self.log.open("wb") as log, self.functions_log.open("wb") as output:
            self._process = subprocess.Popen(
                [PYTHON, ROOT / "local/ministack_local.py"],
                cwd=self.home,
                env=environment,
                stdin=subprocess.PIPE,  # it ends when this process is gone, and MiniStack with it
                stdout=output,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches this process only, which stops MiniStack
            )

    def stop(self) -> None:
        """Stop MiniStack and everything that it started, after it has saved its state."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"MiniStack did not stop in time; its state may be lost: {self.log}")
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        shutil.rmtree(self.home / "tmp", ignore_errors=True)

    def check(self) -> None:
        """Raise StackError if MiniStack has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise StackError(f"MiniStack ended with {self._process.returncode}: see {self.log}")

    def build(self, *, aliases: bool = False) -> None:
        """Run `sam build` with a layer for this machine, in a folder apart from Lambda's build.

        With `aliases` the functions publish versions, as with `make versions`.
        """
        self._sam(
            "build",
            *("--cached", "--parallel", "--template", "template.yaml"),
            *("--build-dir", str(self.home / "build"), "--cache-dir", str(self.home / "cache")),
            PIP_TARGET="",
            HOST_PYTHON=str(PYTHON),
            UV=str(UV),
        )
        if aliases:
            add_aliases(self.home / "build/template.yaml")

    def deploy(self, parameters: dict[str, str], *options: str) -> None:
        """Run `sam deploy` on what was built. If it fails, say which resource failed."""
        self.wait(self.endpoint + "/_ministack/ready", seconds=30)
        cloudformation = boto3.client("cloudformation", endpoint_url=self.endpoint, **ACCESS)
        s3 = boto3.client("s3", endpoint_url=self.endpoint, **ACCESS)
        with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            location: Any = {"LocationConstraint": REGION}
            s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        started = time.time()
        try:
            self._sam(
                "deploy",
                *("--template-file", str(self.home / "build/template.yaml")),
                *("--stack-name", NAME, "--s3-bucket", BUCKET, "--s3-prefix", NAME),
                *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
                *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
                *options,
                "--parameter-overrides",
                *(f"{name}={_quoted(value)}" for name, value in parameters.items()),
            )
        except StackError as error:
            raise StackError(f"{error}\n{_failures(cloudformation, started)}") from None

    def store_secret(self, name: str, value: str) -> str:
        """Store a text in Secrets Manager, and return the ARN of the secret."""
        self.wait(self.endpoint + "/_ministack/ready", seconds=30)
        secrets = boto3.client("secretsmanager", endpoint_url=self.endpoint, **ACCESS)
        try:
            return secrets.create_secret(Name=name, SecretString=value)["ARN"]
        except secrets.exceptions.ResourceExistsException:
            return secrets.put_secret_value(SecretId=name, SecretString=value)["ARN"]

    def wait(self, url: str, *, seconds: float) -> bytes:
        """Request the URL until the answer is 200, and return its body."""
        end = time.monotonic() + seconds
        while True:
            self.check()
            try:
                with urllib.request.urlopen(url, timeout=seconds) as answer:
                    return bytes(answer.read())
            except urllib.error.HTTPError as error:
                problem = f"{error.code} {error.read(1000).decode(errors='replace')}"
            except OSError as error:
                problem = str(error)
            if time.monotonic() > end:
                raise StackError(f"{url} answers {problem}\nsee {self.log}")
            time.sleep(0.05)

    def _sam(self, command: str, *arguments: str, **environment: str) -> None:
        """Run the SAM CLI against MiniStack only. Its output goes to a log."""
        refused = ("AWS_", "SAM_", "PYTHON")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(refused)}
        nothing = str(self.home / "none")  # no profile and no credentials of the developer
        environment = (
            inherited
            | {
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ACCESS_KEY_ID": ACCESS["aws_access_key_id"],
                "AWS_SECRET_ACCESS_KEY": ACCESS["aws_secret_access_key"],
                "AWS_CONFIG_FILE": nothing,
                "AWS_SHARED_CREDENTIALS_FILE": nothing,
                "AWS_EC2_METADATA_DISABLED": "true",
                "PYTHONPYCACHEPREFIX": str(ROOT / ".local/pycache"),
                "SAM_CLI_TELEMETRY": "0",
                "SAM_CLI_POLL_DELAY": "0.3",
            }
            | environment
        )
        config = self.home / "samconfig.toml"
        config.write_text("version = 0.1\n")  # samconfig.toml has defaults for AWS
        log = self.home / f"{command}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [SAM, command, *arguments, "--config-file", config],
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                code = process.wait()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
        if code:
            lines = log.read_text(errors="replace").splitlines()[-30:]
            logs = f"{log.name}, {self.log.name} and {self.functions_log.name}"
            lines += ["", f"sam {command} failed: {logs} in {self.home} say more"]
            raise StackError("\n".join(lines))


def _failures(cloudformation: "CloudFormationClient", since: float) -> str:
    """Return a line for each resource that has failed since a time."""
    # A stack that was deleted after it failed has events under its id only.
    stacks = cloudformation.list_stacks()["StackSummaries"]
    ids = [one["StackId"] for one in stacks if one["StackName"] == NAME]
    pages = cloudformation.get_paginator("describe_stack_events").paginate
    events = [e for one in ids for page in pages(StackName=one) for e in page["StackEvents"]]
    return "\n".join(
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("FAILED") and event["Timestamp"].timestamp() >= since
    )


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
