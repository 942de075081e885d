"""Every template and component as people see it: in Chromium, to axe-core, beside npm's MJML, to SpamAssassin."""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from chalicelib.cli.chromium import Chromium, find_chromium
from chalicelib.cli.previews import pictures_of
from chalicelib.compose.edition import Content
from chalicelib.content.load import load_site
from chalicelib.lint.mail_files import lint_mail_file
from chalicelib.lint.specimen import specimen
from chalicelib.render.context import Edition, template_context
from chalicelib.render.mjml import to_html
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import variant_for
from tests.e2e.house import ROOT
from tools.gallery import BASE_URL, LANGUAGES, SHOWN, SITE, mails

CHROMIUM = find_chromium()
NPM = ROOT / "tests" / "npm" / "node_modules"
WIDTHS = (320, 375, 700)
MAILS = [(what, language) for what in SHOWN for language in LANGUAGES]
pytestmark = pytest.mark.slow
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt install chromium)")
needs_npm = pytest.mark.skipif(
    not (NPM / "mjml").is_dir() or not shutil.which("node"), reason="npm's packages are not installed (make npm)"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gallery")


@pytest.fixture(scope="module")
def made(folder: Path) -> dict[tuple[str, str], str]:
    """The HTML of each mail of the gallery; its message lies in ``folder``."""
    return {(what, language): html for what, language, html in mails(folder)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium(str(CHROMIUM)) as running:
        yield running


@needs_chromium
@pytest.mark.parametrize(("what", "language"), MAILS)
@pytest.mark.parametrize("pictures", [True, False], ids=["pictures", "none"])
def test_no_mail_scrolls_sideways(
    made: dict[tuple[str, str], str], browser: Chromium, what: str, language: str, pictures: bool
) -> None:
    read = pictures_of(SITE, BASE_URL) if pictures else (lambda _: None)
    for width in WIDTHS:
        browser.show(made[what, language], width=width, pictures=read)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, f"at {width} px"
        assert browser.evaluate("document.documentElement.lang") == language


@needs_chromium
@needs_npm
@pytest.mark.parametrize(("what", "language"), MAILS)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(
    made: dict[tuple[str, str], str], browser: Chromium, what: str, language: str, dark: bool
) -> None:
    browser.show(made[what, language], width=375, dark=dark, pictures=pictures_of(SITE, BASE_URL))
    found = axe(browser)
    assert [
        (one["id"], one["impact"], one["nodes"][0]["html"][:200]) for one in found if one["id"] not in OF_PAGES
    ] == []


def test_the_lint_has_nothing_to_say_of_the_messages(made: dict[tuple[str, str], str], folder: Path) -> None:
    """With nothing left out: ``check`` tells of templates only where a site has its own."""
    assert made
    for what, language in MAILS:
        path = folder / what / f"{language}.eml"
        found = lint_mail_file(path.name, path.read_bytes(), date(2026, 11, 26))
        expected = {"mail-header"} if what == "confirm" else set()  # there is nothing yet to unsubscribe from
        assert {problem.code for problem in found} == expected, (what, language, found)


@needs_chromium
@needs_npm
def test_axe_would_find_it(browser: Chromium) -> None:
    html = "<html lang='en'><title>x</title><body><main><h1>x</h1><img src='x'><p style='color:#aaa'>pale</p></main>"
    browser.show(html, width=375)
    assert {"image-alt", "color-contrast"} <= {found["id"] for found in axe(browser)}


OF_PAGES = {"landmark-one-main", "region"}
"""Landmarks are those of the program that shows the mail; a mail is a part of its page."""


def axe(browser: Chromium) -> list[dict[str, Any]]:
    """The violations of WCAG 2.2 A and AA and of best practices, and what axe could not decide about contrast."""
    browser.evaluate((NPM / "axe-core" / "axe.min.js").read_text("utf-8") + ";1")
    told = browser.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))")
    violations: list[dict[str, Any]] = json.loads(told)
    return violations


@needs_chromium
@needs_npm
@pytest.mark.parametrize("template", ["digest", "alert", "event", "letter"])
def test_npms_mjml_draws_the_same(browser: Chromium, template: str, tmp_path: Path) -> None:
    site = load_site(SITE).require()
    for language in LANGUAGES:
        source = expanded(site_content(template), language)
        path = tmp_path / f"{template}.mjml"
        path.write_text(source, "utf-8")
        script = "require('mjml')(require('fs').readFileSync(0, 'utf8')).then(r => process.stdout.write(r.html))"
        done = subprocess.run(
            ["node", "-e", script], cwd=NPM.parent, input=source, capture_output=True, text=True, timeout=60, check=True
        )
        for width in (375, 700):
            shots = []
            for html in (to_html(source), re.sub(r"<link[^>]+fonts\.googleapis[^>]+>|@import[^;]+;", "", done.stdout)):
                browser.show(html, width=width)
                shots.append(browser.picture(width))
            assert differing(browser, *shots) <= 0.005, f"{template} ({language}) at {width} px"
    assert site.languages == ("en", "de")


def site_content(template: str) -> Content:
    return specimen(load_site(SITE).require(), template)


def expanded(content: Content, language: str) -> str:
    """The MJML that MRML gets, with plain words in place of what is put back afterwards."""
    site = load_site(SITE).require()
    variant = variant_for(content, site.languages, site.fallback, language, None)
    assert variant is not None
    templates = templates_for(SITE)
    catalogue = templates.catalogue(language, site.fallback)
    newsletter = next(iter(site.newsletters.values()))
    context = template_context(Edition(site, newsletter, content, variant), catalogue) | {"subject": "Subject"}
    text = templates.expanded(f"email/{content.template}/body.mjml", context).text
    return re.sub("SLOT([0-9a-f]+)TOLS", lambda match: "word " * (len(match[1]) // 12 + 1), text)


def differing(browser: Chromium, one: bytes, other: bytes) -> float:
    """The share of pixels that differ visibly; all, where the sizes do by more than two rows."""
    script = """
    (async () => {
      const draw = async (data) => {
        const image = new Image(); image.src = 'data:image/png;base64,' + data; await image.decode();
        const canvas = document.createElement('canvas'); canvas.width = image.width; canvas.height = image.height;
        const paint = canvas.getContext('2d'); paint.drawImage(image, 0, 0); return [image.width, image.height, paint];
      };
      const [[w, h, a], [v, g, b]] = [await draw(ONE), await draw(OTHER)];
      if (w !== v || Math.abs(h - g) > 2) return 1;
      const height = Math.min(h, g), p = a.getImageData(0, 0, w, height).data, q = b.getImageData(0, 0, w, height).data;
      let count = 0;
      for (let i = 0; i < p.length; i += 4)
        if (Math.abs(p[i] - q[i]) + Math.abs(p[i + 1] - q[i + 1]) + Math.abs(p[i + 2] - q[i + 2]) > 24) count++;
      return count / (w * height);
    })()"""
    browser.show("<html><body></body></html>", width=700)
    data = [json.dumps(base64.b64encode(shot).decode()) for shot in (one, other)]
    return float(browser.evaluate(script.replace("ONE", data[0]).replace("OTHER", data[1])))


TEST_NETWORK = {
    "NO_RELAYS", "NO_RECEIVED", "ALL_TRUSTED", "UNPARSEABLE_RELAY", "DKIM_ADSP_NXDOMAIN", "SPF_NONE", "NO_DNS_FOR_FROM",
}  # fmt: skip
"""What SpamAssassin says because the mail has travelled nowhere."""
FORBIDDEN = {
    "MPART_ALT_DIFF",
    "MISSING_DATE",
    "MISSING_MID",
    "HTML_IMAGE_ONLY",
    "MIME_HTML_ONLY",
    "HTML_MIME_NO_HTML_TAG",
}


@pytest.mark.skipif(not shutil.which("spamassassin"), reason="SpamAssassin is not installed (Debian: spamassassin)")
def test_spamassassin_takes_no_mail_for_spam(made: dict[tuple[str, str], str], folder: Path) -> None:
    assert made
    for what, language in MAILS:
        found = rules((folder / what / f"{language}.eml").read_bytes())
        assert sum(score for rule, score in found.items() if rule not in TEST_NETWORK) < 2, (what, language, found)
        assert not [rule for rule in found if rule.startswith(tuple(FORBIDDEN))], (what, language, found)


@pytest.mark.skipif(not shutil.which("spamassassin"), reason="SpamAssassin is not installed (Debian: spamassassin)")
def test_spamassassin_would_say_so() -> None:
    head = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: FREE MONEY NOW!!!\r\n"
    spam = head + b"Content-Type: text/html\r\n\r\n<img>"
    assert {"MIME_HTML_ONLY", "MISSING_DATE"} <= set(rules(spam))


def rules(message: bytes) -> dict[str, float]:
    """The rules that a mail trips, and what each weighs; no network is asked (-L)."""
    done = subprocess.run(["spamassassin", "-L", "-t"], input=message, capture_output=True, timeout=120, check=True)
    report = message_from_bytes(done.stdout, policy=policy.compat32).as_string()
    lines = re.findall(r"^\s*(-?\d+\.\d)\s+([A-Z][A-Z0-9_]+)\s", report, re.MULTILINE)
    return {rule: float(score) for score, rule in lines}
