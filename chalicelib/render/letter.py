"""The letter: a variant compiled once into segments of finished bytes, one recipient's values joined in.

Everything of a message but a handful of values is the same for every reader. It is encoded once, and
cut at the personal tokens; ``personalise`` encodes one reader's values, each for its context, and joins.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from markupsafe import escape

from chalicelib.errors import RenderError
from chalicelib.render import headers
from chalicelib.render.attendee import attendee_line
from chalicelib.render.personal import FIELDS, fill, value_of
from chalicelib.render.quoted_printable import qp_value, quoted_printable
from chalicelib.render.text import header_text

_MARKUP = re.compile("[&<>\"']")
"""What ``escape`` changes."""
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
    confirm_url: str = ""


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
    _lines: list[tuple[Slot, list[int]]] = field(init=False, repr=False, compare=False)
    """Lines of the head and of a calendar, and the positions of each."""
    _values: list[tuple[str, str, list[int], list[int]]] = field(init=False, repr=False, compare=False)
    """Field, fallback, positions in text, positions in HTML: most values are the same bytes in both."""

    def __post_init__(self) -> None:
        parts = [segment.encode("ascii") if isinstance(segment, str) else b"" for segment in self.segments]
        lines: dict[Slot, list[int]] = {}
        values: dict[tuple[str, str], tuple[list[int], list[int]]] = {}
        for position, segment in enumerate(self.segments):
            if isinstance(segment, str):
                continue
            if segment.context in _LINES:
                lines.setdefault(segment, []).append(position)
            else:
                text, html = values.setdefault((segment.field, segment.fallback), ([], []))
                (html if segment.context == "html" else text).append(position)
        object.__setattr__(self, "_parts", parts)
        object.__setattr__(self, "_lines", list(lines.items()))
        object.__setattr__(self, "_values", [(*key, *positions) for key, positions in values.items()])

    def personalise(self, reader: Reader) -> bytes:
        """The complete message for a reader: RFC 5322, CRLF, ASCII, no line over 998 characters.

        Raises AddressError or RenderError where a value can't stand in a header; the letter stays good
        for the others.
        """
        parts = self._parts.copy()
        values = {
            "name": header_text(reader.name, headers.MAX_NAME),
            "email": reader.address,
            "unsubscribe_url": _url(reader.unsubscribe_url),
            "preferences_url": _url(reader.preferences_url),
            "confirm_url": _url(reader.confirm_url),
        }
        for slot, positions in self._lines:
            line = _LINES[slot.context](slot, reader, values)
            for position in positions:
                parts[position] = line
        for name, fallback, text, html in self._values:
            value = value_of(name, values, fallback)
            encoded = qp_value(value)
            for position in text:
                parts[position] = encoded
            if html and _MARKUP.search(value):
                encoded = qp_value(str(escape(value)))
            for position in html:
                parts[position] = encoded
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


def _url(url: str) -> str:
    return headers.header_url(url) if url else ""


def _known(slot: Slot) -> Slot:
    known = {"header": tuple(_HEADERS), "ics": ("attendee",)}.get(slot.context, FIELDS)
    if slot.context not in ("html", "text", *_LINES) or slot.field not in known:
        raise ValueError(f"unknown slot {slot}")
    return slot


def _header_value(slot: Slot, reader: Reader, values: Mapping[str, str]) -> bytes:
    return _HEADERS[slot.field](slot, reader, values).encode("ascii")


def _ics_value(slot: Slot, reader: Reader, values: Mapping[str, str]) -> bytes:
    return quoted_printable(attendee_line(reader.address, values["name"])).encode("ascii")


_HEADERS: Mapping[str, Callable[[Slot, Reader, Mapping[str, str]], str]] = {
    "to": lambda slot, reader, values: headers.mailbox("To", values["name"], reader.address),
    "subject": lambda slot, reader, values: headers.unstructured("Subject", fill(slot.fallback, values)),
    "date": lambda slot, reader, values: headers.date(reader.date),
    "message_id": lambda slot, reader, values: headers.message_id(reader.message_id),
    "unsubscribe_url": lambda slot, reader, values: values["unsubscribe_url"] or headers.header_url(""),
}
_LINES: Mapping[str, Callable[[Slot, Reader, Mapping[str, str]], bytes]] = {
    "header": _header_value,
    "ics": _ics_value,
}
