"""The environment variables, one small frozen model per concern.

Each is read on first use, so that a module can be imported without its variables, and a function
needs only the variables of the modules that it calls.
"""

import functools
import os
from typing import Annotated, Literal, Self

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True):
    """A group of variables: the field `code_seconds` is read from CODE_SECONDS."""

    @classmethod
    @functools.cache
    def load(cls) -> Self:
        """Read and check the group once per process."""
        names = {name: name.upper() for name in cls.__struct_fields__}
        found = {name: os.environ[var] for name, var in names.items() if var in os.environ}
        return msgspec.convert(found, cls, strict=False)


class Store(Settings, frozen=True):
    """Where the items are."""

    accounts_table: str
    grants_table: str


class Keys(Settings, frozen=True):
    """What wraps and replaces the keys."""

    kms_key_id: str
    key_rotation_days: Positive = 90


class Codes(Settings, frozen=True):
    """How long a mailed code lives and how often one may be asked for."""

    code_seconds: Positive = 600
    code_length: Annotated[int, msgspec.Meta(ge=6, le=8)] = 6
    code_cooldown_seconds: Count = 60
    codes_per_address_per_day: Positive = 50
    codes_per_source_per_hour: Positive = 100


class Sessions(Settings, frozen=True):
    """How long tokens live and whom they are for."""

    access_token_seconds: Positive = 7200
    session_days: Positive = 30
    client_ids: str = ""

    @property
    def session_seconds(self) -> int:
        """How long a session lives after its last refresh."""
        return self.session_days * 86400

    @property
    def clients(self) -> frozenset[str]:
        """The accepted client ids; none means any."""
        return frozenset(filter(None, (name.strip() for name in self.client_ids.split(","))))


class Queue(Settings, frozen=True):
    """Where mails wait, and their language if the deployer fixed one."""

    mail_queue_url: str
    mail_language: Literal["auto", "en", "zh-CN"] = "auto"


class Mail(Settings, frozen=True):
    """Who sends, and through what."""

    sender_address: str
    mail_transport: Literal["ses", "smtp"] = "ses"
    sender_name: str = ""
    product_name: str = "Latchkey"
    smtp_provider: Literal["custom", "qq", "exmail", "163", "gmail"] = "custom"
    smtp_host: str = ""
    smtp_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    smtp_security: Literal["SSL", "STARTTLS"] = "SSL"
    smtp_user: str = ""
    smtp_secret_arn: str = ""
