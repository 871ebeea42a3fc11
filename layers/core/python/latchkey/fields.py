"""The fields of a profile in requests, with the forms of OpenID Connect Core 1.0, section 5.1. A
blank field is one to remove, as the SDK sends it.
"""

import datetime
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from latchkey import pictures
from latchkey.bodies import malformed
from latchkey.described import blank_or

Name = Annotated[str, Field(max_length=64)]
LongText = Annotated[str, Field(max_length=1024)]
Gender: TypeAlias = Literal["MALE", "FEMALE", "UNKNOWN", ""]

_BIRTHDATE = re.compile(r"([0-9]{4})(?:-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?")
# The areas of the tz database, and its names without one. A release may add places to the areas, so
# the form is checked, and not a list: a copy in the layer would refuse the newest zone, which
# browsers know already, and Lambda need not have one.
_ZONE = re.compile(
    r"(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Etc|Europe"
    r"|Indian|Mexico|Pacific|US)(/[A-Za-z0-9_+-]{1,32}){1,2}"
    r"|UTC|GMT|GMT[+-]?0|UCT|Universal|Zulu|Greenwich|[ECMW]ET|[EMH]ST|[ECMP]ST[5678][ECMP]DT"
    r"|Cuba|Egypt|Eire|GB|GB-Eire|Hongkong|Iceland|Iran|Israel|Jamaica|Japan|Kwajalein|Libya"
    r"|NZ|NZ-CHAT|Navajo|PRC|Poland|Portugal|ROC|ROK|Singapore|Turkey|W-SU"
)
# A language tag (RFC 5646, section 2.1) as far as it begins with a language. OpenID Connect knows
# underscores as well.
_LOCALE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")


def _is_birthdate(text: str) -> bool:
    """Return whether a text is a date, a year, or a day with the year 0000, which is left out."""
    found = _BIRTHDATE.fullmatch(text)
    if found is None:
        return False
    year, month, day = found.groups()
    if month is None:
        return bool(int(year))
    try:
        # 2000 has a 29th of February, as a year that is left out may have.
        datetime.date(int(year) or 2000, int(month), int(day))
    except ValueError:
        return False
    return True


def _form(accepts: Callable[[str], Any], sentence: str) -> AfterValidator:
    """Return what refuses, with that sentence, a text that is neither blank nor accepted."""

    def check(text: str) -> str:
        if text and not accepts(text):
            raise malformed(sentence)
        return text

    return AfterValidator(check)


Picture = Annotated[
    LongText,
    blank_or(r"[hH][tT][tT][pP][sS]://[^\s\"<>\\^`{|}]+"),
    _form(pictures.is_picture, "Expected an https URL without a user name in it."),
]
Birthdate = Annotated[
    Name,
    blank_or(_BIRTHDATE.pattern),
    _form(_is_birthdate, "Expected a date as YYYY-MM-DD, 0000-MM-DD or YYYY."),
]
Zone = Annotated[
    Name,
    blank_or(_ZONE.pattern),
    _form(_ZONE.fullmatch, "Expected a name of the tz database, such as Europe/Paris."),
]
Locale = Annotated[
    str,
    Field(max_length=35),  # RFC 5646, section 4.4.1, has no longer one
    blank_or(_LOCALE.pattern),
    _form(_LOCALE.fullmatch, "Expected a language tag, such as en-GB."),
]


class PostalAddress(BaseModel):
    """A postal address, with the fields of OpenID Connect Core 1.0, section 5.1.1."""

    model_config = ConfigDict(strict=True, frozen=True)

    formatted: LongText | None = None
    street_address: LongText | None = None
    locality: Name | None = None
    region: Name | None = None
    postal_code: Name | None = None
    country: Name | None = None


def first_problem(error: ValidationError, whole: str) -> str:
    """Return what is wrong with the first wrong field, or with the `whole`, without its value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or whole
    return f"{place}: {first['msg']}."
