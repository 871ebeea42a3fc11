"""The variables of the functions on the local stack, in a file for `sam local invoke --env-vars`.

It is `env.json` in the stack's home, and it is there while the stack runs: one object for each
function of the template, `{"SignIn": {"ACCOUNTS_TABLE": "..."}}`. MailFeedback and
PublishEvents are in it too, which are deployed only with SES and with an event bus: all their
variables are those of other functions, or have a default.
"""

import json
from pathlib import Path
from typing import Any

import boto3

from local.stack import ACCESS, NAME, REGION, Stack, StackError
from local.template import template

# How a container calls this machine.
CONTAINERS_HOST = "host.docker.internal"
LOOPBACK = "127.0.0.1"
NOT_RUNNING = "no local stack runs in {}: start one with `make run`"


def write(stack: Stack) -> Path:
    """Write the file, with the end point as a container of SAM reaches it. Return its path."""
    deployed = _deployed(stack)
    known = {name: value for own in deployed.values() for name, value in own.items()}
    end_point = stack.endpoint.replace(LOOPBACK, CONTAINERS_HOST)
    found = {
        function: deployed.get(function, {name: known.get(name, "") for name in declared})
        | {"AWS_ENDPOINT_URL": end_point}
        for function, declared in declared().items()
    }
    path = _path(stack.home)
    path.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", "utf-8")
    return path


def remove(home: Path) -> None:
    """Delete the file: no stack runs."""
    _path(home).unlink(missing_ok=True)


def read(home: Path, function: str) -> dict[str, str]:
    """Return the variables of a function that runs without a container, and those that Lambda adds.

    Raises StackError if no stack runs.
    """
    try:
        found = json.loads(_path(home).read_text("utf-8"))
    except FileNotFoundError:
        raise StackError(NOT_RUNNING.format(home)) from None
    own: dict[str, str] = found[function]
    return own | {
        "AWS_ENDPOINT_URL": own["AWS_ENDPOINT_URL"].replace(CONTAINERS_HOST, LOOPBACK),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ACCESS["aws_secret_access_key"],
        "SSL_CERT_FILE": str(home / "tls/ca.pem"),
    }


def declared() -> dict[str, list[str]]:
    """Return the names of the variables that the template gives to each function."""
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    return {
        name: [*shared, *resource["Properties"].get("Environment", {}).get("Variables", {})]
        for name, resource in template()["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def _path(home: Path) -> Path:
    return home / "env.json"


def _deployed(stack: Stack) -> dict[str, dict[str, str]]:
    """Return the variables of each function that is deployed."""
    clients: Any = [
        boto3.client(service, endpoint_url=stack.endpoint, **ACCESS)
        for service in ("cloudformation", "lambda")
    ]
    resources = clients[0].describe_stack_resources(StackName=NAME)["StackResources"]
    names = {r["PhysicalResourceId"]: r["LogicalResourceId"] for r in resources}
    return {
        names[function["FunctionName"]]: function["Environment"]["Variables"]
        for page in clients[1].get_paginator("list_functions").paginate()
        for function in page["Functions"]
        if function["FunctionName"] in names
    }
