"""Mails taken apart: headers and parts, as far as bounces need them, in time linear in what strangers send.

The standard library's parser is quadratic on parameters and recurses with nesting; here sizes, parts and depth are
bounded, and what lies beyond is as if it were not there. Nothing raises.
"""

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_MAIL = 1_048_576
"""Bytes that are looked at."""
MAX_HEADERS, MAX_HEADER, MAX_FOLDS = 200, 4000, 100
MAX_PARTS, MAX_DEPTH = 30, 5
MAX_SUBJECT = 300
_ENCODED = re.compile(r"=\?[!->@-~]{1,60}\?([bq])\?([!->@-~]{0,200})\?=(?:[ \t]{1,9}(?==\?))?", re.IGNORECASE)
_TYPE = re.compile(r"\s{0,9}([a-z0-9.+_-]{1,60}/[a-z0-9.+_-]{1,80})", re.IGNORECASE)
_NAME = re.compile(r"([!-9;-~]{1,80})[ \t]{0,9}:")


@dataclass(frozen=True, slots=True)
class Part:
    """A mail or a part of one. ``headers`` have folded names, in their order; ``kind`` is like ``text/plain``.

    ``text`` is the body, decoded; a multipart and a ``message/rfc822`` have ``parts`` instead.
    """

    headers: tuple[tuple[str, str], ...]
    kind: str
    text: str
    parts: tuple["Part", ...] = ()

    def header(self, name: str) -> str:
        """The first header of a (lower-case) name, '' for none."""
        return next((value for found, value in self.headers if found == name), "")

    @property
    def subject(self) -> str:
        """What its beginning reads as, encoded words (RFC 2047) too."""
        return _ENCODED.sub(_word, self.header("subject")[:MAX_SUBJECT])

    def all(self, name: str) -> Iterator[str]:
        """All headers of a (lower-case) name."""
        return (value for found, value in self.headers if found == name)

    def own(self) -> Iterator["Part"]:
        """It and its parts, but not the mails that lie in it."""
        yield self
        if not self.kind.startswith("message/"):
            for part in self.parts:
                yield from part.own()


def parse_mail(raw: bytes) -> Part:
    """A mail from its bytes, whatever they are; a line of mbox before its headers is passed over."""
    body = raw[:MAX_MAIL].replace(b"\r\n", b"\n")
    if body.startswith(b"From "):
        body = body.partition(b"\n")[2]
    return _part(body, 0, "text/plain")


def read_fields(text: str) -> tuple[tuple[str, str], ...]:
    """The fields of a block like that of headers, unfolded, with folded names; what is none is passed over."""
    found: list[tuple[str, list[str]]] = []
    for line in text.split("\n"):
        if line[:1] in (" ", "\t"):
            if found and len(found[-1][1]) < MAX_FOLDS:
                found[-1][1].append(line.strip()[:MAX_HEADER])
            continue
        name = _NAME.match(line)
        if name and len(found) < MAX_HEADERS:
            found.append((name[1].lower(), [line[name.end() :].strip()[:MAX_HEADER]]))
        elif name:
            break
    return tuple((name, " ".join(lines)[:MAX_HEADER].strip()) for name, lines in found)


def parameter(value: str, name: str) -> str:
    """A parameter of a Content-Type, '' for none."""
    found = re.search(
        rf"[;\s]{name}\s{{0,9}}=\s{{0,9}}(?:\"([^\"]{{1,200}})\"|([^\s;\"]{{1,200}}))", value, re.IGNORECASE
    )
    return (found[1] or found[2]) if found else ""


def _part(raw: bytes, depth: int, usual: str) -> Part:
    head, _, body = (b"", b"", raw[1:]) if raw.startswith(b"\n") else raw.partition(b"\n\n")
    headers = read_fields(_text(head))
    about = next((value for name, value in headers if name == "content-type"), "")
    found = _TYPE.match(about)
    kind = found[1].lower() if found else usual
    boundary = parameter(about, "boundary")
    if depth < MAX_DEPTH and kind.startswith("multipart/") and boundary:
        usual = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        pieces = _pieces(body, boundary.encode("utf-8", "replace"))
        return Part(headers, kind, "", tuple(_part(piece, depth + 1, usual) for piece in pieces))
    encoding = next((value for name, value in headers if name == "content-transfer-encoding"), "")
    content = _decoded(body, encoding.strip().lower())
    if depth < MAX_DEPTH and kind in {"message/rfc822", "message/global"}:
        return Part(headers, kind, "", (_part(content.lstrip(b"\n"), depth + 1, "text/plain"),))
    return Part(headers, kind, _text(content))


def _word(found: re.Match[str]) -> str:
    """One encoded word; in ``q`` an underscore is a blank. All charsets count as UTF-8 or Latin-1."""
    content = found[2].replace("_", " ") if found[1].lower() == "q" else found[2]
    return _text(_decoded(content.encode(), {"q": "quoted-printable", "b": "base64"}[found[1].lower()]))


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    """What stands between the delimiters of a multipart; the last one may be cut off."""
    found: list[list[bytes]] = []
    for line in body.split(b"\n"):
        if line.startswith(b"--") and line[2:].rstrip() in (boundary, boundary + b"--"):
            if len(found) == MAX_PARTS or line[2:].rstrip() != boundary:
                break
            found.append([])
        elif found:
            found[-1].append(line)
    return [b"\n".join(lines) for lines in found]


def _decoded(body: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return quopri.decodestring(body)
    if encoding == "base64":
        kept = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
        kept = kept[: len(kept) - 1] if len(kept) % 4 == 1 else kept
        return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4)).replace(b"\r\n", b"\n")
    return body


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
