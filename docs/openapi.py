"""`python -m docs.openapi` writes docs/openapi.json from the routes of template.yaml and the models
that the operations themselves read and answer.
"""

import importlib
import inspect
import json
import sys
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from local.template import template

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "openapi.json"
_REF = "#/components/schemas/{name}"
# What may be refused with captcha_required.
GUARDED = {"send_code", "sign_in", "grant_token", "update_password"}


@dataclass
class Problem:
    """A refusal. The names and numbers of `error` and `error_code` are in docs/api.md."""

    error: str
    error_code: int
    error_description: str
    request_id: str
    retry_after: int | None = None
    details: list[dict[str, str]] | None = None


class Operation(typing.NamedTuple):
    """One method of one path, and what it takes and gives."""

    name: str
    method: str
    path: str
    takes: type[BaseModel]
    gives: Any
    words: str
    bearer: str


def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    operations = _operations()
    schemas, components = _schemas(operations)
    paths: dict[str, Any] = {}
    for number, operation in enumerate(operations):
        takes, gives = schemas[number]
        described = _described(operation, _whole(takes, components), takes, gives)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    queries = {op.takes.__name__ for op in operations if _is_query(op.takes)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Latchkey",
            "version": "1",
            "description": "E-mail login on the wire of CloudBase Auth v2.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:3000", "description": "make run"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {k: v for k, v in sorted(components.items()) if k not in queries},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
            "parameters": {
                "client_id": _parameter("query", "client_id", "The app, as the token's audience."),
                "device_id": _parameter("header", "x-device-id", "The same for each sign-in."),
                "request_id": _parameter(
                    "header",
                    "x-request-id",
                    "A random id of 16 to 64 letters and digits. A request that is repeated with "
                    "it because its answer was lost gets the same answer.",
                ),
                "captcha_token": _parameter(
                    "query",
                    "captcha_token",
                    "For a request that was refused with captcha_required.",
                ),
            },
        },
    }


def text() -> str:
    """Return the document as it is stored."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _schemas(
    operations: Sequence[Operation],
) -> tuple[list[tuple[dict[str, Any], dict[str, Any]]], dict[str, Any]]:
    """Return the schemas of what each operation takes and gives, and of all that they refer to."""
    wanted: list[tuple[Any, Any, TypeAdapter[Any]]] = [
        ("problem", "serialization", TypeAdapter(Problem))
    ]
    for number, operation in enumerate(operations):
        wanted.append((("takes", number), "validation", TypeAdapter(operation.takes)))
        wanted.append((("gives", number), "serialization", TypeAdapter(operation.gives)))
    found, rest = TypeAdapter.json_schemas(wanted, ref_template=_REF.format(name="{model}"))
    plain: Any = {key: _untitled(schema) for (key, _), schema in found.items()}
    pairs = [(plain["takes", n], plain["gives", n]) for n in range(len(operations))]
    components = {name: _untitled(schema) for name, schema in rest["$defs"].items()}
    return pairs, {name: schema for name, schema in components.items() if name != "NoBody"}


def _untitled(schema: Any) -> Any:
    """Leave out the titles of fields, which repeat their names."""
    if isinstance(schema, list):
        return [_untitled(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _untitled(part)
        for name, part in schema.items()
        if name != "title" or not isinstance(part, str)
    }


def _operations() -> list[Operation]:
    found = []
    for resource in template()["Resources"].values():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        name = Path(resource["Properties"]["CodeUri"]).name
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] == "HttpApi" and "Path" in event["Properties"]:
                route = event["Properties"]
                found.append(_operation(name, route["Method"], route["Path"]))
    return found


def _operation(name: str, method: str, path: str) -> Operation:
    handler = importlib.import_module(f"functions.{name}.app").handler
    entry = handler[f"{method} {path}"] if isinstance(handler, dict) else handler
    function = inspect.unwrap(entry)
    hints = typing.get_type_hints(function)
    gives = hints.pop("return")
    takes = next(iter(hints.values()))
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    bearer = "yes" if "authorization" in event["headers"] else "no"
    words = " ".join((function.__doc__ or "").split())
    return Operation(
        name, method, path, takes, gives, words, "maybe" if name == "send_code" else bearer
    )


def _described(
    operation: Operation, model: dict[str, Any], takes: dict[str, Any], gives: dict[str, Any]
) -> dict[str, Any]:
    version = "" if "/v1/" in operation.path or "well-known" in operation.path else "_v2"
    last = operation.path.rstrip("}").replace("{", "").rpartition("/")[2].partition(".")[0]
    parameters: list[dict[str, Any]] = [
        {"$ref": f"#/components/parameters/{name}"}
        for name in ("client_id", "device_id", "request_id", "captcha_token")
        if name != "client_id" or operation.bearer != "yes"
        if name != "captcha_token" or operation.name in GUARDED
    ]
    described: dict[str, Any] = {
        "operationId": f"{operation.name}_{last}{version}".replace("-", "_"),
        "summary": operation.words,
        "tags": [operation.name],
    }
    if _is_query(operation.takes):
        for field, schema in model.get("properties", {}).items():
            place = "path" if "{" + field + "}" in operation.path else "query"
            needed = place == "path" or field in model.get("required", [])
            parameters.append({"name": field, "in": place, "required": needed, "schema": schema})
    elif operation.takes.__name__ != "NoBody":
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": takes}},
        }
    described["parameters"] = parameters
    problem = {"application/json": {"schema": {"$ref": _REF.format(name="Problem")}}}
    described["responses"] = {
        "200": {"description": "Success.", "content": {"application/json": {"schema": gives}}},
        "default": {"description": "A refusal.", "content": problem},
    }
    if operation.bearer != "no":
        maybe: list[dict[str, list[str]]] = [{}] if operation.bearer == "maybe" else []
        described["security"] = [*maybe, {"bearer": []}]
    return described


def _is_query(takes: type[BaseModel]) -> bool:
    from latchkey.bodies import Query

    return issubclass(takes, Query)


def _whole(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = components.get(name, schema)
    return found


def _parameter(place: str, name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": place, "description": description, "schema": {"type": "string"}}


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "layers/core/python"))
    TARGET.write_text(text(), "utf-8")
