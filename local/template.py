"""template.yaml as `sam build` reads it: with anchors and short forms such as `!Ref` expanded."""

import functools
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).parents[1] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms."""


@functools.cache
def template() -> dict[str, Any]:
    """Read the template."""
    parsed: dict[str, Any] = yaml.load(PATH.read_text("utf-8"), _Loader)  # noqa: S506 - _Loader is a safe loader
    return parsed


_TABLE_ARGUMENTS = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


def defaults() -> dict[str, Any]:
    """Return the default of each parameter, None if it has no default."""
    return {name: parameter.get("Default") for name, parameter in template()["Parameters"].items()}


def table_definition(name: str) -> dict[str, Any]:
    """Return what CreateTable needs to make a table, except its name."""
    properties = template()["Resources"][name]["Properties"]
    return {
        argument: properties[argument] for argument in _TABLE_ARGUMENTS if argument in properties
    }


def _spell_out(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    """Return the long form: `{"Ref": "A"}` for `!Ref A`, `{"Fn::Sub": text}` for `!Sub text`."""
    value: Any
    match node:
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _spell_out)
