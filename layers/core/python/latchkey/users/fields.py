"""The fields of a profile in requests."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(max_length=64)]
LongText = Annotated[str, Field(max_length=1024)]
Tag = Annotated[str, Field(max_length=35)]
"""A language tag: RFC 5646, section 4.4.1, has none longer than 35."""
Gender: TypeAlias = Literal["MALE", "FEMALE", "UNKNOWN", ""]


class PostalAddress(BaseModel):
    """A postal address, with the fields of OpenID Connect Core 1.0, section 5.1.1."""

    model_config = ConfigDict(strict=True, frozen=True)

    formatted: LongText | None = None
    street_address: LongText | None = None
    locality: Name | None = None
    region: Name | None = None
    postal_code: Name | None = None
    country: Name | None = None
