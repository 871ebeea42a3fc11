"""CloudFormation's custom resources: its events, and the answer that it waits for."""

import json
import urllib.request
from typing import Any, Literal

from pydantic import BaseModel, Field


class CustomResourceEvent(BaseModel):
    """What CloudFormation asks of a custom resource (its "request object")."""

    request_type: Literal["Create", "Update", "Delete"] = Field(alias="RequestType")
    response_url: str = Field(alias="ResponseURL")
    stack_id: str = Field(alias="StackId")
    request_id: str = Field(alias="RequestId")
    logical_resource_id: str = Field(alias="LogicalResourceId")
    physical_resource_id: str = Field("", alias="PhysicalResourceId")
    properties: dict[str, Any] = Field(alias="ResourceProperties", default_factory=dict)


def is_custom_resource(event: dict[str, Any]) -> bool:
    """Return whether an event comes from CloudFormation."""
    return "ResponseURL" in event


def answer(event: CustomResourceEvent, physical_id: str, *, problem: str = "") -> None:
    """Tell CloudFormation the result. Without an answer it waits for an hour.

    A problem fails the deployment and is shown to the deployer. The answer has room for 4 KB.
    """
    body = {
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem[:2000],
        "PhysicalResourceId": event.physical_resource_id or physical_id,
        "StackId": event.stack_id,
        "RequestId": event.request_id,
        "LogicalResourceId": event.logical_resource_id,
    }
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own address
        event.response_url, json.dumps(body).encode(), {"content-type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass
