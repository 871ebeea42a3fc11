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
    def load(cls, prefix: str = "") -> Self:
        """Read and check the group once per process; the names of its variables begin with
        `prefix`.
        """
        names = {name: prefix + name.upper() for name in cls.__struct_fields__}
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
    """Where mails wait, their language if the deployer fixed one, and the pause after a first
    failure.
    """

    mail_queue_url: str
    mail_language: Literal["auto", "en", "zh-CN", "ja", "es", "de", "fr"] = "auto"
    mail_retry_seconds: Positive = 5


class Letters(Settings, frozen=True):
    """What all mails look like."""

    product_name: str = "Latchkey"
    mail_logo: str = ""
    mail_color: Annotated[str, msgspec.Meta(pattern="^#[0-9a-fA-F]{6}$")] = "#1a56db"
    mail_background: Annotated[str, msgspec.Meta(pattern="^#[0-9a-fA-F]{6}$")] = "#f3f4f6"
    support_address: str = ""
    app_domain: str = ""


class Sender(Settings, frozen=True):
    """Who sends, and through what. The variables of the second sender begin with FALLBACK_."""

    mail_transport: Literal["none", "ses", "smtp"] = "none"
    sender_address: str = ""
    sender_name: str = ""
    ses_configuration_set: str = ""
    smtp_provider: Literal["custom", "qq", "exmail", "163", "gmail"] = "custom"
    smtp_host: str = ""
    smtp_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 465
    smtp_security: Literal["SSL", "STARTTLS", "NONE"] = "SSL"
    smtp_user: str = ""
    smtp_secret_arn: str = ""


class Suppression(Settings, frozen=True):
    """How long an address is left alone after a hard bounce or a complaint."""

    suppression_days: Positive = 14
