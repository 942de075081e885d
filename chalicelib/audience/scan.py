"""Looking for traces of somebody in all that is stored, in whatever form it may lie there: the proof of an erasure."""

import binascii
import html
import json
import quopri
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from chalicelib.store import Blobs, Table

SHORTEST = 4
"""Characters of a word that is looked for: shorter ones are found everywhere and prove nothing."""
_DEPTH = 3
"""Codes within codes that are undone: a link, percent-encoded, in quoted-printable, in base64."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
_FOLDS = re.compile(rb"[\r\n]+[ \t]*")
_BLOCK, _OVERLAP = 1 << 20, 1 << 12
_STANDARD = bytes.maketrans(b"-_", b"+/")
_JSON_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a word was found. ``form`` says as what: plain, or the codes that had to be undone."""

    where: str
    word: str
    form: str


def find_traces(
    table: Table, blobs: Blobs, queues: Mapping[str, Iterable[str]], words: Iterable[str]
) -> Iterator[Trace]:
    """Where any of some words lies: items (expired ones too), blobs, messages by their queue's name.

    Words are found in any case, as A-labels or U-labels, percent-encoded, with JSON's or HTML's escapes, in
    quoted-printable and in base64, also one within the other. It reads all there is.
    """
    wanted = spellings(words)
    for item in table.everything():
        text = json.dumps([*item.key, item.data, item.counters], ensure_ascii=False, default=dict)
        yield from traces_in(f"item {item.key.pk} {item.key.sk}", text.encode("utf-8", "replace"), wanted)
    for name in blobs.names(""):
        yield from traces_in(f"blob {name}", name.encode() + b"\n" + (blobs.get(name) or b""), wanted)
    for queue, bodies in queues.items():
        for number, body in enumerate(bodies, start=1):
            yield from traces_in(f"queue {queue}, message {number}", body.encode("utf-8", "replace"), wanted)


def spellings(words: Iterable[str]) -> dict[str, str]:
    """What is looked for, folded, by the word it stands for: each word, and addresses with their domain as labels."""
    found: dict[str, str] = {}
    for word in words:
        if len(word) < SHORTEST:
            continue
        for form in {word, *_labels(word)}:
            found[_fold(form)] = word
    return found


def traces_in(where: str, content: bytes, wanted: Mapping[str, str]) -> Iterator[Trace]:
    """Each word of ``spellings`` that some bytes hold, once."""
    seen: set[str] = set()
    for form, view in _views(content):
        text = _fold(view.decode("utf-8", "replace"))
        for spelling, word in wanted.items():
            if word not in seen and spelling in text:
                seen.add(word)
                yield Trace(where, word, form or "plain")


def traces_in_file(path: Path, wanted: Mapping[str, str]) -> Iterator[Trace]:
    """Each word that a file of any size holds, as plain text, once: what a database has not written over yet."""
    seen, rest = set[str](), b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            text = _fold((rest + block).decode("utf-8", "replace"))
            rest = block[-_OVERLAP:]
            for spelling, word in wanted.items():
                if word not in seen and spelling in text:
                    seen.add(word)
                    yield Trace(f"file {path.name}", word, "plain")


def _labels(word: str) -> Iterator[str]:
    """An address, or a domain, with each label as A-label and as U-label (RFC 5890)."""
    local, at, domain = word.rpartition("@")
    for codec in (_to_a, _to_u):
        yield f"{local}{at}{'.'.join(codec(label) for label in domain.split('.'))}"


def _to_a(label: str) -> str:
    try:
        return label.encode("idna").decode("ascii")
    except UnicodeError:
        return label


def _to_u(label: str) -> str:
    try:
        return label.encode("ascii").decode("idna")
    except UnicodeError:
        return label


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _views(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The bytes, and what they say once codes are undone, at most three one after the other."""
    level, seen = [("", content)], {content}
    for _ in range(_DEPTH + 1):
        following: list[tuple[str, bytes]] = []
        for form, view in level:
            yield form, view
            for name, decoded in _decoded(view):
                if decoded not in seen:
                    seen.add(decoded)
                    following.append((f"{form}, {name}".lstrip(", "), decoded))
        level = following


def _decoded(content: bytes) -> Iterator[tuple[str, bytes]]:
    if b"%" in content:
        yield "percent-encoded", unquote_to_bytes(content)
    if b"=" in content:
        yield "quoted-printable", quopri.decodestring(content)
    if b"&" in content:
        yield "HTML", html.unescape(content.decode("utf-8", "replace")).encode("utf-8", "replace")
    if b"\\" in content:
        yield "JSON", _unescaped(content.decode("utf-8", "replace")).encode("utf-8", "replace")
    if pieces := b"\n".join(_from_base64(content)):
        yield "base64", pieces


def _unescaped(text: str) -> str:
    return _JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).replace("\\/", "/").replace("\\n", "\n")


def _from_base64(content: bytes) -> Iterator[bytes]:
    """What runs of base64 say, also folded over lines; each from all four places at which a group may begin."""
    for text in dict.fromkeys((content, _FOLDS.sub(b"", content))):
        for run in _BASE64.findall(text):
            for start in range(4):
                part = run[start:].translate(_STANDARD)
                whole = part[: len(part) - 1] if len(part) % 4 == 1 else part
                decoded = binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
                if _may_be_text(decoded):
                    yield decoded


def _may_be_text(decoded: bytes) -> bool:
    """What is mostly no text is no address, and need not be looked at again: it would grow with each code undone."""
    shown = sum(len(c.encode()) for c in decoded.decode("utf-8", "ignore") if c.isprintable() or c in "\r\n\t")
    return shown * 4 > len(decoded) * 3
