"""What `python -m local` says about values and machines that cannot be."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local import checks
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


def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = local("--home", str(tmp_path), f"--api-port={port}")
    assert code == 1
    assert said.startswith(f"port {port} for the API: Address already in use")
    assert said.endswith("choose another with API_PORT=")


def test_the_table_checks_the_machine_before_anything_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rows = checks.table({"WEB_PORT": "0", "API_PORT": "80000"}, tmp_path / "not" / "there")
    assert checks.problems(rows) == ["API_PORT: '80000' is no port, take a number up to 65535"]
    assert [line[:9].strip() for line in checks.render(rows).splitlines()] == [
        "Python", "Node", "free disk", "port 8000", "port 0",
    ]  # fmt: skip

    monkeypatch.setattr(checks, "PYTHON_NEEDED", (9, 0))
    monkeypatch.setattr(checks, "DISK_NEEDED_GB", 10**6)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    python, node, disk = checks.table({}, tmp_path)
    assert checks.problems([python, node, disk]) == [
        "Python 9.0 or newer is needed",
        f"1000000 GB are needed in {tmp_path}",
    ]
    assert node.problem == "note: without it and npm there is no sample page"
