"""Compiling a letter: headers and encoded parts as segments, with slots where readers' values go."""

import re
from hashlib import sha256
from urllib.parse import urlsplit

from chalicelib.compose.edition import Content
from chalicelib.content.values import Newsletter, Site, localize
from chalicelib.errors import RenderError
from chalicelib.render import headers
from chalicelib.render.alarm import AlarmMail
from chalicelib.render.letter import Letter, Segment, Slot
from chalicelib.render.notices import Kind, Notice
from chalicelib.render.personal import FIELDS, TOKEN, fallback_of
from chalicelib.render.quoted_printable import quoted_printable
from chalicelib.render.rendered import CalendarPart, Rendered, archive_url
from chalicelib.render.text import ascii_host
from chalicelib.render.variants import Variant

_ONE_CLICK = ">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def compile_letter(
    rendered: Rendered,
    *,
    site: Site,
    newsletter: Newsletter,
    content: Content,
    variant: Variant,
    calendar: CalendarPart | None = None,
) -> Letter:
    """Compile a rendered variant. Raises AddressError or RenderError where the site's own values can't go out."""
    boundary = _boundary(rendered)
    fold = "\r\n" if calendar else ""  # without a calendar all bytes are as they were before there were any
    body: list[Segment] = [
        f'Content-Type: multipart/alternative;{fold} boundary="{boundary}"\r\n\r\n',
        *_part("plain", rendered.text, "text", boundary),
        *_part("html", rendered.html, "html", boundary),
        *(_calendar_part(calendar, boundary) if calendar else ()),
        f"--{boundary}--\r\n",
    ]
    whole = _with_attachment(body, calendar, f"=_all{boundary[1:]}") if calendar else body
    segments = [*_head(rendered, site, newsletter, content, variant), *whole]
    return Letter(content.edition_id, variant.key, tuple(_merged(segments)))


def compile_notice(rendered: Rendered, *, site: Site, notice: Notice | AlarmMail) -> Letter:
    """Compile a notice: no list's mail, so only a welcome to one newsletter says how to leave it by one click."""
    boundary = _boundary(rendered)
    leave: list[Segment] = []
    if notice.kind is Kind.WELCOME:
        leave = ["List-Unsubscribe: <", Slot("unsubscribe_url", "header"), _ONE_CLICK]
    segments: list[Segment] = [
        *_addressed(rendered, site, notice.language),
        *leave,
        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
        headers.unstructured("Content-Language", notice.language),
        f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n',
        *_part("plain", rendered.text, "text", boundary),
        *_part("html", rendered.html, "html", boundary),
        f"--{boundary}--\r\n",
    ]
    return Letter(str(notice.kind), notice.language, tuple(_merged(segments)))


def _boundary(rendered: Rendered) -> str:
    return f"=_sendbrief_{sha256((rendered.text + rendered.html).encode()).hexdigest()[:24]}"


def _calendar_part(calendar: CalendarPart, boundary: str) -> list[Segment]:
    """What programs that know calendars show in place of the text (RFC 6047, 2.4: both methods are the same)."""
    kind = f"text/calendar; charset=utf-8; method={calendar.method}"
    return [f"--{boundary}\r\nContent-Type: {kind}\r\n", *_ics(calendar)]


def _with_attachment(body: list[Segment], calendar: CalendarPart, boundary: str) -> list[Segment]:
    """The body with the calendar as a file as well, for those who save it."""
    return [
        f'Content-Type: multipart/mixed;\r\n boundary="{boundary}"\r\n\r\n--{boundary}\r\n',
        *body,
        f'--{boundary}\r\nContent-Type: application/ics;\r\n name="{calendar.filename}"\r\n'
        f'Content-Disposition: attachment;\r\n filename="{calendar.filename}"\r\n',
        *_ics(calendar),
        f"--{boundary}--\r\n",
    ]


def _ics(calendar: CalendarPart) -> list[Segment]:
    """The calendar, encoded; the reader's line stands between two line ends, so that it lengthens no other."""
    segments: list[Segment] = ["Content-Transfer-Encoding: quoted-printable\r\n\r\n"]
    for number, piece in enumerate(calendar.pieces):
        segments += [Slot("attendee", "ics"), "\r\n"] if number else []
        segments.append(quoted_printable(piece))
    return [*segments, "\r\n"]


def _addressed(rendered: Rendered, site: Site, language: str) -> list[Segment]:
    """Who writes to whom, about what, when: the fields a reader's client shows first."""
    sender = localize(site.sender.name, language, site.fallback)
    reply = headers.mailbox("Reply-To", "", site.sender.reply_to) if site.sender.reply_to else ""
    subject = rendered.subject
    personal = TOKEN.search(subject)
    return [
        headers.mailbox("From", sender, site.sender.address),
        Slot("to", "header"),
        reply,
        Slot("subject", "header", subject) if personal else headers.unstructured("Subject", subject),
        "Date: ",
        Slot("date", "header"),
        "\r\nMessage-ID: ",
        Slot("message_id", "header"),
        "\r\n",
    ]


def _head(rendered: Rendered, site: Site, newsletter: Newsletter, content: Content, variant: Variant) -> list[Segment]:
    """All headers but Content-Type."""
    title = localize(newsletter.title, variant.language, site.fallback) or newsletter.name
    archive = headers.header_url(archive_url(site, content, variant.language))
    return [
        *_addressed(rendered, site, variant.language),
        f"{headers.list_id(title, _list_name(site, newsletter))}List-Unsubscribe: <",
        Slot("unsubscribe_url", "header"),
        _ONE_CLICK,
        f"List-Archive: <{archive}>\r\n",
        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
        headers.unstructured("Content-Language", variant.language),
        headers.unstructured("X-Sendbrief-Edition", content.edition_id),
    ]


def _list_name(site: Site, newsletter: Newsletter) -> str:
    """``name.domain-of-base_url`` (RFC 2919): stays the same for the life of the list."""
    try:
        host = ascii_host(urlsplit(site.base_url).hostname or "")
    except (ValueError, UnicodeError):
        host = ""
    if not host:
        raise RenderError(f"base_url has no host name: {site.base_url!r}.", "Set base_url in site.yaml.")
    return f"{re.sub(r'[^A-Za-z0-9_-]', '-', newsletter.name)}.{host}"


def _part(subtype: str, text: str, context: str, boundary: str) -> list[Segment]:
    segments: list[Segment] = [
        f"--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ]
    end = 0
    for match in TOKEN.finditer(text):
        if match[1] not in FIELDS:
            raise RenderError(f"Unknown personal field {match[1]!r}.", f"Known: {', '.join(FIELDS)}.")
        segments.append(quoted_printable(text[end : match.start()]))
        segments.append(Slot(match[1], context, fallback_of(match[2])))
        end = match.end()
    segments.append(quoted_printable(text[end:]) + "\r\n")
    return segments


def _merged(segments: list[Segment]) -> list[Segment]:
    merged: list[Segment] = []
    for segment in segments:
        if isinstance(segment, str) and merged and isinstance(merged[-1], str):
            merged[-1] += segment
        elif segment != "":
            merged.append(segment)
    return merged
