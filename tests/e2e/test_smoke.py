"""The smoke run against the deployed stack, as an operator starts it."""

import os
import subprocess
import sys

from tests.e2e.client import Device
from tests.e2e.stack import ROOT, Stack


def smoke(stack: Stack, *options: str, entered: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "latchkey_cli.smoke", stack.api, *options]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "cli")},
        input=entered,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_everything_passes(stack: Stack):
    result = smoke(stack, "--to", "smoke@example.com", "--inbox", stack.inbox)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert lines[-1] == "passed"
    assert not [line for line in lines if line.startswith("FAIL")]
    assert [line[:2] for line in lines[-3:-1]] == ["ok", "ok"]
    assert not [item for item in stack.items("Accounts") if "smoke@" in str(item)]


def test_an_address_of_ses_s_simulator_shows_that_the_mail_leaves(stack: Stack):
    result = smoke(stack, "--to", "success@simulator.amazonses.com")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "ok    the mail leaves: sent" in result.stdout
    assert "the address signs up: not shown" in result.stdout


def test_an_account_that_exists_is_left_alone(stack: Stack, device: Device, address: str):
    tokens = device.register(address)
    result = smoke(stack, "--to", address, "--inbox", stack.inbox)
    assert result.returncode == 1
    assert "The address has an account" in result.stdout
    assert device.me(tokens["access_token"]).status == 200


def test_a_wrong_code_is_told(stack: Stack):
    result = smoke(stack, "--to", "smoke-wrong@example.com", entered="000000\n")
    assert result.returncode == 1
    assert "The code is wrong" in result.stdout
