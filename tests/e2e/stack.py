"""A local stack for tests: `python -m local` as a process, and boto3 clients of it."""

import contextlib
import functools
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import boto3
from boto3.dynamodb.conditions import Key
from boto3.dynamodb.types import TypeDeserializer

from local import runtime
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
NAME = "latchkey"
# The first start builds the layer and downloads packages. Later ones take about ten seconds.
START_SECONDS = 300
STOP_SECONDS = 40
Item: TypeAlias = dict[str, Any]
PORTS = ("api", "inbox", "desk", "smtp", "smtps", "stack")
CREDENTIALS: dict[str, str] = {
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "region_name": "eu-central-1",
}


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    home: Path
    api: str
    inbox: str
    endpoint: str

    @property
    def functions_log(self) -> Path:
        """Return the path of what the functions have logged."""
        return self.home / "functions.log"

    @property
    def layer(self) -> Path:
        """Return the folder of the core layer that was built for this machine."""
        return self.home / "build" / "CoreLayer" / "python"

    def own_layers(self, function: str) -> list[Path]:
        """Return the folders of the layers that a function has beside the core layer."""
        return runtime.layers(self.home, function)[1:]

    def client(self, service: str, **credentials: str) -> Any:
        """Return a boto3 client. Without other credentials, it has all rights."""
        given = CREDENTIALS | credentials
        return boto3.client(service, endpoint_url=self.endpoint, **given)  # type: ignore[call-overload]

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Return the physical name of each resource of the template."""
        found = self.client("cloudformation").describe_stack_resources(StackName=NAME)
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found["StackResources"]}

    def items(self, table: str) -> list[Item]:
        """Return all items of `Accounts` or `Grants`."""
        pages = self.client("dynamodb").get_paginator("scan")
        found = pages.paginate(TableName=self.names[table], ConsistentRead=True)
        read = TypeDeserializer().deserialize
        return [{k: read(v) for k, v in item.items()} for page in found for item in page["Items"]]

    def table(self, name: str) -> Any:
        """Return `Accounts` or `Grants`, with items as plain values."""
        resource = boto3.resource("dynamodb", endpoint_url=self.endpoint, **CREDENTIALS)  # type: ignore[call-overload]
        return resource.Table(self.names[name])

    def sessions(self, sub: str) -> list[Item]:
        """Return all stored sessions of a user, also those that have expired."""
        condition = Key("pk").eq(f"USER#{sub}") & Key("sk").begins_with("SESSION#")
        return list(self.table("Grants").query(KeyConditionExpression=condition)["Items"])

    def set_variables(self, function: str, **values: str) -> dict[str, str]:
        """Set variables of a function, which starts new containers. Return its former variables.

        If the API calls an alias (SnapStart), the alias is moved to the changed function.
        """
        client = self.client("lambda")
        name = self.names[function]
        before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        client.update_function_configuration(
            FunctionName=name, Environment={"Variables": before | values}
        )
        for alias in client.list_aliases(FunctionName=name)["Aliases"]:
            version = client.publish_version(FunctionName=name)["Version"]
            client.update_alias(FunctionName=name, Name=alias["Name"], FunctionVersion=version)
        return dict(before)


class NotReady(Exception):
    """The stack did not start. The message ends with its log."""


@contextlib.contextmanager
def running(home: Path, parameters: str) -> Iterator[Stack]:
    """Start a stack without users, on free ports, and stop it at the end."""
    home.mkdir(parents=True, exist_ok=True)
    ports = {name: free_port() for name in PORTS}
    log = home / "local.log"
    options = [f"--{name}-port={port}" for name, port in ports.items()]
    values = [f"--params={parameters}"] if parameters else []
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "local", f"--home={home}", "--fresh", *options, *values],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait(process, log)
        api, inbox, endpoint = (
            f"http://127.0.0.1:{ports[name]}" for name in ("api", "inbox", "stack")
        )
        yield Stack(home, api, inbox, endpoint)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while "\nready\n" not in (said := log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > end:
            what = "is not ready" if process.poll() is None else "ended"
            raise NotReady(f"python -m local {what}; {log}:\n{said[-4000:]}")
        time.sleep(0.1)
