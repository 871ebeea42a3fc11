"""Typed clients that generators make of docs/openapi.json: they compile, and sign in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.client import NewDevice, new_address
from tests.e2e.stack import ROOT, Stack

CLIENTS = ROOT / "tests/clients"
DESCRIPTION = ROOT / "docs/openapi.json"
PASSWORD = "engine1843"


@pytest.fixture
def account(stack: Stack, new_device: NewDevice) -> dict[str, str]:
    """Return the variables of the programs in tests/clients: a deployment and a user of it."""
    address = new_address()
    new_device().register(address, password=PASSWORD)
    return {"API": stack.api, "ADDRESS": address, "PASSWORD": PASSWORD}


def run(*command: str | Path, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=CLIENTS, env=os.environ | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_client_in_python(account: dict[str, str], tmp_path: Path):
    (tmp_path / "config.yml").write_text("post_hooks: []")
    generator = ROOT / ".local/env/description/bin/openapi-python-client"
    options = ["--meta=none", "--fail-on-warning", f"--config={tmp_path}/config.yml"]
    target = f"--output-path={tmp_path}/latchkey_client"
    run(generator, "generate", f"--path={DESCRIPTION}", target, *options)
    check = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}"]
    run(*check, "sign_in.py", MYPYPATH=str(tmp_path))
    python = ROOT / ".local/env/description/bin/python"
    said = run(python, "sign_in.py", PYTHONPATH=str(tmp_path), **account)
    assert said.split() == ["invalid_username_or_password", account["ADDRESS"]]


def test_a_client_in_typescript(account: dict[str, str]):
    programs = CLIENTS / "node_modules/.bin"
    run(programs / "openapi-typescript", DESCRIPTION, "--output=generated/api.d.ts")
    run(programs / "tsc")
    said = run("node", "generated/sign-in.js", **account)
    assert said.split() == ["invalid_username_or_password", account["ADDRESS"]]
