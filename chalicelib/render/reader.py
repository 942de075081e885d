"""One recipient, and their values as bytes of a mail: each encoded for the place it stands in."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import escape

from chalicelib.render import headers
from chalicelib.render.attendee import attendee_line
from chalicelib.render.personal import FIELDS, fill, value_of
from chalicelib.render.quoted_printable import qp_value, quoted_printable
from chalicelib.render.text import header_text

has_markup = re.compile("[&<>\"']").search
"""Whether ``escape`` changes a text."""


@dataclass(slots=True)
class Reader:
    """One recipient: an address (ASCII local part), a name or '', and what is theirs alone.

    ``date`` is aware; ``message_id`` stands with or without angle brackets. Nobody changes one, but
    making it frozen takes four times as long, and every mail has one.
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

    @property
    def known(self) -> bool:
        """Whether there is such a field in such a place."""
        if self.context in ("html", "text"):
            return self.field in FIELDS
        return self.field in {"header": tuple(_HEADERS), "ics": ("attendee",)}.get(self.context, ())


def encoded(slots: Sequence[Slot], reader: Reader) -> list[bytes]:
    """What goes into each slot, whatever the values are made of: the long way.

    Raises AddressError or RenderError where a value can't stand in a header.
    """
    fields = {slot.field for slot in slots}
    values = {"name": header_text(reader.name, headers.MAX_NAME), "email": reader.address}
    values |= {field: _url(getattr(reader, field)) for field in _LINKS if field in fields}
    return [_ENCODERS[slot.context](slot, reader, values) for slot in slots]


def in_html(text: str) -> bytes:
    """A value in quoted-printable HTML."""
    return qp_value(str(escape(text)) if has_markup(text) else text)


def _url(url: str) -> str:
    return headers.header_url(url) if url else ""


_LINKS = ("unsubscribe_url", "preferences_url", "confirm_url")
_Values = Mapping[str, str]
_HEADERS: Mapping[str, Callable[[Slot, Reader, _Values], str]] = {
    "to": lambda slot, reader, values: headers.mailbox("To", values["name"], reader.address),
    "subject": lambda slot, reader, values: headers.unstructured("Subject", fill(slot.fallback, values)),
    "date": lambda slot, reader, values: headers.date(reader.date),
    "message_id": lambda slot, reader, values: headers.message_id(reader.message_id),
    "unsubscribe_url": lambda slot, reader, values: values["unsubscribe_url"] or headers.header_url(""),
}
_ENCODERS: Mapping[str, Callable[[Slot, Reader, _Values], bytes]] = {
    "header": lambda slot, reader, values: _HEADERS[slot.field](slot, reader, values).encode("ascii"),
    "ics": lambda slot, reader, values: quoted_printable(attendee_line(reader.address, values["name"])).encode("ascii"),
    "text": lambda slot, reader, values: qp_value(value_of(slot.field, values, slot.fallback)),
    "html": lambda slot, reader, values: in_html(value_of(slot.field, values, slot.fallback)),
}
