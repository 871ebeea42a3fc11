"""A deployment: where its functions are, and how they are called."""

import functools
import json
import os
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.config
import botocore.exceptions

from latchkey_cli import signing
from latchkey_cli.problems import AWS_REFUSED, Problem, explained

# Which function does what.
FUNCTIONS = {
    "users.list": "OperatorRead",
    "users.reindex": "IndexUsers",
    "users.show": "OperatorRead",
    "users.history": "OperatorRead",
    "suppressions.list": "OperatorRead",
    "keys.list": "OperatorRead",
    "mail.test": "SendTestMail",
    "keys.rotate": "RotateKeys",
    "users.import": "ImportUsers",
    "users.export": "ExportUsers",
}
_OTHERS = "OperatorChange"

# A test mail may take 90 s, an import of a batch as long.
_CONFIG = botocore.config.Config(read_timeout=120, retries={"total_max_attempts": 1})
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Deployment:
    """The stack that a command speaks to."""

    stack: str
    region: str | None = None
    profile: str | None = None
    local_port: int | None = None
    """Where the local stack listens, if it is meant; its credentials are fixed."""

    @property
    def endpoint(self) -> str | None:
        """Return the address of the local stack: always on loopback."""
        return f"http://{_LOOPBACK}:{self.local_port}" if self.local_port else None

    @functools.cached_property
    def session(self) -> boto3.Session:
        """Return a session with the operator's credentials."""
        if self.local_port:
            return boto3.Session("test", "test", region_name="eu-central-1")
        with explained("sts:GetCallerIdentity", "*"):
            session = boto3.Session(profile_name=self.profile, region_name=self.region)
            if session.region_name is None:
                raise botocore.exceptions.NoRegionError
            if session.get_credentials() is None:
                raise botocore.exceptions.NoCredentialsError
            return session

    def client(self, service: str) -> Any:
        """Return a client of an AWS service."""
        return self.session.client(service, endpoint_url=self.endpoint, config=_CONFIG)  # type: ignore[call-overload]

    @functools.cached_property
    def resources(self) -> dict[str, str]:
        """Return the physical id of each resource of the stack. Raises Problem."""
        try:
            with explained("cloudformation:ListStackResources", f"stack/{self.stack}/*"):
                pages = self.client("cloudformation").get_paginator("list_stack_resources")
                found = {
                    one["LogicalResourceId"]: one.get("PhysicalResourceId", "")
                    for page in pages.paginate(StackName=self.stack)
                    for one in page["StackResourceSummaries"]
                }
        except Problem as problem:
            if "does not exist" not in str(problem):
                raise
            where = self.endpoint or self.session.region_name
            raise Problem(
                f"There is no stack {self.stack} in {where}: name it with --stack, and its region"
                " with --region.",
                AWS_REFUSED,
            ) from problem
        if "OperatorRead" not in found:
            raise Problem(
                f"The stack {self.stack} is not Latchkey, or older than this command.",
                AWS_REFUSED,
            )
        return found

    @functools.cached_property
    def outputs(self) -> dict[str, str]:
        """Return the outputs of the stack. Raises Problem."""
        with explained("cloudformation:DescribeStacks", f"stack/{self.stack}/*"):
            [stack] = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}

    def call(self, act: str, **request: object) -> Any:
        """Let a function do something, and return its result. Raises Problem."""
        logical = FUNCTIONS.get(act, _OTHERS)
        function = self.resources.get(logical)
        if not function:
            raise Problem(_MISSING.get(logical, f"The stack has no function {logical}."))
        text = json.dumps({"act": act, **request}, ensure_ascii=False)
        with explained("lambda:InvokeFunction", f"arn:aws:lambda:*:*:function:{function}"):
            signed = signing.sign(self.session, function, text, self._sts)
            payload = json.dumps({"request": text, "signed": signed}).encode()
            reply = self._lambda.invoke(FunctionName=function, Payload=payload)
            answer = json.loads(reply["Payload"].read())
        if reply.get("FunctionError"):
            kind = answer.get("errorType", "no reason") if isinstance(answer, dict) else answer
            raise Problem(f"The function {logical} failed ({kind}): its log says more.")
        if "error" in answer:
            raise Problem(answer["message"])
        return answer["result"]

    @functools.cached_property
    def _lambda(self) -> Any:
        return self.client("lambda")

    @functools.cached_property
    def _sts(self) -> str:
        return str(self.client("sts").meta.endpoint_url)


_MISSING = {
    "ExportUsers": "The deployment exports nobody: deploy with UserExport=on, and turn it off again"
    " after the export.",
}


def default_local_port() -> int:
    """Return where `make run` lets the local stack listen."""
    return int(os.environ.get("STACK_PORT", "4566"))
