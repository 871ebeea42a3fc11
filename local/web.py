"""The sample page (examples/web) beside the API, on another port and so another origin."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from local.stack import ROOT

FOLDER = ROOT / "examples/web"
NODE_NEEDED = (20, 11)
STOP_SECONDS = 5


@dataclass
class Web:
    """The page's server, a process of Node. Nothing else here depends on it: if it can't be had,
    `problem` says why and what to do, and all the rest runs.
    """

    port: int
    home: Path
    problem: str = field(default="", init=False)
    _install: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _server: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """What npm and Node say."""
        return self.home / "web.log"

    def prepare(self) -> None:
        """Begin to install the page's packages if they have changed; the stack starts meanwhile."""
        self.log.write_bytes(b"")
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None or _version(node) < NODE_NEEDED:
            wanted = ".".join(map(str, NODE_NEEDED))
            self.problem = f"not served: it needs Node {wanted} or newer, and npm, on the PATH"
            return
        # npm leaves a copy of the lock file where it has installed.
        lock, installed = FOLDER / "package-lock.json", FOLDER / "node_modules/.package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            self._install = self._run(npm, "ci", "--no-audit", "--no-fund")

    def start(self, api: str) -> None:
        """Bundle the page for this API and serve it."""
        if self._install and self._install.wait():
            self.problem = f"not served: npm ci failed in {FOLDER}, see {self.log}"
        if not self.problem:
            self._server = self._run("node", "build.js", "--serve", API_URL=api)

    def check(self) -> None:
        """Note if the page's server has ended."""
        if self._server and self._server.poll() is not None and not self.problem:
            self.problem = f"not served any more: see {self.log}"
            print(f"page   {self.problem}", flush=True)

    def stop(self) -> None:
        """End what was started."""
        for process in (self._install, self._server):
            if process and process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()

    def _run(self, *command: str, **variables: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=FOLDER,
                env=os.environ | {"WEB_PORT": str(self.port)} | variables,
                stdin=subprocess.PIPE,  # its end, when this process is gone, ends the server
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def _version(node: str) -> tuple[int, ...]:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return tuple(map(int, re.findall(r"\d+", answer.stdout)[:2]))
