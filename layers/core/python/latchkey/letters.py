"""Letters: what a mail says, in text and HTML, in the reader's language.

The words of each language are a file in templates/words, the shape of the mails four templates. A
deployer's own files, in a folder `mail_templates` beside this package, are taken instead of ours of
the same name, and their words instead of ours of the same key: see docs/mail.md.
"""

import functools
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import jinja2
import msgspec

from latchkey import mail, settings
from latchkey.verifications import Verification

OURS = Path(__file__).parent / "templates"
OWN = Path(__file__).parents[1] / "mail_templates"

# Gmail cuts a mail off at 102 KB; a fifth of it leaves room for what servers on the way add.
MOST_HTML_BYTES = 20_000

CodeKind: TypeAlias = Literal["sign_up", "sign_in", "reset", "address_change", "confirm"]
Kind: TypeAlias = CodeKind | mail.NoticeKind
CODE_KINDS: tuple[CodeKind, ...] = ("sign_up", "sign_in", "reset", "address_change", "confirm")
NOTICE_KINDS: tuple[mail.NoticeKind, ...] = (
    "password_changed",
    "address_changed",
    "new_device",
    "account_deleted",
    "token_theft",
)


class Letter(msgspec.Struct, frozen=True):
    """A rendered mail to one address; `id` is that of the verification, if it carries a code."""

    to: str
    subject: str
    text: str
    html: str
    kind: str
    language: str
    id: str = ""


def code(verification: Verification, language: str, *, now: int) -> Letter:
    """Render the mail that carries a code. Raises Unavailable if its key can't be had."""
    # Rounded, because a mail is rendered a second or two after its code was made.
    minutes = max(1, round((verification.expires_at - now) / 60))
    return render_code(
        code_kind(verification),
        language,
        to=verification.address,
        code=verification.code(),
        minutes=minutes,
        verification_id=verification.id,
    )


def notice(event: mail.Notice, language: str, *, to: str) -> Letter:
    """Render the mail that tells a user what happened to their account."""
    values = {
        "time": f"{datetime.fromtimestamp(event.at, UTC):%Y-%m-%d %H:%M} UTC",
        "device": ", ".join(filter(None, (event.browser, event.system))),
        "ip": event.ip,
    }
    return _render("notice", event.kind, language, to, values)


def code_kind(verification: Verification) -> CodeKind:
    """Return what a code is for, as far as the client has said.

    The SDK asks for a new password as it does for a sign-in, except in its newest versions: both
    then get the neutral words.
    """
    usage = verification.usage.lower()
    if usage in {"recovery", "password_reset"}:
        return "reset"
    if verification.requester:
        own = verification.owner == verification.requester
        return "confirm" if own else "address_change"
    if usage == "email_address_change":
        return "address_change"
    if not verification.owner:
        return "sign_up"
    return "confirm" if verification.target == "USER" and not usage else "sign_in"


def render_code(
    kind: CodeKind, language: str, *, to: str, code: str, minutes: int, verification_id: str = ""
) -> Letter:
    """Render the mail with this code."""
    values = {"code": code, "minutes": minutes}
    return _render("code", kind, language, to, values, verification_id)


def check() -> list[str]:
    """Return what is wrong with the templates, each in every language: called at each deploy, so
    that no mail finds it out.
    """
    problems = []
    for language in mail.LANGUAGES:
        for kind in (*CODE_KINDS, *NOTICE_KINDS):
            try:
                letter = sample(kind, language)
            except (jinja2.TemplateError, KeyError, ValueError) as error:
                problems.append(f"{kind} in {language}: {type(error).__name__}: {error}")
                continue
            problems += [f"{kind} in {language}: {why}" for why in _flaws(letter)]
    return problems


def sample(kind: Kind, language: str, *, to: str = "ada@example.com") -> Letter:
    """Render a mail with a code of nobody's, or a notice of nothing."""
    for name in CODE_KINDS:
        if kind == name:
            return render_code(name, language, to=to, code="012345", minutes=10)
    [event_kind] = [name for name in NOTICE_KINDS if kind == name]
    event = mail.Notice(event_kind, "", 1_795_348_800, "203.0.113.7", "Firefox", "Windows")
    return notice(event, language, to=to)


def _flaws(letter: Letter) -> list[str]:
    lines = letter.text.splitlines()
    found = []
    if "\n" in letter.subject or not letter.subject.strip():
        found.append("the subject is not one line")
    if len(letter.html.encode()) > MOST_HTML_BYTES:
        found.append(f"the HTML has more than {MOST_HTML_BYTES} bytes")
    if letter.kind in CODE_KINDS:
        if "012345" not in letter.subject:
            found.append("the code is not in the subject")
        if "012345" not in lines:
            found.append("the code does not stand alone on a line of the text")
        if not (lines and lines[-1].startswith("@") and lines[-1].endswith(" #012345")):
            found.append("the last line of the text is not '@domain #code'")
    return found


def _render(
    template: str,
    kind: Kind,
    language: str,
    to: str,
    values: Mapping[str, Any],
    verification_id: str = "",
) -> Letter:
    look = settings.Letters.load()
    sender = settings.Sender.load()
    values = {
        **values,
        "product": look.product_name,
        "logo": look.mail_logo or look.product_name[:1],
        "color": look.mail_color,
        "on_color": _on(look.mail_color),
        "background": look.mail_background,
        "support": look.support_address,
        "domain": look.app_domain or sender.sender_address.rpartition("@")[2],
        "language": language,
    }
    environment = _environment()
    words = {
        name: said.render(values)
        for group in ("all", template, kind)
        for name, said in _words(language, group).items()
    }
    return Letter(
        to=to,
        subject=words["subject"],
        text=environment.get_template(f"{template}.txt").render(values, words=words),
        html=environment.get_template(f"{template}.html").render(values, words=words),
        kind=kind,
        language=language,
        id=verification_id,
    )


@functools.cache
def _environment() -> jinja2.Environment:
    """A variable that a template names and nobody gives is an error, not an empty space."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([OWN, OURS]),
        autoescape=jinja2.select_autoescape(["html"], default_for_string=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.cache
def _words(language: str, group: str) -> dict[str, jinja2.Template]:
    """The words of a language for all mails, for codes or notices, or for one kind.

    They are templates of their own, of ours: only the values are anybody else's.
    """
    words: dict[str, str] = {}
    for folder in (OURS, OWN):
        words |= _file(folder / "words" / f"{language}.toml").get(group, {})
    return {name: _environment().from_string(text) for name, text in words.items()}


@functools.cache
def _file(path: Path) -> dict[str, dict[str, str]]:
    return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}


def _on(color: str) -> str:
    """Black or white, whichever stands out more on a colour (WCAG 2.2, relative luminance)."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if luminance < 0.179 else "#000000"
