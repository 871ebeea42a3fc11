"""`python -m docs.openapi` writes docs/openapi.json from the routes of template.yaml, the models
that the operations themselves read and answer, the errors that their docstrings name, and events/.
"""

import importlib
import inspect
import json
import re
import sys
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from local.template import template

if typing.TYPE_CHECKING:
    from latchkey.errors import AuthError

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "openapi.json"
_REF = "#/components/schemas/{model}"
# What may be refused with captcha_required.
GUARDED = {"send_code", "sign_in", "grant_token", "update_password"}
# What clients of OAuth call, which send forms (RFC 6749, 7009 and 7662).
FORMS = {"grant_token", "revoke_token", "introspect_token"}
_RAISES = re.compile(r"Raises ((?:\w+, )*\w+(?: and \w+)?)\.$")


@dataclass
class Problem:
    """A refusal. The words of `error` and of `reason` in `details` are in docs/api.md."""

    error: str
    error_code: int
    error_description: str
    request_id: str
    retry_after: int | None = None
    details: list[dict[str, str | int]] | None = None


class Operation(typing.NamedTuple):
    """One method of one path, and what it takes, gives and refuses."""

    name: str
    method: str
    path: str
    takes: type[BaseModel]
    gives: Any
    words: str
    bearer: str
    raises: frozenset[str]
    """The names of errors."""
    event: dict[str, Any]
    """A request of it, or of another route with the same fields; empty if there is none."""


class _Plain(GenerateJsonSchema):
    """Fields without titles, which would repeat their names, and without blank defaults, which make
    generators take them for required.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's
        return False

    def default_schema(self, schema: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().default_schema(schema)
        if found.get("default") in (None, ""):
            found.pop("default", None)
        return found


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
    refusals = {names for op in operations for names in _by_status(op.raises).values()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Latchkey",
            "version": "1",
            "description": "E-mail login on the wire of CloudBase Auth v2.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:3000", "description": "make run"}],
        "tags": [{"name": name} for name in sorted({op.name for op in operations})],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {k: v for k, v in sorted(components.items()) if k not in queries},
            "responses": {"-".join(names): _refusal(names) for names in sorted(refusals)},
            "examples": {name: {"value": _body(name)} for name in sorted(set().union(*refusals))},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
            "parameters": {
                "client_id": _parameter(
                    "query", "client_id", "The app, as the token's audience.", "my-app"
                ),
                "device_id": _parameter(
                    "header",
                    "x-device-id",
                    "The same for each sign-in: a UUID or 32 hex digits.",
                    "0123456789abcdef0123456789abcdef",
                ),
                "request_id": _parameter(
                    "header",
                    "x-request-id",
                    "A random id of 16 to 64 letters and digits. A request that is repeated with "
                    "it because its answer was lost gets the same answer.",
                    "fedcba9876543210fedcba9876543210",
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
    found, rest = TypeAdapter.json_schemas(wanted, ref_template=_REF, schema_generator=_Plain)
    plain: Any = {key: schema for (key, _), schema in found.items()}
    pairs = [(plain["takes", n], plain["gives", n]) for n in range(len(operations))]
    return pairs, {name: schema for name, schema in rest["$defs"].items() if name != "NoBody"}


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
    takes, gives, words = _read(handler, f"{method} {path}")
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    same = isinstance(handler, dict) and _read(handler, event["routeKey"])[0] is not takes
    bearer = "yes" if "authorization" in event["headers"] else "no"
    raises = _RAISES.search(words)
    named = set(re.findall(r"\b[A-Z]\w+", raises[1])) if raises else set()
    return Operation(
        name,
        method,
        path,
        takes,
        gives,
        _RAISES.sub("", words).strip(),
        "maybe" if name == "send_code" else bearer,
        frozenset(named | _raised_by_all(name, takes, bearer)),
        {} if same else event,
    )


def _read(handler: Any, route: str) -> tuple[type[BaseModel], Any, str]:
    """Return what an operation takes and gives, and its docstring."""
    function = inspect.unwrap(handler[route] if isinstance(handler, dict) else handler)
    hints = typing.get_type_hints(function, include_extras=True)
    gives = hints.pop("return")
    return next(iter(hints.values())), gives, " ".join((function.__doc__ or "").split())


def _raised_by_all(name: str, takes: type[BaseModel], bearer: str) -> set[str]:
    """Return the errors that operations of a kind have in common."""
    raised = {"Internal", "Unavailable"}
    if takes.model_fields:
        raised.add("InvalidArgument")
    if TypeAdapter(takes).json_schema().keys() & {"required", "anyOf"}:
        raised.add("MissingField")
    if takes.model_fields and not _is_query(takes):
        raised.add("BodyTooLarge")
    if bearer == "yes":
        raised.add("Unauthenticated")
    if name in GUARDED:
        raised |= {"CaptchaRequired", "CaptchaInvalid"}
    return raised


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
    first, _, rest = operation.words.partition(". ")
    described: dict[str, Any] = {
        "operationId": f"{operation.name}_{last}{version}".replace("-", "_"),
        "summary": first.removesuffix(".") + ".",
        **({"description": rest} if rest else {}),
        "tags": [operation.name],
    }
    parameters += _fields_of_path(operation)
    if _is_query(operation.takes):
        parameters += _fields_of_query(operation, model)
    elif operation.takes.model_fields:
        described["requestBody"] = _request_body(operation, model, takes)
    described["parameters"] = parameters
    described["responses"] = {
        "200": {"description": "Success.", "content": {"application/json": {"schema": gives}}},
        **{
            str(status): {"$ref": f"#/components/responses/{'-'.join(names)}"}
            for status, names in _by_status(operation.raises).items()
        },
    }
    if operation.bearer != "no":
        maybe: list[dict[str, list[str]]] = [{}] if operation.bearer == "maybe" else []
        described["security"] = [*maybe, {"bearer": []}]
    return described


def _fields_of_path(operation: Operation) -> Iterable[dict[str, Any]]:
    """Return the parts of a path that an operation reads from the path itself."""
    for name in re.findall(r"{(\w+)}", operation.path):
        if name not in operation.takes.model_fields:
            example = operation.event["pathParameters"][name]
            yield _parameter("path", name, "", example) | {"required": True}


def _fields_of_query(operation: Operation, model: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Return the fields of a path and a query string. A blank one counts as missing there."""
    event = operation.event
    examples = event.get("queryStringParameters", {}) | event.get("pathParameters", {})
    for name, field in model["properties"].items():
        place = "path" if "{" + name + "}" in operation.path else "query"
        needed = name in model.get("required", [])
        [schema] = [arm for arm in field.pop("anyOf", [field]) if arm.get("type") != "null"]
        if needed:
            schema["minLength"] = 1
        example = examples.get(name)
        if example and schema["type"] == "integer":
            example = int(example)
        yield {
            "name": name,
            "in": place,
            "required": needed,
            "schema": schema,
            **({"example": example} if example else {}),
        }


def _request_body(
    operation: Operation, model: dict[str, Any], takes: dict[str, Any]
) -> dict[str, Any]:
    body = json.loads(operation.event.get("body", "{}"))
    content = {"schema": takes, **({"example": body} if body else {})}
    kinds = ["json"] + (["x-www-form-urlencoded"] if operation.name in FORMS else [])
    return {
        "required": bool({"required", "anyOf"} & model.keys()),
        "content": {f"application/{kind}": content for kind in kinds},
    }


def _by_status(raised: Iterable[str]) -> dict[int, tuple[str, ...]]:
    """Return the names of errors by the status of their answer."""
    found: dict[int, tuple[str, ...]] = {}
    for name in sorted(raised):
        status = _error(name).status
        found[status] = (*found.get(status, ()), name)
    return dict(sorted(found.items()))


def _refusal(names: Sequence[str]) -> dict[str, Any]:
    """Return the answer to errors of one status."""
    words = sorted({_error(name).error for name in names})
    # A client that ignores what stands beside a reference reads a Problem.
    schema = {"$ref": _REF.format(model="Problem"), "properties": {"error": {"enum": words}}}
    answer: dict[str, Any] = {
        "description": "\n".join(
            f"- `{_error(name).error}`: {_body(name)['error_description']}" for name in names
        ),
        "content": {
            "application/json": {
                "schema": schema,
                "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in names},
            }
        },
    }
    if "TooManyRequests" in names:
        seconds = {"type": "integer", "minimum": 1}
        schema["required"] = ["retry_after"]
        answer["headers"] = {
            "Retry-After": {"description": "In seconds.", "required": True, "schema": seconds}
        }
    return answer


def _error(name: str) -> "type[AuthError]":
    from latchkey import errors

    found: type[AuthError] = getattr(errors, name)
    return found


@cache
def _body(name: str) -> dict[str, Any]:
    """Return the body of a refusal. Some errors get their sentence where they are raised."""
    from latchkey import errors
    from latchkey.users.policy import POLICIES

    made: dict[str, Callable[[], AuthError]] = {
        "InvalidArgument": lambda: errors.InvalidArgument(
            "Expected `str`, got `int`.", field="name"
        ),
        "MissingField": lambda: errors.MissingField("email"),
        "WeakPassword": lambda: POLICIES["cloudbase"].broken_rule("") or errors.Internal(),
        "TooManyRequests": lambda: errors.TooManyRequests(
            "Too many codes were asked for. Try again later.", retry_after=60
        ),
    }
    return made.get(name, _error(name))().body() | {"request_id": "JKJaXmPLvHcESHA="}


def _is_query(takes: type[BaseModel]) -> bool:
    from latchkey.bodies import Query

    return issubclass(takes, Query)


def _whole(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = components.get(name, schema)
    return found


def _parameter(place: str, name: str, description: str, example: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        **({"description": description} if description else {}),
        "schema": {"type": "string"},
        **({"example": example} if example else {}),
    }


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "layers/core/python"))
    TARGET.write_text(text(), "utf-8")
