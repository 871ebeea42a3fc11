"""Render mails: subject, text and HTML, in the reader's language.

Each language has a file of words in templates/words; four templates give the mails their shape. A
deployer's files, in a folder `mail_templates` beside the package `latchkey`, replace our templates
of the same name and our words of the same key: see docs/mail.md.
"""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import jinja2

from latchkey import settings
from latchkey.codes.verification import Verification
from latchkey.mail.queue import Notice, NoticeKind

DEFAULT_TEMPLATES = Path(__file__).parent / "templates"
CUSTOM_TEMPLATES = Path(__file__).parents[2] / "mail_templates"

CodeKind: TypeAlias = Literal["sign_up", "sign_in", "address_change", "confirm"]
Kind: TypeAlias = CodeKind | NoticeKind
CODE_KINDS: tuple[CodeKind, ...] = ("sign_up", "sign_in", "address_change", "confirm")
NOTICE_KINDS: tuple[NoticeKind, ...] = (
    "password_changed",
    "address_changed",
    "new_device",
    "account_deleted",
    "token_theft",
)


@dataclass(frozen=True)
class RenderedMail:
    """What a mail to one address says. `id` is that of the verification, if it carries a code."""

    to: str
    subject: str
    text: str
    html: str
    kind: str
    language: str
    id: str = ""
    code: str = field(default="", repr=False)


def code(verification: Verification, language: str, *, now: int) -> RenderedMail:
    """Render the mail with the code of a verification. Raises Unavailable if its key is missing."""
    # Rounded up and down, because a mail is rendered a second or two after its code was made.
    minutes = max(1, round((verification.expires_at - now) / 60))
    return render_code(
        code_kind(verification),
        language,
        to=verification.address,
        code=verification.code(),
        minutes=minutes,
        verification_id=verification.id,
    )


def notice(event: Notice, language: str, *, to: str, left_out: int = 0) -> RenderedMail:
    """Render the mail that tells a user what happened to their account, and how many notices of
    this kind were left out before.
    """
    values = {
        "time": f"{datetime.fromtimestamp(event.at, UTC):%Y-%m-%d %H:%M} UTC",
        "device": ", ".join(filter(None, (event.browser, event.system))),
        "ip": event.ip,
        "left_out": left_out,
    }
    return _render("notice", event.kind, language, to, values)


def code_kind(verification: Verification) -> CodeKind:
    """Return what a code may do. That follows from who asks and whose address it is, and not from
    the client's `usage`: anybody could ask for a code in somebody's name and call it harmless.
    """
    if not verification.owner:
        return "address_change" if verification.requester else "sign_up"
    return "confirm" if verification.owner == verification.requester else "sign_in"


def render_code(
    kind: CodeKind, language: str, *, to: str, code: str, minutes: int, verification_id: str = ""
) -> RenderedMail:
    """Render the mail with a given code."""
    values = {"code": code, "minutes": minutes}
    return _render("code", kind, language, to, values, verification_id)


def _render(
    template: str,
    kind: Kind,
    language: str,
    to: str,
    values: Mapping[str, Any],
    verification_id: str = "",
) -> RenderedMail:
    design = settings.MailDesign.load()
    sender = settings.Sender.load()
    values = {
        **values,
        "product": design.product_name,
        "logo": design.mail_logo or design.product_name[:1],
        "color": design.mail_color,
        "on_color": _text_color(design.mail_color),
        "background": design.mail_background,
        "support": design.support_address,
        "domain": design.app_domain or sender.sender_address.rpartition("@")[2],
        "language": language,
    }
    environment = _environment()
    words = {
        name: text.render(values)
        for group in ("all", template, kind)
        for name, text in _words(language, group).items()
    }
    return RenderedMail(
        to=to,
        subject=words["subject"],
        text=environment.get_template(f"{template}.txt").render(values, words=words),
        html=environment.get_template(f"{template}.html").render(values, words=words),
        kind=kind,
        language=language,
        id=verification_id,
        code=values.get("code", ""),
    )


@functools.cache
def _environment() -> jinja2.Environment:
    """Return the environment of all templates. A template that names an unknown variable fails,
    instead of leaving a gap.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([CUSTOM_TEMPLATES, DEFAULT_TEMPLATES]),
        autoescape=jinja2.select_autoescape(["html"], default_for_string=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.cache
def _words(language: str, group: str) -> dict[str, jinja2.Template]:
    """Return the words of a language that all mails, all codes or notices, or one kind of mail use.

    They are templates too. Only their values come from elsewhere.
    """
    words: dict[str, str] = {}
    for folder in (DEFAULT_TEMPLATES, CUSTOM_TEMPLATES):
        words |= _file(folder / "words" / f"{language}.toml").get(group, {})
    return {name: _environment().from_string(text) for name, text in words.items()}


@functools.cache
def _file(path: Path) -> dict[str, dict[str, str]]:
    return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}


def _text_color(color: str) -> str:
    """Return black or white, whichever is easier to read on a colour (WCAG 2.2, relative
    luminance).
    """
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if luminance < 0.179 else "#000000"
