"""What a request says: its body, query string and path, checked by a pydantic model.

Unknown fields are ignored; wrong types are refused, with the name of the field.
"""

import base64
import binascii
import urllib.parse
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError, from_json

from latchkey import described, errors

MAX_BODY_BYTES = 65536

Event: TypeAlias = Mapping[str, Any]

Text = Annotated[str, Field(max_length=256)]
Email = Annotated[str, Field(max_length=512)]
Address = Annotated[Email, described.ADDRESS]
AddressOrBlank = Annotated[Email, described.ADDRESS_OR_BLANK]
Username = Annotated[Text, described.USERNAME]
Password = Annotated[SecretStr, Field(max_length=256)]
NewPassword = Annotated[Password, described.NEW_PASSWORD]
Token = Annotated[SecretStr, Field(max_length=4096)]
Encrypted = Annotated[SecretStr, Field(max_length=16384)]
EMPTY = SecretStr("")


def malformed(sentence: str) -> PydanticCustomError:
    """Return what the check of a field raises. The sentence says which form is expected."""
    return PydanticCustomError("malformed", "{sentence}", {"sentence": sentence})


class Body(BaseModel):
    """The fields of a request with a body."""

    model_config = ConfigDict(strict=True, frozen=True)


class Query(Body):
    """The fields of a request without a body: they stand in its path and its query string."""


class NoBody(Body):
    """A request of which the operation reads no field."""


Model = TypeVar("Model", bound=Body)


def read(event: Event, model: type[Model]) -> Model:
    """Return the fields of a request. Raises InvalidArgument and BodyTooLarge.

    The body is JSON whatever its content type says, because the SDK sends text/plain, or a form,
    which OAuth's clients send.
    """
    if model is NoBody:
        return model()
    text = event.get("body") or "{}"  # without a body there is no field
    if len(text) > MAX_BODY_BYTES * 4 // 3 + 4:
        raise errors.BodyTooLarge
    if issubclass(model, Query):
        found = fields(event.get("rawQueryString") or "") | (event.get("pathParameters") or {})
        return _check(found, model)
    try:
        raw = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
        if len(raw) > MAX_BODY_BYTES:
            raise errors.BodyTooLarge
        if _is_form(event, raw):
            return _check(fields(raw.decode()), model)
    except (UnicodeError, binascii.Error) as error:
        raise _no_json() from error
    return parse(raw, model)


def parse(raw: bytes | str, model: type[Model]) -> Model:
    """Return the fields of a JSON object. Raises InvalidArgument."""
    try:
        found = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise _no_json() from error
    if not isinstance(found, dict):
        raise _no_json()
    return _check(found, model)


def fields(query: str) -> dict[str, str]:
    """Return the fields of a query string or a form."""
    return dict(urllib.parse.parse_qsl(query))


def _check(found: dict[str, Any], model: type[Model]) -> Model:
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False)) from error


def _no_json() -> errors.InvalidArgument:
    return errors.InvalidArgument("The body must be a JSON object in UTF-8.")


def _is_form(event: Event, raw: bytes) -> bool:
    """Return whether a body is a form. By default curl labels every body as one, also JSON."""
    content_type = (event.get("headers") or {}).get("content-type", "")
    labelled = content_type.lower().startswith("application/x-www-form-urlencoded")
    return labelled and not raw.lstrip().startswith((b"{", b"["))


# JSON's names for Python's types.
_NAMES = {"NoneType": "null", "dict": "object", "list": "array"}
_EXPECTED = {
    "string_type": "str",
    "int_type": "int",
    "model_type": "object",
}


def _refusal(found: list[ErrorDetails]) -> errors.InvalidArgument:
    """Return the refusal of the first wrong field. It tells types and bounds, and never a value
    that was sent.
    """
    first = found[0]
    place = first["loc"]
    if first["type"] == "missing":
        return errors.MissingField(str(place[0]))
    same = [one for one in found if one["loc"][0] == place[0]]
    # Where a field may be of two types, pydantic names the type that it tried after the field.
    field = ".".join(str(name) for name in (place if len(same) == 1 else place[:1]))
    return errors.InvalidArgument(_sentence(first, same), field=field)


def _sentence(first: ErrorDetails, same: list[ErrorDetails]) -> str:
    limits = first.get("ctx", {})
    if first["type"] in _EXPECTED:
        expected = " or ".join(f"`{_EXPECTED[e['type']]}`" for e in same if e["type"] in _EXPECTED)
        got = type(first["input"]).__name__
        return f"Expected {expected}, got `{_NAMES.get(got, got)}`."
    if first["type"] == "malformed":
        return str(limits["sentence"])
    if "max_length" in limits:
        return f"Expected `str` of length <= {limits['max_length']}."
    if first["type"] == "literal_error":
        return f"Expected {limits['expected']}."
    return "The value is not valid."
