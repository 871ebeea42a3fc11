"""Check answers against docs/openapi.json: whether it has their status, error and fields."""

import functools
import json
from typing import Any

from jsonschema import Draft202012Validator

from docs.openapi import TARGET


def check(route: str, status: int, answer: dict[str, Any]) -> None:
    """Fail unless the description of a route, such as `GET /auth/v1/user/me`, allows an answer."""
    if route == "$default":
        return
    problems = [problem.message for problem in _validator(route, status).iter_errors(answer)]
    assert problems == [], f"docs/openapi.json describes {route} otherwise ({status}): {problems}"


@functools.cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(TARGET.read_text("utf-8"))
    return found


@functools.cache
def _validator(route: str, status: int) -> Draft202012Validator:
    document = _document()
    method, path = route.split(" ")
    responses = document["paths"][path][method.lower()]["responses"]
    assert str(status) in responses, f"docs/openapi.json has no {status} of {route}"
    response = responses[str(status)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response["content"]["application/json"]["schema"]
    return Draft202012Validator(schema | {"components": document["components"]})
