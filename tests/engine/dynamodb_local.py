"""AWS's own DynamoDB engine, which AWS publishes as DynamoDB Local (`make engine` installs it)."""

import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port

FOLDER = Path(__file__).parents[2] / ".local" / "engine"
START_SECONDS = 60


@contextmanager
def running() -> Iterator[str]:
    """Run the engine with empty tables in memory, and return its end point. Skip the test where it
    cannot run.
    """
    java = shutil.which("java")
    if java is None:
        pytest.skip("Java is missing: DynamoDB Local needs a JRE of version 17 or newer")
    if not (FOLDER / "DynamoDBLocal.jar").exists():
        pytest.skip("DynamoDB Local is missing: `make engine` installs it")
    port = free_port()
    command = [java, "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
    command += ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
    with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.DEVNULL) as process:
        try:
            endpoint = f"http://127.0.0.1:{port}"
            _wait_for(endpoint)
            yield endpoint
        finally:
            process.terminate()


def _wait_for(endpoint: str) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(endpoint, timeout=2)
        except urllib.error.HTTPError:
            return  # It refuses a request without credentials, so it listens.
        except OSError:
            assert time.monotonic() < end, "DynamoDB Local does not listen"
            time.sleep(0.1)
