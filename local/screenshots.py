"""`python -m local.screenshots`: draw every mail in two languages, with Chromium, into docs/images.

The pictures depend on the installed fonts. On Debian: `apt install chromium fonts-noto-core
fonts-noto-cjk`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from latchkey.mail import render, samples
from local.stack import ROOT

FOLDER = ROOT / "docs/images"
LANGUAGES = ("en", "zh-CN")
DARK = (("sign_in", "en"), ("new_device", "zh-CN"))  # one with a code, one notice
SIZE = {"code": (540, 520), "notice": (540, 470)}
LOOK = {
    "PRODUCT_NAME": "Acme",
    "SUPPORT_ADDRESS": "help@acme.example",
    "SENDER_ADDRESS": "login@acme.example",
}


def main() -> int:
    """Draw all mails. Return 1 if there is no Chromium."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("Chromium is missing: on Debian, apt install chromium", file=sys.stderr)
        return 1
    os.environ.update(LOOK)
    for kind in (*render.CODE_KINDS, *render.NOTICE_KINDS):
        for language in LANGUAGES:
            html = samples.render_sample(kind, language).html
            _draw(browser, html, kind, f"mail-{kind}-{language}.png")
            if (kind, language) in DARK:
                html = html.replace("(prefers-color-scheme: dark)", "all")
                _draw(browser, html, kind, f"mail-{kind}-{language}-dark.png")
    return 0


def _draw(browser: str, html: str, kind: str, name: str) -> None:
    width, height = SIZE["code" if kind in render.CODE_KINDS else "notice"]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "mail.html"
        page.write_text(html)
        subprocess.run(
            [
                browser,
                *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--no-first-run", "--disable-background-networking", "--disable-sync"),
                *("--disable-component-update", f"--user-data-dir={folder}/profile"),
                f"--window-size={width},{height}",
                f"--screenshot={FOLDER / name}",
                page.as_uri(),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    print(f"docs/images/{name}: {(FOLDER / name).stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    sys.exit(main())
