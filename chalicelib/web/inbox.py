"""The mails of a Maildir as the desk shows them: lines of a list, and one mail taken apart."""

import email
import email.policy
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from chalicelib.content.values import Site
from chalicelib.render.text import clean, one_line
from chalicelib.transports.maildir import read_mail, read_maildir

PER_PAGE = 50
HEAD_BYTES = 64 * 1024
"""Read of each mail for the list: more than any header takes."""


@dataclass(frozen=True, slots=True)
class MailLine:
    """A mail in the list. ``date`` is aware, or None where the mail has none that can be read."""

    name: str
    subject: str
    sender: str
    to: str
    edition: str
    date: datetime | None


@dataclass(frozen=True, slots=True)
class MailPage:
    """Part of the list, the newest first; ``newer`` and ``older`` are page numbers or None."""

    lines: tuple[MailLine, ...]
    total: int
    newer: int | None
    older: int | None


def inbox_page(maildir: Path, site: Site, number: int) -> MailPage:
    """The ``number``th page, counted from 1; past the end it is empty."""
    mails = read_maildir(maildir)
    mails.reverse()
    start = (number - 1) * PER_PAGE
    lines = tuple(line for name, path in mails[start : start + PER_PAGE] if (line := _line(name, path, site)))
    return MailPage(
        lines=lines,
        total=len(mails),
        newer=number - 1 if number > 1 else None,
        older=number + 1 if start + PER_PAGE < len(mails) else None,
    )


def _line(name: str, path: Path, site: Site) -> MailLine | None:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:  # somebody empties the inbox while it is shown
        return None
    return mail_line(name, email.message_from_bytes(head, policy=email.policy.default), site)


def mail_line(name: str, mail: EmailMessage, site: Site) -> MailLine:
    """What the list says of a mail."""
    return MailLine(
        name=name,
        subject=header(mail, "Subject"),
        sender=header(mail, "From"),
        to=header(mail, "To"),
        edition=edition_of(header(mail, "Message-ID"), site.newsletters),
        date=_date(header(mail, "Date")),
    )


def header(mail: EmailMessage, name: str) -> str:
    """A header's text on one line, '' where it is missing or can't be parsed."""
    try:
        return one_line(str(mail.get(name, "")))
    except (ValueError, TypeError, IndexError, AttributeError):  # the standard library's parser on hostile headers
        return ""


def edition_of(message_id: str, newsletters: Collection[str]) -> str:
    """``community-digest/2026-11-26`` from ``<community-digest.2026-11-26.<sid>@…>``, '' for other mails."""
    local = message_id.strip("<> ").rpartition("@")[0].removeprefix("proof.")
    for newsletter in newsletters:
        rest = local.removeprefix(f"{newsletter}.")
        if rest != local and "." in rest:
            return f"{newsletter}/{rest.split('.')[0]}"
    return ""


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def find_mail(maildir: Path, name: str) -> EmailMessage | None:
    """One mail, or None."""
    try:
        return read_mail(maildir, name)
    except OSError:
        return None


def body(mail: EmailMessage, kind: str) -> str:
    """The ``html`` or ``plain`` part as text, '' where there is none."""
    try:
        part = mail.get_body((kind,))
        if part is None:
            return ""
        raw = part.get_payload(decode=True)
        content = raw if isinstance(raw, bytes) else b""
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError, AttributeError):  # an unknown charset, a multipart that is none
        return ""


def html_on_this_machine(html: str, base_url: str, prefix: str) -> str:
    """A mail's HTML with the site's own links and pictures led to this server; links open in a new window."""
    local = re.sub(rf"""(=["']){re.escape(base_url.rstrip("/"))}(?:/|(?=["']))""", rf"\1{prefix}/", html)
    base = '<base target="_blank">'
    led, found = re.subn(r"(<head\b[^>]*>)", rf"\1{base}", local, count=1, flags=re.IGNORECASE)
    return led if found else base + local


def raw_headers(mail: EmailMessage) -> str:
    """All headers as they stand in the mail, folded lines included."""
    lines = (f"{name}: {value}" for name, value in mail.raw_items())
    return clean("\n".join(lines))
