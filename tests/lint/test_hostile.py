"""Whatever a text holds, the lint ends soon and never fails."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.lint.clients import client_report
from chalicelib.lint.days import day_findings
from chalicelib.lint.document import read_html
from chalicelib.lint.links import judge, link_findings
from chalicelib.lint.mail_files import lint_mail_file
from chalicelib.lint.marks import left_findings, template_findings, token_findings
from chalicelib.lint.page import page_findings
from chalicelib.lint.parity import parity_findings
from chalicelib.lint.places import line_of
from chalicelib.lint.words import preheader_findings, spam_findings, subject_findings
from tests.lint.mails import good, held, problems

DAY = date(2026, 11, 20)
MANY, SECONDS = 100_000, 60.0
PIECES = [
    "<",
    "<!--",
    "<![CDATA[",
    "</",
    "<a ",
    '<a href="',
    "<a b=",
    "<script>",
    "<style>",
    "<a '\"",
    "&",
    "&#",
    "&#99999999999",
    "<div>",
    "<a href=x>",
    "<h1>",
    "<code>",
    "<b></i>",
    "<td>",
    "<table>",
    "<p id=x>",
    "[",
    "[x](",
    "[a](https://",
    "(",
    "{{",
    "{%",
    "{name|",
    "{",
    "\x02",
    "\x02name:",
    "*|A",
    "&amp;amp;",
    "\\n",
    "TODO ",
    "Monday, ",
    "Mon. ",
    "Samstag, den ",
    "1. ",
    "2026-12-",
    "May ",
    "12. 12. ",
    "https://",
    "https://a.example/",
    "http",
    "%",
    "!!",
    "🎉",
    "click here ",
    "font-size:",
    "/*",
    "@media{",
    "a{",
    ";",
    "url(",
    "<p style='color:#fff;background:#fff'>",
    "staging-",
    "a-",
    "a.",
    " ",
    "\n",
    "x",
]


def of_text(text: str) -> Iterator[object]:
    yield from day_findings(text, DAY)
    yield from judge(text)
    yield from judge(f"https://{text}")
    yield from left_findings(text)
    yield from template_findings(text, [text])
    yield from token_findings(text)
    yield from subject_findings(text, text)
    yield from preheader_findings(text, "x")


def of_html(html: str) -> Iterator[object]:
    document = read_html(html)
    yield from link_findings(document)
    yield from page_findings(document)
    yield from spam_findings(document)
    yield from parity_findings(document, html, [html[:100]])
    yield client_report(html)
    yield line_of(html, html[-200:])


def of_mail(html: str) -> Iterator[object]:
    mail = replace(good(), html=html, text=html, subject=html[:200], preheader=html[:200])
    yield from problems(mail)
    yield from held(mail)


def seconds(piece: str, times: int) -> float:
    """The processor's time for all that reads a text, of a piece said so many times."""
    start, text = time.process_time(), piece * times
    for read in (of_text, of_html):
        list(read(text))
    list(of_html(f"<style>{text}"))
    list(of_html(f'<p style="{text}">'))
    return time.process_time() - start


@pytest.mark.parametrize("piece", PIECES)
def test_the_time_grows_with_the_length(piece: str) -> None:
    """Of a text eight times as long, at most some sixteen times; what is quadratic takes 64 times, each time."""
    assert any(seconds(piece, 4_000) < 16 * seconds(piece, 500) + 0.4 for _ in range(3))


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_the_time_for_very_much(piece: str) -> None:
    assert seconds(piece, MANY) < SECONDS


TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=30).map("".join)


@pytest.mark.parametrize("read", [of_text, of_html, of_mail])
def test_nothing_makes_it_fail(read: Callable[[str], Iterator[object]]) -> None:
    @settings(max_examples=60, deadline=None)
    @given(TEXTS)
    def tried(text: str) -> None:
        list(read(text))

    tried()


@pytest.mark.parametrize("name", ["a.eml", "a.html"])
def test_no_file_makes_it_fail(name: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=300) | TEXTS.map(lambda text: f"Subject: {text}\n\n{text}".encode("utf-8", "replace")))
    def tried(raw: bytes) -> None:
        lint_mail_file(name, raw, DAY)

    tried()


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_what_holds_is_an_error_of_the_whole_lint(html: str) -> None:
    """The quick look before sending misses nothing that the long one finds."""
    mail = replace(good(), html=good().html.replace("</body>", f"{html}</body>"))
    assert held(mail) == sorted({p.code for p in problems(mail) if p.severity == "error"})
