"""The environment variables: one small model for each concern.

Each is read when it is first used. So a module can be imported without its variables, and a
function needs only the variables of the modules that it calls.
"""

import functools
import os
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

Color = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]


class Settings(BaseModel):
    """A group of variables: the field `code_seconds` is read from CODE_SECONDS."""

    # A model is built when it is first used, because a function uses only some of them.
    model_config = ConfigDict(frozen=True, defer_build=True)

    @classmethod
    @functools.cache
    def load(cls, prefix: str = "") -> Self:
        """Read and check the variables once per container. `prefix` begins their names.

        Raises pydantic.ValidationError.
        """
        names = {field: prefix + field.upper() for field in cls.model_fields}
        found = {field: os.environ[name] for field, name in names.items() if name in os.environ}
        return cls.model_validate(found)


def on_lambda() -> bool:
    """Return whether this is a container of Lambda, on AWS or on the local stack."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def lacks_end_point() -> bool:
    """Return whether this is `sam local` without the end point of a local stack. Its calls would
    reach the developer's own account.
    """
    return "AWS_SAM_LOCAL" in os.environ and not os.environ.get("AWS_ENDPOINT_URL")


class Store(Settings):
    """The names of the tables."""

    accounts_table: str
    grants_table: str


class Metrics(Settings):
    """Where metrics go: the namespace names the stack."""

    powertools_metrics_namespace: str = "Latchkey"


class Origin(Settings):
    """The SHA-256 of the secret that CloudFront sends, in hexadecimal; empty without CloudFront."""

    origin_secret_hash: str = ""


class Keys(Settings):
    """What wraps the keys, and how often they are replaced."""

    kms_key_id: str
    key_rotation_days: PositiveInt = 90


class Operators(Settings):
    """Where AWS says who an operator is. Lambda sets the region."""

    aws_region: str = "us-east-1"
    aws_endpoint_url: str = ""
    """Of the local stack, else empty."""

    @property
    def sts(self) -> str:
        """Return the address of STS in this region."""
        domain = "amazonaws.com.cn" if self.aws_region.startswith("cn-") else "amazonaws.com"
        return self.aws_endpoint_url or f"https://sts.{self.aws_region}.{domain}"


class Codes(Settings):
    """How long a mailed code lives, and how often one may be asked for."""

    code_seconds: PositiveInt = 600
    code_length: Annotated[int, Field(ge=6, le=8)] = 6
    long_code_length: Annotated[int, Field(ge=8, le=16)] = 10
    code_cooldown_seconds: NonNegativeInt = 60
    codes_per_address_per_day: PositiveInt = 50
    codes_per_source_per_hour: PositiveInt = 100


class Budget(Settings):
    """How many failures of an account are evaluated in 24 hours, in each lane."""

    failures_per_day: PositiveInt = 20


class Captcha(Settings):
    """Whether strangers are asked for captchas (limits/captcha.py)."""

    captcha: Literal["adaptive", "off"] = "adaptive"


class Discovery(Settings):
    """Whether answers may tell that an address has an account: `cloudbase` as the vendor's do, or
    not, `strict`.
    """

    account_discovery: Literal["cloudbase", "strict"] = "cloudbase"

    @property
    def strict(self) -> bool:
        """Return whether nobody may learn it before the mailbox is proven."""
        return self.account_discovery == "strict"

    imported_passwords: Literal["off", "on"] = "off"
    """Whether users may have hashes of another system, which can take longer than ours."""


class Passwords(Settings):
    """Which passwords may be chosen (users/policy.py), and a word that none may contain."""

    password_policy: Literal["cloudbase", "asvs"] = "cloudbase"  # noqa: S105 - no password
    product_name: str = "Latchkey"


class Sessions(Settings):
    """How long tokens live, and for which clients they are."""

    access_token_seconds: PositiveInt = 7200
    session_days: PositiveInt = 30
    session_max_days: PositiveInt = 365
    client_ids: str = ""
    token_audience: str = "latchkey"  # noqa: S105 - a name

    @property
    def session_seconds(self) -> int:
        """Return how long a session lives after its last refresh."""
        return self.session_days * 86400

    def expiry(self, created_at: int, *, now: int) -> int:
        """Return when a session ends that is started or refreshed now: SESSION_DAYS later, and at
        most SESSION_MAX_DAYS after it was created.
        """
        return min(now + self.session_seconds, created_at + self.session_max_days * 86400)

    def audience(self, client_id: str) -> str:
        """Return whom an access token is for. Without accepted client ids it is a fixed name: a
        client id that anybody may choose must not be an audience that another service trusts.
        """
        return client_id if self.clients else self.token_audience

    @property
    def clients(self) -> frozenset[str]:
        """Return the accepted client ids; none means any."""
        return frozenset(filter(None, (name.strip() for name in self.client_ids.split(","))))


class MailQueue(Settings):
    """Where codes wait for the mailer."""

    mail_queue_url: str


class NoticeQueue(Settings):
    """Where notices wait for the mailer."""

    notice_queue_url: str


class Mailing(Settings):
    """The language of mails if the deployer has fixed one, and the pause after a first failure."""

    mail_language: Literal["auto", "en", "zh-CN", "ja", "es", "de", "fr"] = "auto"
    mail_retry_seconds: PositiveInt = 5


class Ceiling(Settings):
    """The most mails in 24 hours (limits/ceiling.py): as many as SES takes from an account that has
    left the sandbox.
    """

    mails_per_day: PositiveInt = 50_000


class MailDesign(Settings):
    """What all mails look like."""

    product_name: str = "Latchkey"
    mail_logo: str = ""
    mail_color: Color = "#1a56db"
    mail_background: Color = "#f3f4f6"
    support_address: str = ""
    app_domain: str = ""


class Sender(Settings):
    """Who sends, and through what. The variables of the second sender begin with FALLBACK_."""

    mail_transport: Literal["none", "ses", "smtp"] = "none"
    sender_address: str = ""
    sender_name: str = ""
    ses_configuration_set: str = ""
    smtp_provider: Literal["custom", "qq", "exmail", "163", "gmail"] = "custom"
    smtp_host: str = ""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 465
    smtp_security: Literal["SSL", "STARTTLS", "NONE"] = "SSL"
    smtp_user: str = ""
    smtp_secret_arn: str = ""


class Hooks(Settings):
    """The deployer's functions that are asked (hooks.py); empty for none."""

    before_sign_up_function_arn: str = ""
    claims_function_arn: str = ""
    message_function_arn: str = ""
    migration_function_arn: str = ""


class EventBus(Settings):
    """Where events go (functions/publish_events)."""

    event_bus_name: str = "default"


class Suppression(Settings):
    """How long an address gets no mail after a hard bounce or a complaint."""

    suppression_days: PositiveInt = 14
