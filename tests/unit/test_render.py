"""What mails say, each in every language."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from latchkey.codes.verification import Verification
from latchkey.mail import language, notices, render, samples

ALL = [(k, lang) for lang in language.LANGUAGES for k in (*render.CODE_KINDS, *render.NOTICE_KINDS)]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty folder of the deployer's own templates."""

    def forget() -> None:
        render._environment.cache_clear()
        render._words.cache_clear()
        render._file.cache_clear()

    monkeypatch.setattr(render, "CUSTOM_TEMPLATES", tmp_path)
    (tmp_path / "words").mkdir()
    forget()
    yield tmp_path
    forget()


def test_our_templates_are_whole():
    assert samples.check() == []


@pytest.mark.parametrize(("kind", "language"), ALL)
def test_a_letter_is_plain_and_small(kind: render.Kind, language: str):
    letter = samples.render_sample(kind, language)
    assert len(letter.html.encode()) < samples.MOST_HTML_BYTES
    assert f'lang="{language}"' in letter.html
    assert not re.search(r"<(img|script|link|iframe)|https?://(?!www\.w3\.org)", letter.html)
    assert "prefers-color-scheme: dark" in letter.html
    assert "{{" not in letter.text + letter.html + letter.subject


@pytest.mark.parametrize("language", language.LANGUAGES)
@pytest.mark.parametrize("kind", render.CODE_KINDS)
def test_a_code_is_easy_to_take(kind: render.CodeKind, language: str):
    letter = samples.render_sample(kind, language)
    lines = letter.text.splitlines()
    assert letter.subject.startswith("012345 ")
    assert lines.count("012345") == 1
    assert lines[-1] == "@example.com #012345"
    assert "012345." not in letter.text
    assert ">012345<" in letter.html


def test_languages_differ_in_every_sentence():
    for kind in (*render.CODE_KINDS, *render.NOTICE_KINDS):
        leads = {
            samples.render_sample(kind, language).text.splitlines()[0]
            for language in language.LANGUAGES
        }
        assert len(leads) == len(language.LANGUAGES), kind


def test_a_deployer_sets_names_colours_and_help(configure: Callable[..., None]):
    configure(
        product_name="Acme <&> Co",
        mail_logo="🔑",
        mail_color="#ffee00",
        mail_background="#000001",
        support_address="help@acme.example",
        app_domain="app.acme.example",
    )
    letter = samples.render_sample("sign_in", "en")
    assert "Acme <&> Co" in letter.subject
    assert "Acme &lt;&amp;&gt; Co" in letter.html
    assert "Acme <&>" not in letter.html
    assert all(word in letter.html for word in ("🔑", "#ffee00", "#000001", "help@acme.example"))
    assert "color:#000000" in letter.html  # black on yellow
    assert letter.text.splitlines()[-1] == "@app.acme.example #012345"


@pytest.mark.parametrize("language", language.LANGUAGES)
def test_nobody_is_asked_to_write_to_us_without_an_address(
    configure: Callable[..., None], language: str
):
    asked = re.compile("tell us|bei uns|prévenez-nous|avísanos|立即联系我们|すぐにご連絡")
    kinds = (*render.CODE_KINDS, *render.NOTICE_KINDS)
    without = {kind: samples.render_sample(kind, language).text for kind in kinds}
    configure(support_address="help@acme.example")
    for kind in kinds:
        text = samples.render_sample(kind, language).text
        assert not asked.search(without[kind])
        assert bool(asked.search(text)) == (kind in ("address_changed", "account_deleted"))


def test_a_deployer_s_words_and_templates_are_taken_instead_of_ours(own: Path):
    (own / "words/en.toml").write_text('[sign_in]\nlead = "Hi! Type this at {{ product }}:"\n')
    (own / "notice.txt").write_text("{{ words.lead }} ({{ time }})")
    assert samples.render_sample("sign_in", "en").text.startswith("Hi! Type this at Latchkey:\n")
    assert samples.render_sample("sign_up", "en").text.startswith("Welcome.")
    assert samples.render_sample("new_device", "en").text.endswith("(2026-11-22 12:00 UTC)")
    assert samples.check() == []


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("code.txt", "{{ cod }}", "'cod' is undefined"),
        ("code.html", "{{ words.nothing }}", "no attribute 'nothing'"),
        ("notice.html", "{% if %}", "TemplateSyntaxError"),
        ("code.txt", "{{ code }}.", "does not stand alone"),
        ("code.html", "x" * 20_001, "more than 20000 bytes"),
        ("words/en.toml", "[sign_in]\nsubject = 'No code'", "not in the subject"),
    ],
)
def test_a_template_that_cannot_work_is_found_before_a_mail(
    own: Path, name: str, text: str, problem: str
):
    (own / name).write_text(text)
    assert problem in "; ".join(samples.check())


BASE = Verification("id", "ada@example.com", "seed", "key", 6, "-", 0, 600)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "sign_up"),
        ({"owner": "ada"}, "sign_in"),
        ({"owner": "ada", "requester": "ada"}, "confirm"),
        ({"owner": "", "requester": "ada"}, "address_change"),
        ({"owner": "bob", "requester": "ada"}, "sign_in"),
    ],
)
def test_a_code_s_mail_says_what_it_is_for(changes: dict[str, Any], kind: str):
    assert render.code_kind(replace(BASE, **changes)) == kind


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/131.0.0.0 Safari/537.36",
            ("Chrome", "Windows"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
            "like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            ("Safari", "iPhone"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Mobile "
            "MicroMessenger/8.0.54",
            ("WeChat", "Android"),
        ),
        ("Call +1 555 0100, your account is locked: http://evil.example", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_device_is_named_by_words_of_ours_only(agent: str, device: tuple[str, str]):
    assert notices.device_names(agent) == device


@pytest.mark.parametrize(
    ("locale", "accepted", "fixed", "chosen"),
    [
        (None, "zh-CN", "auto", "zh-CN"),
        (None, "fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5", "auto", "fr"),
        (None, "pt-BR, es;q=0.5, ja;q=0.7", "auto", "ja"),
        (None, "zh-TW", "auto", "zh-CN"),
        (None, "zh-CN", "de", "de"),
        ("es", "zh-CN", "de", "es"),
        ("es_MX", "zh-CN", "auto", "es"),
        ("tlh", "ja", "auto", "ja"),
        (None, "", "auto", "en"),
        (None, "de;q=0, fr;q=0.1", "auto", "fr"),
        (None, ";;;,,=q\x00\udcff 🤡;q=9", "auto", "en"),
        (None, "a" * 256, "auto", "en"),
    ],
)
def test_the_language_is_the_user_s_else_the_deployer_s_else_the_request_s(
    configure: Callable[..., None], locale: str | None, accepted: str, fixed: str, chosen: str
):
    configure(mail_language=fixed)
    assert language.choose(locale, accepted) == chosen
