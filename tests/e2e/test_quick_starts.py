"""The quick starts of docs/api.md, run as they are, with only the address and the code replaced."""

import re
import shutil
import subprocess

import pytest

from tests.e2e.client import Inbox
from tests.e2e.stack import ROOT, Stack


def block(language: str) -> str:
    [text] = re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / "docs/api.md").read_text(), re.M | re.S
    )
    return str(text)


def run(command: list[str], script: str) -> str:
    done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")
def test_the_curl_quick_start_runs(stack: Stack, inbox: Inbox, address: str):
    script = block("sh").replace("http://127.0.0.1:3000", stack.api)
    script = script.replace("ADA=ada@example.com", f"ADA={address}")
    wait = (
        f'until CODE=$(curl -sS "{stack.inbox}/mails?to=$ADA" | jq -er ".[0].subject[:6]"); '
        "do sleep 0.2; done"
    )
    script = re.sub(r"^CODE=.*$", lambda _: wait, script, flags=re.M)
    said = run(["bash", "-eu", "-o", "pipefail"], script)
    assert '"error"' not in said
    for told in (f'"email":"{address}"', '"username":"ada_lovelace"', '"PASSWORD_CHANGED"'):
        assert told in said
    assert '"active":true' in said
    assert said.endswith("{}")


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
def test_the_javascript_quick_start_runs(stack: Stack, inbox: Inbox, address: str):
    script = block("js").replace("ada@example.com", address)
    reader = f"""
    async function readCode() {{
      for (;;) {{
        const mails = await (await fetch("{stack.inbox}/mails?to={address}")).json();
        if (mails.length) return mails[0].subject.slice(0, 6);
        await new Promise((go) => setTimeout(go, 200));
      }}
    }}
    process.env.API = "{stack.api}";
    """
    said = run(["node", "--input-type=module", "-"], reader + script)
    assert said.strip() == address
