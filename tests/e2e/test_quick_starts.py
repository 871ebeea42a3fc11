"""The quick starts of docs/api.md, docs/tour.md and examples/node, run as they are, with only the
addresses and the code replaced. Of Swift and Dart, only the grammar is checked.
"""

import os
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.e2e.client import Inbox
from tests.e2e.stack import ROOT, Stack

ENVIRONMENT = ROOT / ".local/env/quick-starts"
COMPILER = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"


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


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")
def test_the_tour_ends_signed_in(stack: Stack, inbox: Inbox, address: str):
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs/tour.md").read_text(), re.M | re.S)
    script = "".join(blocks).replace("http://127.0.0.1:3000", stack.api)
    script = script.replace("http://127.0.0.1:3025", stack.inbox)
    script = script.replace("ADA=ada@example.com", f"ADA={address}")
    script = script.replace("ada_lovelace", address.partition("@")[0][:24])
    said = run(["bash", "-eu", "-o", "pipefail"], script)
    assert '"error"' not in said
    assert '"active":false' in said
    assert f'"email":"{address}"' in said.rpartition("}{")[2]


@pytest.mark.parametrize("version", ["2.32.0", "3.7.0"])
def test_the_sdk_signs_in_from_node(
    stack: Stack, inbox: Inbox, address: str, tmp_path: Path, version: str
):
    for path in (ROOT / "examples/node").glob("*.js"):
        shutil.copy(path, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules/@cloudbase").mkdir(parents=True)
    sdk = (ROOT / f"tests/browser/node_modules/sdk-{version}").resolve()
    (tmp_path / "node_modules/@cloudbase/js-sdk").symlink_to(sdk)

    for mails, arguments in ((1, []), (1, ["out"]), (2, [])):
        # The second run finds the session, and the third finds none.
        before = len(inbox.mails(address))
        with subprocess.Popen(
            ["node", "sign-in.js", address, *arguments],
            cwd=tmp_path,
            env=os.environ | {"API": stack.api},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            code = inbox.code(address, mails) if mails > before else ""
            said, _ = process.communicate(code + "\n", 120)
        assert (process.returncode, said.strip()) == (0, address)
        assert len(inbox.mails(address)) == mails
    assert (tmp_path / "session.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not shutil.which("java"), reason="needs Java")
def test_the_kotlin_quick_start_compiles_and_runs(
    stack: Stack, inbox: Inbox, address: str, tmp_path: Path
):
    """The code comes from a variable that the program reads when it needs it, as a person types."""
    text = block("kotlin").replace("https://login.example.com", stack.api)
    text = text.replace("ada@example.com", address)
    reader = """
    val code: String get() = readln()
    fun main() = println(post("token", mapOf("grant_type" to "refresh_token",
        "refresh_token" to tokens.text("refresh_token"))).text("sub"))
    """
    (tmp_path / "quick.kt").write_text(text + reader)
    [package] = ENVIRONMENT.glob("lib/python*/site-packages/run_kotlin_kernel/jars")
    wanted = ("kotlin-stdlib", "kotlinx-serialization")
    jars = os.pathsep.join(str(p) for p in package.glob("*.jar") if p.name.startswith(wanted))
    compiler = ["java", "-cp", f"{package}/*", COMPILER, "-no-stdlib", "-no-reflect", "-Werror"]
    compiled = [*compiler, "-cp", jars, "-d", str(tmp_path / "out"), str(tmp_path / "quick.kt")]
    run(compiled, "")
    program = ["java", "-cp", f"{jars}{os.pathsep}{tmp_path}/out", "QuickKt"]
    with subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        said, _ = process.communicate(inbox.code(address) + "\n", 120)
    assert re.fullmatch(r"[\w-]+\n", said)


@pytest.mark.parametrize("language", ["swift", "dart"])
def test_a_quick_start_follows_the_grammar(language: str):
    """Break the text too, to see that a mistake is noticed."""
    program = f"""
    import sys, tree_sitter, tree_sitter_{language} as grammar
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    text = sys.stdin.read()
    for given in (text, text.replace("(", "((", 1)):
        print(parser.parse(given.encode()).root_node.has_error)
    """
    command = [str(ENVIRONMENT / "bin/python"), "-c", textwrap.dedent(program)]
    assert run(command, block(language)).split() == ["False", "True"]
