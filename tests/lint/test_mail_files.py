"""Mails as files: what a person may lint that came from anywhere."""

from collections.abc import Iterable
from datetime import date

import pytest

from chalicelib.content.values import Problem
from chalicelib.lint.mail_files import lint_mail_file

DAY = date(2026, 11, 20)
HEADERS = {
    "From": "News <news@example.org>",
    "To": "reader@example.org",
    "Subject": "News of the week",
    "Date": "Fri, 20 Nov 2026 10:00:00 +0100",
    "Message-ID": "<1@example.org>",
    "List-Unsubscribe": "<https://news.example.org/u/1>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "MIME-Version": "1.0",
    "Content-Type": 'multipart/alternative; boundary="b"',
}
TEXT = "Hello. A page: https://a.example/x\nUnsubscribe: https://news.example.org/u/1\n"
HTML = (
    '<html lang="en"><head><title>News</title></head><body><h1>News</h1><p>Hello. <a href="https://a.example/x">A page'
    '</a>, <a href="https://news.example.org/u/1">unsubscribe</a></p></body></html>'
)


def mail(headers: dict[str, str | None] | None = None, text: str | None = TEXT, html: str | None = HTML) -> bytes:
    shown = {**HEADERS, **(headers or {})}
    lines = [f"{name}: {value}" for name, value in shown.items() if value is not None] + [""]
    for kind, body in (("plain", text), ("html", html)):
        if body is not None:
            lines += ["--b", f"Content-Type: text/{kind}; charset=utf-8", "", body]
    return "\r\n".join([*lines, "--b--", ""]).encode()


def codes(found: Iterable[Problem]) -> list[str]:
    return sorted({problem.code for problem in found})


def test_a_good_mail_has_no_problems() -> None:
    assert lint_mail_file("a.eml", mail(), DAY) == []


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (mail({"List-Unsubscribe": None}), ["mail-header"]),
        (mail({"List-Unsubscribe": "<mailto:leave@example.org>"}), ["mail-header"]),
        (mail({"List-Unsubscribe-Post": None}), ["mail-header"]),
        (mail({"Date": None}), ["mail-header"]),
        (mail({"Message-ID": None}), ["mail-header"]),
        (mail({"From": None}), ["mail-header"]),
        (mail({"Subject": None}), ["subject"]),
        (mail({"Subject": "Re: News"}), ["subject"]),
        (mail(html=None), ["mail-header"]),
        (mail(text=None), ["text-part"]),
        (mail(text=" "), ["text-part"]),
        (mail(text=TEXT.replace("https://a.example/x", "")), ["lost-link"]),
        (mail(text=TEXT + "x" * 999), ["long-line"]),
        (mail(html=HTML.replace("Hello", "Hello {{ name }}")), ["unresolved"]),
        (mail(text=TEXT.replace("Hello", "Hello {{ name }}")), ["unresolved"]),
        (mail(html=HTML.replace("Hello", "On Saturday, 20 November, hello")), ["wrong-day"]),
        (mail(html=HTML.replace("<html", "<html><p>" + "word " * 21_000)), ["mail-size"]),
        (b"", ["mail-header", "subject", "text-part"]),
        (b"Content-Type: x\n" * 200, ["mail-header"]),
        (b"x" * (5 * 1024 * 1024 + 1), ["mail-size"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_mail(raw: bytes, found: list[str]) -> None:
    assert set(found) <= set(codes(lint_mail_file("a.eml", raw, DAY)))


def test_the_days_of_a_mail_go_by_its_own_date() -> None:
    raw = mail({"Date": "Thu, 03 Feb 2022 10:00:00 +0100"}, html=HTML.replace("Hello", "Saturday night, February 11"))
    (problem,) = lint_mail_file("a.eml", raw, DAY)
    assert "2022-02-11 is a Friday" in problem.message


def test_html_alone_has_lines() -> None:
    html = HTML.replace("<h1>", "\n<h1>").replace("<p>Hello", "\n<p>See [x](https://a.example/y), hello")
    found = lint_mail_file("a.html", html.encode(), DAY)
    assert [(problem.file, problem.line, problem.code) for problem in found] == [("a.html", 3, "markdown-link")]
