"""Sample mails with made-up values: to check the templates, and to test sending."""

from latchkey.mail import render
from latchkey.mail.language import LANGUAGES
from latchkey.mail.queue import Notice

# Gmail cuts off a mail at 102 KB. A fifth of that leaves room for what servers on the way add.
MOST_HTML_BYTES = 20_000


def check() -> list[str]:
    """Return what is wrong with the templates, in all languages. Each deployment calls this, so
    that a broken template fails there and not at the first mail.
    """
    problems = []
    for language in LANGUAGES:
        for kind, left_out in (
            *((kind, 0) for kind in render.CODE_KINDS),
            *((kind, left_out) for kind in render.NOTICE_KINDS for left_out in (0, 3)),
        ):
            try:
                rendered = render_sample(kind, language, left_out=left_out)
            except Exception as error:  # a template may compute, and fail in any way
                problems.append(f"{kind} in {language}: {type(error).__name__}: {error}")
                continue
            problems += [f"{kind} in {language}: {why}" for why in _flaws(rendered)]
    return problems


def render_sample(
    kind: render.Kind, language: str, *, to: str = "ada@example.com", left_out: int = 0
) -> render.RenderedMail:
    """Render a mail with made-up values. `left_out` is for notices."""
    for name in render.CODE_KINDS:
        if kind == name:
            return render.render_code(name, language, to=to, code="012345", minutes=10)
    [event_kind] = [name for name in render.NOTICE_KINDS if kind == name]
    event = Notice(event_kind, "", 1_795_348_800, "203.0.113.7", "Firefox", "Windows")
    return render.notice(event, language, to=to, left_out=left_out)


def _flaws(rendered: render.RenderedMail) -> list[str]:
    """Return which rules for our mails a rendered mail breaks."""
    lines = rendered.text.splitlines()
    found = []
    if "\n" in rendered.subject or not rendered.subject.strip():
        found.append("the subject is not one line")
    if len(rendered.html.encode()) > MOST_HTML_BYTES:
        found.append(f"the HTML has more than {MOST_HTML_BYTES} bytes")
    if rendered.kind in render.CODE_KINDS:
        if "012345" not in rendered.subject:
            found.append("the code is not in the subject")
        if "012345" not in lines:
            found.append("the code does not stand alone on a line of the text")
        if not (lines and lines[-1].startswith("@") and lines[-1].endswith(" #012345")):
            found.append("the last line of the text is not '@domain #code'")
    return found
