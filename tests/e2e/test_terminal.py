"""`python -m local` in a terminal that is closed: nothing goes on running."""

import os
import pty
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.stack import PORTS, ROOT
from tests.ports import free_port

SECONDS = 60


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_a_closed_terminal_leaves_no_process(tmp_path: Path):
    """It is closed at the worst moment: MiniStack runs, and SAM builds with programs of its own."""
    ports = [f"--{name}-port={free_port()}" for name in PORTS]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "local", f"--home={tmp_path}", *ports])
    said = b""
    while b"building" not in said:
        said += os.read(terminal, 1000)
    end = time.monotonic() + SECONDS
    while not any("sam build" in command for command in processes(tmp_path)):
        assert time.monotonic() < end, said
        time.sleep(0.1)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    while (left := processes(tmp_path)) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == []


def processes(home: Path) -> list[str]:
    """Return the command of each process that knows the folder of this stack."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            known = str(home).encode() in command + (folder / "environ").read_bytes()
        except OSError:  # it has ended
            continue
        if known:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found
