"""The letter: a variant compiled once into segments of finished bytes, one recipient's values joined in.

Everything of a message but a handful of values is the same for every reader. It is encoded once, and
cut at the personal tokens; ``personalise`` encodes one reader's values, each for its context, and joins.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

from markupsafe import escape

from chalicelib.compose.edition import Content
from chalicelib.content.values import Newsletter, Site, localize
from chalicelib.errors import RenderError
from chalicelib.render import headers
from chalicelib.render.attendee import attendee_line
from chalicelib.render.personal import FIELDS, TOKEN, fallback_of, fill, value_of
from chalicelib.render.quoted_printable import qp_value, quoted_printable
from chalicelib.render.rendered import CalendarPart, Rendered, archive_url
from chalicelib.render.text import ascii_host, header_text
from chalicelib.render.variants import Variant

FORMAT = 1
"""Raised when a letter stored by an older version can't be read by this one any more."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One recipient: an address (ASCII local part), a name or '', and what is theirs alone.

    ``date`` is aware; ``message_id`` stands with or without angle brackets.
    """

    address: str
    name: str
    unsubscribe_url: str
    message_id: str
    date: datetime
    preferences_url: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a reader's value goes: a field, its context (``html``, ``text``, ``header``, ``ics``), a plain fallback."""

    field: str
    context: str
    fallback: str = ""


Segment = str | Slot


@dataclass(frozen=True)
class Letter:
    """A compiled variant. ``segments`` are finished ASCII text and the slots between."""

    edition: str
    variant: str
    segments: tuple[Segment, ...]
    _parts: list[bytes] = field(init=False, repr=False, compare=False)
    _slots: list[tuple[Slot, list[int]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = [segment.encode("ascii") if isinstance(segment, str) else b"" for segment in self.segments]
        places: dict[Slot, list[int]] = {}
        for position, segment in enumerate(self.segments):
            if isinstance(segment, Slot):
                places.setdefault(segment, []).append(position)
        object.__setattr__(self, "_parts", parts)
        object.__setattr__(self, "_slots", list(places.items()))

    def personalise(self, reader: Reader) -> bytes:
        """The complete message for a reader: RFC 5322, CRLF, ASCII, no line over 998 characters.

        Raises AddressError or RenderError where a value can't stand in a header; the letter stays good
        for the others.
        """
        parts = self._parts.copy()
        values = {
            "name": header_text(reader.name, headers.MAX_NAME),
            "email": reader.address,
            "unsubscribe_url": headers.header_url(reader.unsubscribe_url),
            "preferences_url": headers.header_url(reader.preferences_url) if reader.preferences_url else "",
        }
        for slot, positions in self._slots:
            value = _CONTEXTS[slot.context](slot, reader, values)
            for position in positions:
                parts[position] = value
        return b"".join(parts)

    def to_bytes(self) -> bytes:
        """JSON for a blob; the first key says the format."""
        segments = [
            segment if isinstance(segment, str) else [segment.field, segment.context, segment.fallback]
            for segment in self.segments
        ]
        data = {"format": FORMAT, "edition": self.edition, "variant": self.variant, "segments": segments}
        return json.dumps(data, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, blob: bytes) -> "Letter":
        """The letter that ``to_bytes`` wrote. Raises RenderError where it is of another format or torn."""
        try:
            data = json.loads(blob)
            if data["format"] != FORMAT:
                raise RenderError(
                    f"A stored letter has format {data['format']}, this version reads {FORMAT}.",
                    "Finish the edition with the version that began it.",
                )
            segments = tuple(part if isinstance(part, str) else _known(Slot(*part)) for part in data["segments"])
            return cls(data["edition"], data["variant"], segments)
        except (ValueError, KeyError, TypeError) as error:
            raise RenderError("A stored letter can't be read.", "Plan the edition again.") from error


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
    boundary = f"=_sendbrief_{sha256((rendered.text + rendered.html).encode()).hexdigest()[:24]}"
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


def _head(rendered: Rendered, site: Site, newsletter: Newsletter, content: Content, variant: Variant) -> list[Segment]:
    """All headers but Content-Type. The order is that of the fields a reader's client shows first."""
    sender = localize(site.sender.name, variant.language, site.fallback)
    title = localize(newsletter.title, variant.language, site.fallback) or newsletter.name
    archive = headers.header_url(archive_url(site, content, variant.language))
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
        f"\r\n{headers.list_id(title, _list_name(site, newsletter))}List-Unsubscribe: <",
        Slot("unsubscribe_url", "header"),
        ">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
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


def _known(slot: Slot) -> Slot:
    known = {"header": tuple(_HEADERS), "ics": ("attendee",)}.get(slot.context, FIELDS)
    if slot.context not in _CONTEXTS or slot.field not in known:
        raise ValueError(f"unknown slot {slot}")
    return slot


def _html_value(slot: Slot, reader: Reader, values: Mapping[str, str]) -> bytes:
    return qp_value(str(escape(value_of(slot.field, values, slot.fallback))))


def _text_value(slot: Slot, reader: Reader, values: Mapping[str, str]) -> bytes:
    return qp_value(value_of(slot.field, values, slot.fallback))


def _header_value(slot: Slot, reader: Reader, values: Mapping[str, str]) -> bytes:
    return _HEADERS[slot.field](slot, reader, values).encode("ascii")


def _ics_value(slot: Slot, reader: Reader, values: Mapping[str, str]) -> bytes:
    return quoted_printable(attendee_line(reader.address, values["name"])).encode("ascii")


_HEADERS: Mapping[str, Callable[[Slot, Reader, Mapping[str, str]], str]] = {
    "to": lambda slot, reader, values: headers.mailbox("To", values["name"], reader.address),
    "subject": lambda slot, reader, values: headers.unstructured("Subject", fill(slot.fallback, values)),
    "date": lambda slot, reader, values: headers.date(reader.date),
    "message_id": lambda slot, reader, values: headers.message_id(reader.message_id),
    "unsubscribe_url": lambda slot, reader, values: values["unsubscribe_url"],
}
_CONTEXTS: Mapping[str, Callable[[Slot, Reader, Mapping[str, str]], bytes]] = {
    "html": _html_value,
    "text": _text_value,
    "header": _header_value,
    "ics": _ics_value,
}
