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

import pytest

from local.stack import ACCESS, REGION, ROOT, SAM, Stack
from local.template import template
from tests.e2e import bare_stack
from tests.e2e.bare_stack import SENDER

# A terminal is read until it has been silent for so long and shows a question.
QUIET_SECONDS = 2
DEPLOY_SECONDS = 600


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with bare_stack.started("e2e-guided", tmp_path_factory.mktemp("authority")) as stack:
        yield stack


def test_enter_for_everything_but_the_sender_deploys(empty: Stack, tmp_path: Path):
    shutil.copy(ROOT / "samconfig.toml", tmp_path)
    said, questions = guided(empty, tmp_path)
    assert "Successfully created/updated stack" in said, said[-3000:]
    asked = [q for q in questions if "Parameter " in q]
    assert len(asked) == len(template()["Parameters"])
    assert not any("authentication" in q or "authorization" in q for q in questions)
    outputs = bare_stack.outputs(empty)
    assert outputs.keys() >= {"ApiUrl", "Issuer", "Jwks", "SdkLine1", "SdkLine2", "NextStep"}
    assert SENDER in (tmp_path / "samconfig.toml").read_text()
    bare_stack.sign_up(empty, "ada@example.com")


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
