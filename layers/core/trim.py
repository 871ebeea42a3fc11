"""`python3 trim.py FOLDER`: leave out what nobody loads of the AWS libraries' data in a layer.

botocore carries the models of over 400 services, with the documentation of each field, and a table
of their end points in every region: 28 MB, of which a client reads its own model and all of that
table before its first call. That is a fifth of a cold start. What stays answers exactly as before:
the whole model of an operation in use, all rules by which an end point is found, and the table's
lines on the services in use in every region (tests/unit/test_layer.py).

Only data is taken away, no code. Files are replaced, never written to: uv links them to its cache.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

# What the functions call. Another operation is not on the client until it stands here.
OPERATIONS = {
    "dynamodb": {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "DescribeContinuousBackups",
        "DescribeTable",
        "GetItem",
        "PutItem",
        "Query",
        "TransactWriteItems",
        "UpdateContinuousBackups",
        "UpdateItem",
        "UpdateTable",
    },
    "events": {"PutEvents"},
    "kms": {"Decrypt", "Encrypt"},
    "lambda": {"Invoke"},
    "secretsmanager": {"GetSecretValue"},
    "sesv2": {"SendEmail"},
    "sqs": {"ChangeMessageVisibility", "SendMessage"},
}
# Beside the services' folders: partitions, retries and defaults are read as they are.
TABLES = ("_retry.json", "partitions.json", "sdk-default-configuration.json")
ENDPOINTS = "endpoints.json"
# Of a service. Pages, waiters and examples are for clients that ask for them.
MODELS = ("service-2.json", "service-2.sdk-extras.json", "endpoint-rule-set-1.json")

Json = dict[str, Any]


def trim(python: Path) -> None:
    """Trim the data of botocore and boto3 in a folder of installed packages."""
    data = python / "botocore" / "data"
    kept = {name: _read(data / name) for name in (*TABLES, ENDPOINTS)}
    prefixes = set()
    for service, operations in OPERATIONS.items():
        # botocore takes the newest version; a service has more than one for history's sake.
        version = max(path.name for path in (data / service).iterdir() if path.is_dir())
        for name in MODELS:
            path = data / service / version / name
            if not path.exists() and not path.with_name(f"{name}.gz").exists():
                continue
            model = _read(path)
            if name == "service-2.json":
                prefixes.add(model["metadata"]["endpointPrefix"])
                model = _only(model, operations)
            kept[f"{service}/{version}/{name}"] = _without_documentation(model)
    for partition in kept[ENDPOINTS]["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in prefixes}
    shutil.rmtree(data)
    for name, content in kept.items():
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not compressed: reading is faster, and the layer's own zip compresses it.
        path.write_text(json.dumps(content, separators=(",", ":")))
    # Models of boto3.resource(), which is not used.
    shutil.rmtree(python / "boto3" / "data", ignore_errors=True)


def _read(path: Path) -> Json:
    """Read JSON that may be compressed."""
    packed = path.with_name(f"{path.name}.gz")
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    content: Json = json.loads(raw)
    return content


def _only(model: Json, operations: set[str]) -> Json:
    """Leave out other operations, and the shapes that only they use."""
    found = {name: model["operations"][name] for name in sorted(operations)}
    shapes: Json = {}
    waiting = list(_shapes(found))
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting += _shapes(shapes[name])
    return {**model, "operations": found, "shapes": shapes}


def _shapes(part: Any) -> list[str]:
    """Return the names of all shapes that a part of a model refers to."""
    if isinstance(part, list):
        return [name for element in part for name in _shapes(element)]
    if not isinstance(part, dict):
        return []
    named = [part["shape"]] if isinstance(part.get("shape"), str) else []
    return named + [name for value in part.values() for name in _shapes(value)]


def _without_documentation(part: Any) -> Any:
    """Leave out the texts that describe a model, but nothing that is only called so."""
    if isinstance(part, list):
        return [_without_documentation(element) for element in part]
    if not isinstance(part, dict):
        return part
    return {
        name: _without_documentation(value)
        for name, value in part.items()
        if not (name == "documentation" and isinstance(value, str))
    }


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
