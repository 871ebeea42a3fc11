"""The sample page (examples/web). It has its own port, so its origin differs from the API's."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from local.checks import NODE_NEEDED, node_version
from local.stack import ROOT

FOLDER = ROOT / "examples/web"
STOP_SECONDS = 5


@dataclass
class Web:
    """The server of the page, a Node process. Nothing else needs it: if it cannot start, `problem`
    says why and what to do, and everything else runs.
    """

    port: int
    home: Path
    problem: str = field(default="", init=False)
    _install: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _server: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """Return the path of the output of npm and Node."""
        return self.home / "web.log"

    def prepare(self) -> None:
        """Start to install the page's packages if they have changed, while the stack starts."""
        self.log.write_bytes(b"")
        npm = shutil.which("npm")
        if npm is None or node_version() < NODE_NEEDED:
            wanted = ".".join(map(str, NODE_NEEDED))
            self.problem = f"not served: it needs Node {wanted} or newer, and npm, on the PATH"
            return
        # npm writes a copy of the lock file into the folder that it installs to.
        lock, installed = FOLDER / "package-lock.json", FOLDER / "node_modules/.package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            self._install = self._run(npm, "ci", "--no-audit", "--no-fund")

    def start(self, api: str, password_policy: str) -> None:
        """Bundle the page for this API and serve it."""
        if self._install and self._install.wait():
            self.problem = f"not served: npm ci failed in {FOLDER}, see {self.log}"
        if not self.problem:
            self._server = self._run(
                *("node", "build.js", "--serve"), API_URL=api, PASSWORD_POLICY=password_policy
            )

    def check(self) -> None:
        """Print it once if the server of the page has ended."""
        if self._server and self._server.poll() is not None and not self.problem:
            self.problem = f"no longer served: see {self.log}"
            print(f"page   {self.problem}", flush=True)

    def stop(self) -> None:
        """Stop what was started."""
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
                stdin=subprocess.PIPE,  # it ends when this process is gone, and the server with it
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
