"""A compiled letter as a template with values, for a provider that fills it in (SES, SendBulkEmail).

A template engine may escape or may not, may read braces as syntax or may not: SES's documents say one thing
and its users another. So nothing here depends on it. What has a character that any engine would touch has
no bulk form, and goes out as the whole message that it is as well.
"""

import json
import re
from binascii import a2b_qp
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from chalicelib.errors import SendbriefError
from chalicelib.render import headers
from chalicelib.render.letter import Letter, Reader, Segment, Slot
from chalicelib.render.personal import TOKEN, fallback_of, fill, value_of
from chalicelib.render.text import header_text
from chalicelib.transports import BulkPart, BulkTemplate

MOST_HEADERS = 15
MAX_HEADER_NAME = 126
MAX_HEADER = 995
"""Characters of a header's value, and one more of name and value together (SES, MessageHeader)."""
MAX_TO = 320
"""Characters of an address with its name (SES)."""

_MARK = re.compile("\x00([0-9]+)\x00")
_FOLD = re.compile("\r\n(?=[ \t])")
_BOUNDARY = re.compile(r'multipart/alternative;\s*boundary="([^"]+)"')
_PART = "\r\nContent-Type: text/{}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
# No control character, nothing that HTML escapes anywhere, nothing that a template language knows.
_PLAIN = re.compile(r"[^\x00-\x1f\x7f&<>\"'`={}\\$]+")
_HEADER_VALUE = re.compile("[ -~]+")
_OF_THE_PROVIDER = frozenset({"date", "message-id", "mime-version", "content-type"})

_WHOLE_LINES = {"to": "To: ", "subject": "Subject: "}
"""Slots that stand for a whole line of the head."""

_Value = tuple[str, str]
"""A personal field and its fallback."""
_Text = list[str | _Value]
"""Fixed text, and values between."""


@dataclass(frozen=True, slots=True)
class BulkLetter:
    """A letter's template and what a reader's share of it is made of."""

    template: BulkTemplate
    keys: Mapping[_Value, str]
    subject: str
    """With tokens, where the subject is personal; else ''."""
    own: tuple[tuple[str, _Text], ...]
    """Headers with values in them."""

    def part(self, reader: Reader) -> BulkPart | None:
        """A reader's share, or None where it can't be said so. The letter was personalised for them without error."""
        values = _values(reader)
        said = {key: value_of(field, values, fallback) for (field, fallback), key in self.keys.items()}
        if not all(map(_PLAIN.fullmatch, said.values())):
            return None
        if self.subject and header_text(filled := fill(self.subject, values)) != filled:
            return None  # blanks around a missing name, which a header has not
        own = tuple((name, _joined(text, values)) for name, text in self.own)
        to = _unfolded(headers.mailbox("To", values["name"], reader.address)).removeprefix("To: ")
        if len(to) > MAX_TO or not all(_fits(*header) for header in own):
            return None
        return BulkPart(self.template, to, json.dumps(said, separators=(",", ":")), own)


def bulk_letter(letter: Letter) -> BulkLetter | None:
    """The letter as a template, or None where it can't be one: it has a calendar, or text like a template's."""
    head, _, body = "".join(_marked(number, part) for number, part in enumerate(letter.segments)).partition("\r\n\r\n")
    lines = [_FOLD.sub("", line) for line in re.split("\r\n(?![ \t])", head)]
    fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    try:
        return _compiled(letter, fields, _texts(dict(fields).get("Content-Type", ""), body))
    except (_NoTemplateError, LookupError, ValueError, HeaderParseError, SendbriefError):
        return None


class _NoTemplateError(Exception):
    """The letter can't be said as a template."""


def _marked(number: int, part: Segment) -> str:
    """A segment as it is, a slot as its number; NUL is in no letter."""
    if isinstance(part, str):
        return part
    whole = _WHOLE_LINES.get(part.field, "")
    return f"{whole}\x00{number}\x00\r\n" if whole else f"\x00{number}\x00"


def _compiled(letter: Letter, fields: Sequence[tuple[str, str]], texts: tuple[str, str]) -> BulkLetter:
    slots = {number: part for number, part in enumerate(letter.segments) if isinstance(part, Slot)}
    found = dict(fields)
    subject, personal = _subject(found["Subject"], slots)
    text, html = (_cut(raw, slots) for raw in texts)
    keys = _keys([subject, text, html])
    fixed, own = _headers(fields, slots)
    template = BulkTemplate(
        address=found["From"].rpartition("<")[2].removesuffix(">"),
        sender=found["From"],
        reply_to=found.get("Reply-To", ""),
        subject=_template(subject, keys),
        html=_template(html, keys),
        text=_template(text, keys),
        headers=fixed,
    )
    return BulkLetter(template, keys, personal, own)


def _texts(kind: str, body: str) -> tuple[str, str]:
    """Text and HTML as they read, marks in them, of a body that is nothing but these two."""
    match = _BOUNDARY.fullmatch(kind)
    parts = body.split(f"--{match[1]}") if match else []
    if len(parts) != 4 or parts[0] or parts[3] != "--\r\n":
        raise _NoTemplateError
    found = []
    for subtype, part in zip(("plain", "html"), parts[1:3], strict=True):
        head, _, content = part.partition("\r\n\r\n")
        if head != _PART.format(subtype):
            raise _NoTemplateError
        found.append(a2b_qp(content.removesuffix("\r\n").encode("ascii")).decode())
    return found[0], found[1]


def _cut(text: str, slots: Mapping[int, Slot]) -> _Text:
    """A text cut at its marks."""
    pieces: _Text = []
    for number, piece in enumerate(_MARK.split(text)):
        if number % 2:
            slot = slots[int(piece)]
            pieces.append((slot.field, slot.fallback))
        else:
            pieces.append(piece)
    return pieces


def _subject(value: str, slots: Mapping[int, Slot]) -> tuple[_Text, str]:
    """The subject cut at its values, and, where it has any, with tokens in their place."""
    mark = _MARK.fullmatch(value)
    if not mark:
        plain = str(make_header(decode_header(value)))
        if _unfolded(headers.unstructured("Subject", plain)) != f"Subject: {value}":
            raise _NoTemplateError
        return [plain], ""
    personal = slots[int(mark[1])].fallback
    pieces: _Text = []
    end = 0
    for match in TOKEN.finditer(personal):
        pieces += [personal[end : match.start()], (match[1], fallback_of(match[2]))]
        end = match.end()
    return [*pieces, personal[end:]], personal


def _keys(texts: Sequence[_Text]) -> dict[_Value, str]:
    """A key for each value: of letters alone, since SES refuses others in templates that come with a call."""
    values = dict.fromkeys(piece for text in texts for piece in text if not isinstance(piece, str))
    return {value: "value" + "".join(chr(ord("a") + int(digit)) for digit in str(n)) for n, value in enumerate(values)}


def _template(text: _Text, keys: Mapping[_Value, str]) -> str:
    """The text with its keys. Raises _NoTemplateError where anything else in it could be taken for syntax."""
    for number, piece in enumerate(text):
        if not isinstance(piece, str):
            continue
        before_key, after_key = number + 1 < len(text), number > 0
        if "{{" in piece or (before_key and piece.endswith(("{", "\\"))) or (after_key and piece.startswith("}")):
            raise _NoTemplateError
    return "".join(piece if isinstance(piece, str) else "{{" + keys[piece] + "}}" for piece in text)


def _headers(
    fields: Sequence[tuple[str, str]], slots: Mapping[int, Slot]
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, _Text], ...]]:
    """The further headers: those that are the same for all, and those with values in them."""
    fixed, own = [], []
    for name, value in fields:
        if name.lower() in _OF_THE_PROVIDER or name in ("From", "To", "Reply-To", "Subject"):
            continue
        if _MARK.search(value):
            own.append((name, _cut(value, slots)))
        elif _fits(name, value):
            fixed.append((name, value))
        else:
            raise _NoTemplateError
    if len(fixed) + len(own) > MOST_HEADERS:
        raise _NoTemplateError
    return tuple(fixed), tuple(own)


def _fits(name: str, value: str) -> bool:
    short = len(name) <= MAX_HEADER_NAME and len(value) <= MAX_HEADER and len(name) + len(value) <= MAX_HEADER + 1
    return short and _HEADER_VALUE.fullmatch(value) is not None


def _joined(text: _Text, values: Mapping[str, str]) -> str:
    return "".join(piece if isinstance(piece, str) else value_of(piece[0], values, piece[1]) for piece in text)


def _unfolded(line: str) -> str:
    return _FOLD.sub("", line).removesuffix("\r\n")


def _values(reader: Reader) -> dict[str, str]:
    """What ``Letter.personalise`` puts into slots."""
    return {
        "name": header_text(reader.name, headers.MAX_NAME),
        "email": reader.address,
        "unsubscribe_url": reader.unsubscribe_url,
        "preferences_url": reader.preferences_url,
        "confirm_url": reader.confirm_url,
    }


__all__ = ["BulkLetter", "bulk_letter"]
