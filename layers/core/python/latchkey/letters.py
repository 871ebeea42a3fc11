"""Letters: what a mail says, in text and HTML, in the reader's language."""

import functools
import tomllib
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from latchkey import mail, settings, verifications

_FOLDER = Path(__file__).parent / "templates"


class Letter(msgspec.Struct, frozen=True):
    """A rendered mail to one address."""

    to: str
    subject: str
    text: str
    html: str


def code(verification: verifications.Verification, language: str, *, now: int) -> Letter:
    """Render the mail that carries a code."""
    values: dict[str, Any] = {
        "product": settings.Mail.load().product_name,
        "code": verification.code(),
        "minutes": max(1, (verification.expires_at - now) // 60),
        "language": language,
    }
    return _letter(verification.address, "code", "code", values)


def notice(told: mail.Notice) -> Letter:
    """Render the mail that tells of a change."""
    values = {"product": settings.Mail.load().product_name, "language": told.language}
    return _letter(told.address, "notice", told.kind, values)


def _letter(to: str, template: str, words_of: str, values: dict[str, Any]) -> Letter:
    environment = _environment()
    # The words are templates of their own, of ours: only the values are anybody else's.
    words = {
        name: environment.from_string(text).render(values)
        for name, text in _words()[words_of][values["language"]].items()
    }
    return Letter(
        to=to,
        subject=words["subject"],
        text=environment.get_template(f"{template}.txt").render(values, words=words),
        html=environment.get_template(f"{template}.html").render(values, words=words),
    )


@functools.cache
def _environment() -> jinja2.Environment:
    """A variable that a template names and nobody gives is an error, not an empty space."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=jinja2.select_autoescape(["html"], default_for_string=False),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )


@functools.cache
def _words() -> dict[str, dict[str, dict[str, str]]]:
    return tomllib.loads((_FOLDER / "words.toml").read_text("utf-8"))
