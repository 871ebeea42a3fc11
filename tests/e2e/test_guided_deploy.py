"""A newcomer's first deployment: `sam deploy --guided` in a terminal, with Enter for everything but
the sender, until somebody is signed in by a mail that SES took.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import pytest

from local.stack import ACCESS, NAME, REGION, ROOT, SAM, Stack
from local.template import template
from tests.smtp_server import Authority, free_port

SENDER = "login@your-domain.example"
# A terminal is read until it has been silent for so long and shows a question.
QUIET_SECONDS = 2
DEPLOY_SECONDS = 600


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a local stack to which nothing is deployed, and what `sam build` has made."""
    home = ROOT / ".local/e2e-guided"
    for kept in ("state", "s3"):
        shutil.rmtree(home / kept, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    authority = Authority(tmp_path_factory.mktemp("authority"))
    stack = Stack(home, free_port(), free_port(), authority.path)
    try:
        stack.start()
        stack.build()
        stack.wait(stack.endpoint + "/_ministack/ready", seconds=60)
        yield stack
    finally:
        stack.stop()


def test_enter_for_everything_but_the_sender_deploys(empty: Stack, tmp_path: Path):
    shutil.copy(ROOT / "samconfig.toml", tmp_path)
    boto3.client("sesv2", endpoint_url=empty.endpoint, **ACCESS).create_email_identity(
        EmailIdentity=SENDER
    )
    said, questions = guided(empty, tmp_path)
    assert "Successfully created/updated stack" in said, said[-3000:]
    asked = [q for q in questions if "Parameter " in q]
    assert len(asked) == len(template()["Parameters"])
    assert not any("authentication" in q or "authorization" in q for q in questions)
    outputs = _outputs(empty)
    assert outputs.keys() >= {"ApiUrl", "Issuer", "Jwks", "SdkLine1", "SdkLine2", "NextStep"}
    assert SENDER in (tmp_path / "samconfig.toml").read_text()
    _sign_up(empty)


def guided(stack: Stack, folder: Path) -> tuple[str, list[str]]:
    """Run `sam deploy --guided` in a terminal. Return what it said, and its questions."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TERM": "dumb",
        "COLUMNS": "200",
        "AWS_ENDPOINT_URL": stack.endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ACCESS["aws_secret_access_key"],
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",
    }
    built = stack.home / "build/template.yaml"
    command = [str(SAM), "deploy", "--guided", "--template-file", str(built)]
    terminal, child = pty.openpty()
    process = subprocess.Popen(
        [*command, "--config-file", str(folder / "samconfig.toml")],
        cwd=folder,
        env=environment,
        stdin=child,
        stdout=child,
        stderr=child,
        start_new_session=True,
    )
    os.close(child)
    said, answered, questions = "", 0, []
    end = time.monotonic() + DEPLOY_SECONDS
    try:
        while time.monotonic() < end:
            ready, _, _ = select.select([terminal], [], [], QUIET_SECONDS)
            if ready:
                try:
                    said += os.read(terminal, 65536).decode(errors="replace")
                except OSError:  # the terminal is closed: the command has ended
                    break
                if not _question(said[answered:]):
                    continue
            elif process.poll() is not None:
                break
            if question := _question(said[answered:]):
                questions.append(question)
                answer = SENDER if "Parameter SenderAddress" in question else ""
                answered = len(said)
                os.write(terminal, f"{answer}\n".encode())
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(terminal)
    return said, questions


def _question(said: str) -> str:
    """Return the question at the end of what a command said, if it waits for an answer."""
    last = re.sub(r"\x1b\[[0-9;]*m", "", said).rpartition("\n")[2]
    return last.strip() if re.search(r"\]: ?$", last) else ""


def _outputs(stack: Stack) -> dict[str, str]:
    client = boto3.client("cloudformation", endpoint_url=stack.endpoint, **ACCESS)
    [described] = client.describe_stacks(StackName=NAME)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def _sign_up(stack: Stack) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.api_port}/auth/v1", timeout=60) as http:
        sent = http.post("/verification", json={"email": "ada@example.com"}).json()
        code = _mailed_code(stack)
        body = {"verification_id": sent["verification_id"], "verification_code": code}
        proof = http.post("/verification/verify", json=body).json()["verification_token"]
        body = {"verification_token": proof, "email": "ada@example.com"}
        token = http.post("/signup", json=body).json()["access_token"]
        profile = http.get("/user/me", headers={"authorization": f"Bearer {token}"}).json()
    assert profile["email"] == "ada@example.com"


def _mailed_code(stack: Stack) -> str:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = httpx.get(f"{stack.endpoint}/_ministack/ses/messages").json()["messages"]
        texts = [mail["BodyText"] or mail["Subject"] for mails in found.values() for mail in mails]
        for text in texts:
            if codes := re.findall(r"\b\d{6}\b", text):
                return str(codes[0])
        time.sleep(0.2)
    raise AssertionError("SES took no mail with a code")
