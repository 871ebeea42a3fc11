"""Lambda's own bootstrap, and the part of Lambda's Runtime API that it calls.

The bootstrap runs in an environment with only what Lambda brings: boto3 and `awslambdaric`. As on
Lambda, only the function's folder and its layers are added.
"""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from local.stack import ROOT
from local.template import template

PYTHON = ROOT / ".local/env/lambda/bin/python"
API = "/2018-06-01/runtime"
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


@dataclass(frozen=True)
class Outcome:
    """What the bootstrap reported: the answer of the handler, or an error."""

    kind: str
    """`response`, `error` (unhandled in the handler), `init` (the module could not be loaded) or
    `nothing`."""
    body: Any
    seconds: float
    """From the start of the process to the answer."""
    loaded: float
    """From the start of the process until it asked for its event."""
    processor: float
    """The processor time of the process, in seconds, its start and its answer included."""
    log: str


def compile_libraries() -> None:
    """Compile the environment to bytecode, as Lambda's own libraries are."""
    command = [str(PYTHON), "-m", "compileall", "-q", "-j", "0", str(PYTHON.parents[1] / "lib")]
    subprocess.run(command, check=True, env={"PATH": "/usr/bin:/bin"})


def layers(home: Path, function: str) -> list[Path]:
    """Return the folders of a function's layers that the stack of a home was built with."""
    own = template()["Resources"][function]["Properties"].get("Layers", [])
    return [home / "build" / name / "python" for name in ("CoreLayer", *(o["Ref"] for o in own))]


def invoke(
    code: Path, event: Mapping[str, Any], environment: Mapping[str, str], *layers: Path
) -> Outcome:
    """Start a container for the function in a folder, and let it answer one event."""
    with (
        _runtime_api(event) as (address, outcomes),
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+") as log,  # nobody reads a pipe, so it would fill up
    ):
        task = Path(folder) / "task"
        shutil.copytree(code, task, ignore=shutil.ignore_patterns("__pycache__"))
        began = time.perf_counter()
        process = subprocess.Popen(
            [PYTHON, "-m", "awslambdaric", "app.handler"],
            cwd=task,
            env={
                "PATH": "/usr/bin:/bin",
                "LANG": "C.UTF-8",
                "HOME": folder,
                "PYTHONPATH": os.pathsep.join(map(str, layers)),
                "PYTHONNOUSERSITE": "1",
                "PYTHONDONTWRITEBYTECODE": "1",  # both folders are read-only on Lambda
                "LAMBDA_TASK_ROOT": str(task),
                "_HANDLER": "app.handler",
                "AWS_LAMBDA_FUNCTION_NAME": code.name,
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
                "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
                "AWS_LAMBDA_RUNTIME_API": address,
                **environment,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            kind, body, asked, answered = outcomes.get(timeout=60)
        except Empty:
            kind, body, asked, answered = "nothing", b"", began, began
        process.kill()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        said = log.read()
    answer = json.loads(body) if body else None
    return Outcome(
        kind, answer, answered - began, asked - began, usage.ru_utime + usage.ru_stime, said
    )


@contextmanager
def _runtime_api(event: Mapping[str, Any]) -> Iterator[tuple[str, "Queue[Any]"]]:
    """Serve one event, and collect what the bootstrap reports about it."""
    outcomes: Queue[tuple[str, bytes, float, float]] = Queue()
    asked: list[float] = []
    over = threading.Event()

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == f"{API}/restore/next":  # a container waits here while it is copied
                self._answer(b"", {})
                return
            if asked:  # a container waits here for its next event
                over.wait(60)
                return
            asked.append(time.perf_counter())
            self._answer(
                json.dumps(event).encode(),
                {
                    "Lambda-Runtime-Aws-Request-Id": REQUEST_ID,
                    "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 25_000),
                    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:xx:1:function:x",
                    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
                    "Content-Type": "application/json",
                },
            )

        def do_POST(self) -> None:
            answered = time.perf_counter()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = "init" if self.path == f"{API}/init/error" else self.path.rpartition("/")[2]
            self._answer(b"{}", {}, 202)
            outcomes.put((kind, body, asked[0] if asked else answered, answered))

        def _answer(self, body: bytes, headers: dict[str, str], status: int = 200) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Print nothing about a container that was stopped while it waited."""

    with Server(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", outcomes
        over.set()
        server.shutdown()
