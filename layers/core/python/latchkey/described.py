"""What the description (docs/openapi.json) says of requests beside what their types check.

The rules check it themselves: their refusals say more than those of a type, and the answer can
depend on other fields.
"""

import copy
from typing import Any

from pydantic import ConfigDict, Field


def needs(*ways: str) -> ConfigDict:
    """Return the configuration of a body that must have certain fields, in one of several ways.

    A way names fields, such as `username password`, some with their value: `grant_type=password`.
    """

    def describe(schema: dict[str, Any]) -> None:
        found = [_with(schema, way) for way in ways]
        if len(found) == 1:
            schema.update(found[0])
            return
        for name in ("properties", "required", "type"):
            schema.pop(name, None)
        for one in found:
            one["title"] += "With" + one["required"][-1].title().replace("_", "")
        schema["anyOf"] = found

    return ConfigDict(json_schema_extra=describe)


def blank_or(pattern: str) -> Any:
    """Return what says of a field that it is blank or has a form, as a regular expression."""
    return Field(json_schema_extra={"pattern": f"^({pattern})?$"})


def _with(schema: dict[str, Any], way: str) -> dict[str, Any]:
    """Return the schema of a body that has the fields of a way, and none of them as null."""
    found = {name: copy.deepcopy(schema[name]) for name in ("type", "title", "properties")}
    required = list(schema.get("required", []))
    for name, _, value in (field.partition("=") for field in way.split()):
        field = found["properties"][name]
        for arm in field.pop("anyOf", []):
            field.update(arm if arm["type"] != "null" else {})
        field.pop("default", None)
        if value:
            field.pop("enum", None)
            field["const"] = value
        required += [] if name in required else [name]
    return found | {"required": required}


def _username(schema: dict[str, Any]) -> None:
    from latchkey.users import user

    schema["pattern"] = f"^{user.USERNAME}$"


def _new_password(schema: dict[str, Any]) -> None:
    from latchkey.users.policy import POLICIES

    schema["minLength"] = min(policy.shortest for policy in POLICIES.values())
    schema["maxLength"] = max(policy.longest for policy in POLICIES.values())
    schema["description"] = "Counted in Unicode's form NFKC. " + " ".join(
        f"With PasswordPolicy={name} it has {policy.shortest} to {policy.longest} characters"
        f"{', a letter and a digit among them' if policy.mixed else ''}."
        for name, policy in POLICIES.items()
    )


USERNAME = Field(json_schema_extra=_username)
NEW_PASSWORD = Field(json_schema_extra=_new_password)
ADDRESS = Field(json_schema_extra={"format": "email", "maxLength": 254})
# It cannot have the format `email`, which a blank one has not.
ADDRESS_OR_BLANK = Field(json_schema_extra={"pattern": r"^([^\s@]+@[^\s@]+)?$", "maxLength": 254})
