"""One function by hand: `make invoke`, and what `sam local invoke` gives to a function."""

import json
import subprocess
import sys
from typing import Any

from local import runtime, variables
from local.runtime import Outcome
from tests.e2e.stack import ROOT, Stack

EVENT = ROOT / "events/sign_in.json"
# What SAM adds (samcli/local/lambdafn/env_vars.py).
SAM_LOCAL = {
    "AWS_SAM_LOCAL": "true",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


def test_a_function_answers_without_docker(stack: Stack):
    command = [sys.executable, "-m", "local.invoke", f"--home={stack.home}", "SignIn", str(EVENT)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["statusCode"] == 401
    assert json.loads(answer["body"])["error"] == "invalid_username_or_password"
    assert '"operation":"sign_in"' in result.stderr


def test_a_handler_that_raises_fails_the_command(stack: Stack):
    command = [sys.executable, "-m", "local.invoke", f"--home={stack.home}", "SendMail", str(EVENT)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("SendMail failed: ")


def test_the_file_has_each_variable_of_each_function(stack: Stack):
    found = json.loads((stack.home / "env.json").read_text())

    declared = variables.declared()
    assert found.keys() == declared.keys()
    port = stack.endpoint.rpartition(":")[2]
    for function, own in found.items():
        assert own.keys() >= set(declared[function]), function
        assert own["AWS_ENDPOINT_URL"] == f"http://host.docker.internal:{port}"
        assert own["ACCOUNTS_TABLE"] == stack.names["Accounts"]


def sam_local(stack: Stack, **given: str) -> Outcome:
    """Let SignIn answer with the variables that `sam local invoke` would give it."""
    declared = dict.fromkeys(variables.declared()["SignIn"], "")
    event: dict[str, Any] = json.loads(EVENT.read_text())
    layers = runtime.layers(stack.home, "SignIn")
    return runtime.invoke(ROOT / "functions/sign_in", event, SAM_LOCAL | declared | given, *layers)


def test_sam_local_with_the_file_reaches_the_local_stack(stack: Stack):
    given = json.loads((stack.home / "env.json").read_text())["SignIn"]
    given["AWS_ENDPOINT_URL"] = stack.endpoint  # no container knows this machine by another name
    outcome = sam_local(stack, **given)

    assert outcome.kind == "response", outcome
    assert outcome.body["statusCode"] == 401


def test_sam_local_without_the_file_refuses(stack: Stack):
    outcome = sam_local(stack)

    assert outcome.kind == "init", outcome
    assert "sam local would call your own AWS account" in outcome.body["errorMessage"]
