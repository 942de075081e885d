"""The lint of mails as files, from wherever they come: an ``.eml`` with its headers and parts, or an ``.html``."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import PurePath

from chalicelib.content.values import Problem
from chalicelib.lint.clients import client_findings
from chalicelib.lint.days import day_findings
from chalicelib.lint.document import read_html
from chalicelib.lint.findings import ERROR, WARNING, Finding, once
from chalicelib.lint.links import link_findings, own_hosts
from chalicelib.lint.marks import left_findings, template_findings
from chalicelib.lint.page import page_findings
from chalicelib.lint.parity import MAX_LINE, parity_findings
from chalicelib.lint.places import line_of
from chalicelib.lint.size import size_findings
from chalicelib.lint.words import spam_findings, subject_findings

MAX_BYTES = 5 * 1024 * 1024
MAX_PARTS = 100


def lint_mail_file(path: str, raw: bytes, today: date | None = None) -> list[Problem]:
    """All that is wrong with a mail that lies in a file; ``path`` names it and its suffix says what it is.

    Dates without a year are those nearest to the mail's own, or to ``today``.
    """
    if len(raw) > MAX_BYTES:
        words = f"larger than {MAX_BYTES // 1024 // 1024} MB: no mail that anybody would take"
        return [Problem(path, 0, "mail-size", ERROR, words)]
    today = today or datetime.now(UTC).date()
    if PurePath(path).suffix.lower() == ".eml":
        return sorted({finding.at(path) for finding in once(_of_message(raw, today))})
    html = raw.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    return sorted({finding.at(path, line_of(html, finding.needle)) for finding in once(_of_html(html, "", today))})


def _of_message(raw: bytes, today: date) -> Iterator[Finding]:
    if raw.lower().count(b"content-type:") > MAX_PARTS:
        yield Finding("mail-header", ERROR, f"has more than {MAX_PARTS} parts: an attack, not a mail")
        return
    try:
        message = message_from_bytes(raw, policy=policy.default)
        subject = " ".join(str(message.get("Subject", "")).split())
        html, text = _part(message, "html"), _part(message, "plain")
    except Exception:  # noqa: BLE001 (the standard library raises many kinds at what strangers write)
        yield Finding("mail-header", ERROR, "can't be read as a mail: its headers or parts are broken")
        return
    day = _day(message) or today
    yield from _headers(message, raw)
    yield from subject_findings(subject)
    yield from left_findings(subject)
    own = own_hosts(*re.findall(r"<(https?://[^<>\s]{1,900})>", _header(message, "List-Archive")))
    if html is None:
        yield Finding("mail-header", WARNING, "has no HTML part; who reads mail as HTML sees plain text")
    else:
        yield from _of_html(html, subject, day, own)
    if text is None or not text.strip():
        yield Finding("text-part", ERROR, "has no text part: who reads mail as text gets nothing")
    elif html is not None:
        yield from parity_findings(read_html(html), text)
        codes = read_html(html).codes
        yield from (found for found in template_findings(text, codes) if found.severity is ERROR)


def _part(message: EmailMessage, subtype: str) -> str | None:
    part = message.get_body((subtype,))
    return None if part is None else str(part.get_content()).replace("\r\n", "\n")


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except Exception:  # noqa: BLE001 (as above: a header that can't be parsed counts as missing)
        return ""


def _day(message: EmailMessage) -> date | None:
    try:
        return parsedate_to_datetime(_header(message, "Date")).date()
    except (ValueError, TypeError, OverflowError):
        return None


def _headers(message: EmailMessage, raw: bytes) -> Iterator[Finding]:
    for name in ("From", "Date", "Message-ID"):
        if not _header(message, name):
            yield Finding("mail-header", WARNING, f"has no {name} header, or one that can't be read")
    if not re.search(r"<https://[^<>\s]+>", _header(message, "List-Unsubscribe")):
        words = "has no List-Unsubscribe with an https address, which large providers ask of newsletters (RFC 8058)"
        yield Finding("mail-header", WARNING, words)
    elif _header(message, "List-Unsubscribe-Post").lower() != "list-unsubscribe=one-click":
        words = (
            "has no List-Unsubscribe-Post: List-Unsubscribe=One-Click, so that nobody can leave by one click (RFC 8058)"
        )
        yield Finding("mail-header", WARNING, words)
    lines = raw.replace(b"\r\n", b"\n").split(b"\n")
    long = next((number for number, line in enumerate(lines, 1) if len(line) > MAX_LINE), 0)
    if long:
        words = f"line {long} has more than {MAX_LINE} bytes, which no mail server need take (RFC 5322, 2.1.1)"
        yield Finding("long-line", WARNING, words)


def _of_html(html: str, subject: str, day: date, own: Iterable[str] = ()) -> Iterator[Finding]:
    document = read_html(html)
    yield from size_findings(html)
    yield from link_findings(document, frozenset(own))
    for block in document.blocks:
        for finding in template_findings(block):
            # it may be the text of somebody's post on templates: a file does not tell
            yield replace(finding, severity=WARNING)
        yield from left_findings(block)
        yield from day_findings(block, day)
    yield from page_findings(document)
    yield from spam_findings(document, subject)
    yield from client_findings(document)
