"""The SMTP password: read it from Secrets Manager, and keep it out of every text."""

import base64
import contextlib
import functools
import json

from latchkey import aws, settings
from latchkey.mail.transport import NotSent, TryLater


@functools.cache
def read(arn: str) -> str:
    """Return the password of a secret. Raises TryLater.

    The secret is the password itself, or JSON with the key `password`, as AWS's console makes it.
    """
    try:
        secret = aws.secrets().get_secret_value(SecretId=arn).get("SecretString", "")
    except aws.FAULTS as error:
        reply = f"the password could not be read: {aws.error_of(error)[0] or 'no answer'}"
        raise TryLater("configuration", "secret", reply=reply) from error
    with contextlib.suppress(ValueError, TypeError, KeyError):
        secret = str(json.loads(secret)["password"])
    password = secret.strip("\r\n")  # a file's, or a terminal's, last line ends with one
    if not password:
        raise TryLater("configuration", "secret", reply="the secret has no password")
    return password


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
