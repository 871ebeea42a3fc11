"""`python3 -m local.checks`: what `make run` needs, in one table, before anything is installed.

It needs no package, and runs on a Python that is too old, in order to say so.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

PORTS = {  # each name is an environment variable, and an option of `python -m local` too
    "API_PORT": (3000, "the API"),
    "INBOX_PORT": (3025, "the inbox's page and JSON"),
    "DESK_PORT": (3090, "the desk, a page for operators"),
    "SMTP_PORT": (3587, "the inbox's SMTP with STARTTLS"),
    "SMTPS_PORT": (3465, "the inbox's SMTP under TLS"),
    "STACK_PORT": (4566, "MiniStack"),
}
WEB_PORT = (3080, "the sample page")
PYTHON_NEEDED = (3, 11)
NODE_NEEDED = (20, 11)
# The environments take 0.6 GB, what is built and the state 0.2 GB, and the downloads are kept too.
DISK_NEEDED_GB = 2


class Row(NamedTuple):
    """A thing that is needed. `problem` begins with `note: ` if all else runs without the thing."""

    what: str
    needed: str
    found: str
    problem: str


def table(ports: dict[str, str], folder: Path) -> list[Row]:
    """Check everything. A port is a number as text; folder is where the state will be."""
    return [
        _python(),
        _node(),
        _disk(folder),
        *(_port(name, ports[name]) for name in {**PORTS, "WEB_PORT": WEB_PORT} if name in ports),
    ]


def problems(rows: list[Row]) -> list[str]:
    """Return what keeps the stack from starting, a sentence each."""
    found = [row.problem for row in rows]
    return [problem for problem in found if problem and not problem.startswith("note: ")]


def render(rows: list[Row]) -> str:
    """Return the rows as lines of text."""
    texts = [[*row[:3], row.problem or "ok"] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(3)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, [*widths, 0]))  # noqa: B905 - new
        for row in texts
    )


def node_version() -> tuple[int, ...]:
    """Return major and minor of Node, or nothing if it or npm is missing."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return ()
    answer = subprocess.run([node, "--version"], stdout=subprocess.PIPE, check=False)
    return tuple(map(int, re.findall(r"\d+", answer.stdout.decode())[:2]))


def _python() -> Row:
    found = sys.version_info[:2]
    problem = "" if found >= PYTHON_NEEDED else f"Python {_text(PYTHON_NEEDED)} or newer is needed"
    return Row("Python", _text(PYTHON_NEEDED), _text(found), problem)


def _node() -> Row:
    found = node_version()
    problem = "" if found >= NODE_NEEDED else "note: without it and npm there is no sample page"
    return Row("Node", _text(NODE_NEEDED), _text(found) or "none", problem)


def _disk(folder: Path) -> Row:
    there = next(path for path in [folder, *folder.parents] if path.exists())
    free = shutil.disk_usage(there).free / 1e9
    problem = "" if free >= DISK_NEEDED_GB else f"{DISK_NEEDED_GB} GB are needed in {there}"
    return Row("free disk", f"{DISK_NEEDED_GB} GB", f"{free:.1f} GB", problem)


def _port(name: str, value: str) -> Row:
    what = {**PORTS, "WEB_PORT": WEB_PORT}[name][1]
    if not value.isdigit() or int(value) > 65535:
        problem = f"{name}: {value!r} is no port, take a number up to 65535"
        return Row(f"port {value}", what, "", problem)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(value)))
        except OSError as error:
            problem = f"port {value} for {what}: {error.strerror}; choose another with {name}="
            return Row(f"port {value}", what, "taken", problem)
    return Row(f"port {value}", what, "free", "")


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    wanted = {name: default for name, (default, _) in {**PORTS, "WEB_PORT": WEB_PORT}.items()}
    checked = table(
        {name: os.environ.get(name) or str(port) for name, port in wanted.items()}, Path.cwd()
    )
    print(render(checked), flush=True)
    sys.exit(bool(problems(checked)))
