"""What `python -m local` says about values that cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.conftest import ROOT


def local(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "local", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    return ended.returncode, ended.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize("port", ["80000", "http", "-1", "3000.5"])
def test_a_port_that_is_none_is_refused(port: str):
    code, said = local(f"--api-port={port}")
    assert code == 2
    assert said.endswith(f"argument --api-port: '{port}' is no port: take a number up to 65535")


def test_parameters_that_cannot_be_read_are_refused(tmp_path: Path):
    code, said = local("--home", str(tmp_path), "--params", "ProductName='Ada")
    assert (code, said) == (1, "PARAMS: No closing quotation in ProductName='Ada")


def test_an_unknown_parameter_is_refused(tmp_path: Path):
    code, said = local("--home", str(tmp_path), "--params", "Product=Ada")
    assert code == 1
    assert said.startswith("PARAMS: the template has no ['Product'], only [")
