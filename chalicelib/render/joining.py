"""A letter's finished bytes and one reader's values, joined: a million times for an edition, so in the fewest steps.

Most readers have an ASCII name or none, an address of plain words and links of our own. One expression finds
that out, and their values are then their own encoding. Whatever else there is goes the long way (``encoded``);
both lead to the same bytes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

from chalicelib.render import headers
from chalicelib.render.personal import first_name
from chalicelib.render.quoted_printable import SOFT_BREAK, qp_value
from chalicelib.render.reader import Reader, Slot, encoded, has_markup, in_html
from chalicelib.render.text import header_text

Segment = str | Slot

# Nothing in these is quoted in a header, escaped in HTML or encoded in quoted-printable; none matches two ways.
_NAME = r"(?!From )[A-Za-z0-9_()/+-][A-Za-z0-9_()/+.-]*(?: [A-Za-z0-9_()/+-][A-Za-z0-9_()/+.-]*)*"
_ADDRESS = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_URL = rf"https://[A-Za-z0-9\-._~:/?#@!$()*+;%]{{1,{headers.MAX_URL - len('https://')}}}"
_REST = rf"{_ADDRESS}\n[A-Za-z0-9_+.-]+@[A-Za-z0-9.-]+\n{_URL}\n(?:{_URL})?"
_plain_rest = re.compile(_REST).fullmatch
_plain_reader = re.compile(rf"(?:{_NAME})?\n{_REST}").fullmatch
_LONGEST_TO = headers.LINE - len('To: "" <>')
_LONGEST_ID = 250
_COLUMNS = 73
"""Of a value's piece between two soft line breaks."""
_DOT = ord(".")
_NAMES = ("name", "first_name")
_BODY = ("text", "html")
_OWN = {
    Slot("to", "header"): 0, Slot("date", "header"): 1, Slot("message_id", "header"): 2,
    Slot("unsubscribe_url", "header"): 3, Slot("unsubscribe_url", "text"): 4, Slot("unsubscribe_url", "html"): 4,
    Slot("preferences_url", "text"): 5, Slot("preferences_url", "html"): 5, Slot("email", "text"): 6,
    Slot("email", "html"): 6, Slot("name", "text"): 7, Slot("name", "html"): 8, Slot("first_name", "text"): 9,
    Slot("first_name", "html"): 10,
}  # fmt: skip
"""Which of the plain values a slot is for, whatever a name's fallback; other slots have theirs behind these."""
_BEHIND = 11


class Joining:
    """The bytes of one letter, ready to be joined with any reader's."""

    __slots__ = ("_all", "_dated", "_email", "_first", "_named", "_nameless", "_others", "_slots")

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._slots = list(dict.fromkeys(segment for segment in segments if isinstance(segment, Slot)))
        self._others = [slot for slot in self._slots if _own(slot) is None]
        places = {slot: place for slot in self._slots if (place := _own(slot)) is not None}
        places |= {slot: _BEHIND + number for number, slot in enumerate(self._others)}
        self._all = _Gaps(segments, {slot: number for number, slot in enumerate(self._slots)})
        self._named = _Gaps(segments, places)
        self._nameless = _Gaps([_filled(segment) for segment in segments], places)
        fields = {slot.field for slot in self._slots if slot.context in _BODY}
        self._first, self._email = "first_name" in fields, "email" in fields
        self._dated: tuple[datetime | None, bytes] = (None, b"")

    def join(self, reader: Reader) -> bytes:
        """The message. Raises AddressError or RenderError where a value can't stand in a header."""
        name, address, identifier = reader.name, reader.address, reader.message_id
        whole = f"{name}\n{address}\n{identifier}\n{reader.unsubscribe_url}\n{reader.preferences_url}"
        if len(identifier) <= _LONGEST_ID and len(name) + len(address) <= _LONGEST_TO:
            if _plain_reader(whole):
                if not name:
                    return self._nameless.put(self._plain(reader, f"To: {address}\r\n".encode()))
                said = f"=\r\n{name}=\r\n".encode()
                first = f"=\r\n{name.partition(' ')[0]}=\r\n".encode() if self._first else b""
                to = f'To: "{name}" <{address}>\r\n'.encode()
                return self._named.put(self._plain(reader, to, said, said, first, first))
            if _plain_rest(whole[len(name) + 1 :]):
                return self._with_name(reader, header_text(name, headers.MAX_NAME))
        return self._all.put(encoded(self._slots, reader))

    def _with_name(self, reader: Reader, name: str) -> bytes:
        """For a name with umlauts, of another alphabet, in quotation marks …; the rest is plain."""
        to = headers.mailbox("To", name, reader.address).encode("ascii")
        if not name:
            return self._nameless.put(self._plain(reader, to))
        values = *_twice(name), b"", b""
        if self._first:
            first = first_name(name)
            if not first:
                return self._all.put(encoded(self._slots, reader))
            values = *values[:2], *_twice(first)
        return self._named.put(self._plain(reader, to, *values))

    def _plain(
        self,
        reader: Reader,
        to: bytes,
        name: bytes = b"",
        html: bytes = b"",
        first: bytes = b"",
        first_html: bytes = b"",
    ) -> Sequence[bytes]:
        """The values in the order of their places."""
        date, leave, choose = reader.date, reader.unsubscribe_url.encode(), reader.preferences_url.encode()
        moment, dated = self._dated
        if moment is not date:  # a wave shares its moment
            dated = headers.date(date).encode("ascii")
            self._dated = date, dated
        email = f"=\r\n{reader.address}=\r\n".encode() if self._email else b""
        identifier = f"<{reader.message_id}>".encode()
        values = to, dated, identifier, leave, _folded(leave), _folded(choose), email, name, html, first, first_html
        return [*values, *encoded(self._others, reader)] if self._others else values


class _Gaps:
    """Segments with gaps between, so that two steps in C put all values in."""

    __slots__ = ("_parts", "_pick")

    def __init__(self, segments: Sequence[Segment], places: Mapping[Slot, int]) -> None:
        fixed, wanted = [b""], list[int]()
        for segment in segments:
            if isinstance(segment, str):
                fixed[-1] += segment.encode("ascii")
            else:
                fixed.append(b"")
                wanted.append(places[segment])
        self._parts = [b""] * (len(fixed) + len(wanted))
        self._parts[::2] = fixed
        self._pick: Callable[[Sequence[bytes]], Sequence[bytes]] = (
            itemgetter(*wanted) if len(wanted) > 1 else lambda values: [values[place] for place in wanted]
        )

    def put(self, values: Sequence[bytes]) -> bytes:
        """Segments and values, each value wherever it is wanted."""
        parts = self._parts.copy()
        parts[1::2] = self._pick(values)
        return b"".join(parts)


def _is_name(slot: Slot) -> bool:
    return slot.field in _NAMES and slot.context in _BODY


def _own(slot: Slot) -> int | None:
    return _OWN.get(Slot(slot.field, slot.context) if _is_name(slot) else slot)


def _filled(segment: Segment) -> Segment:
    """A letter to somebody without a name has the fallbacks in its fixed bytes."""
    if isinstance(segment, str) or not _is_name(segment):
        return segment
    return (in_html if segment.context == "html" else qp_value)(segment.fallback).decode("ascii")


def _twice(value: str) -> tuple[bytes, bytes]:
    """In text and in HTML."""
    text = qp_value(value)
    return text, in_html(value) if has_markup(value) else text


def _folded(url: bytes) -> bytes:
    """A plain URL as ``qp_value`` has it."""
    length = len(url)
    if length <= _COLUMNS:
        return SOFT_BREAK + url + SOFT_BREAK
    if length <= 2 * _COLUMNS and url[_COLUMNS] != _DOT:
        return SOFT_BREAK + url[:_COLUMNS] + SOFT_BREAK + url[_COLUMNS:] + SOFT_BREAK
    return qp_value(url.decode("ascii"))
