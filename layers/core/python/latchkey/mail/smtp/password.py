"""The SMTP password: read it from Secrets Manager, and keep it out of every text."""

import base64
import contextlib
import functools

from latchkey import aws, settings
from latchkey.mail.transport import NotSent, TryLater


@functools.cache
def read(arn: str) -> str:
    """Return the password of a secret. Raises TryLater."""
    try:
        return aws.secrets().get_secret_value(SecretId=arn)["SecretString"]
    except aws.FAULTS as error:
        raise TryLater("configuration", "secret", reply="the password could not be read") from error


def forget() -> None:
    """Drop the cached password, because an operator may have stored a new one."""
    read.cache_clear()


def redact(text: str, sender: settings.Sender) -> str:
    """Return a text as one line, without the password in any form in which it was sent."""
    if sender.smtp_user and sender.smtp_secret_arn:
        with contextlib.suppress(NotSent):
            password, user = read(sender.smtp_secret_arn), sender.smtp_user
            for secret in (
                password,
                base64.b64encode(password.encode()).decode(),
                base64.b64encode(f"\0{user}\0{password}".encode()).decode(),
            ):
                text = text.replace(secret, "***") if secret else text
    return " ".join(text.split())[:500]
