"""A Markdown text cut into code, shortcodes and the rest, in one pass: what shows a template is told from what is one.

Code (fences, spans, indented blocks, <pre>) and HTML comments are taken whole, and the first that begins counts: a
fence within Liquid's comment is comment, a comment within a fence is code. A search that failed is not made again,
so that the time grows with the length of the text whatever stands in it.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto


class Part(Enum):
    """What a piece is."""

    TEXT = auto()
    CODE = auto()
    RAW = auto()
    """Text between {% raw %} and {% endraw %}, or what Hugo's {{</* … */>}} is to show."""
    LISTING = auto()
    """What stands between {% highlight name %} and its end, or Hugo's likewise."""
    NOTHING = auto()
    """Never for readers: comments, attributes, imports. ``rest`` is what stays of it, mostly ''."""
    TAG = auto()
    """Liquid's {% name rest %}."""
    OUTPUT = auto()
    """Liquid's {{ rest }}."""
    HUGO = auto()
    """{{< name rest >}} or {{% name rest %}}; a closing one is called /name."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the text as written, and what it says."""

    part: Part
    written: str
    name: str = ""
    rest: str = ""


Found = tuple[Piece, int] | None
"""A piece and where it ends, or None where the opener opens nothing."""

_VALUE = r"""(?:"[^"<]*+"|'[^'<]*+'|\{(?:[^{}<]|\{(?:[^{}<]|\{[^{}<]*+\})*+\})*+\})"""
_OPENER = re.compile(
    r"(?P<fence>^[ \t>]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)?+(?:`{3,}+(?=[^`\n]*+$)|~{3,}+))"
    r"|(?P<indent>^(?: {4}| {0,3}\t)(?=[ \t]*+\S))"
    r"|(?P<admonition>^[ \t]*+:::++[^\n]*+$)"
    r"|(?P<line>^(?:\[TOC\]|\[\[_?TOC_?\]\])[ \t]*+$|^\*\[[^\]\n]++\]:[^\n]*+$"
    r"|^(?:[-*]|1\.)[ \t]++(?i:toc)[ \t]*+\n(?=\{:)"
    r"|^import\s++[\w*$, \t]*+(?:\{[^{}]*+\})?+[\w*$, \t]*+(?:'[^'\n]++'|\"[^\"\n]++\");?[ \t]*+$"
    r"|^export\s++(?:const|let|var|function|default|async|class)\s(?:[^\n]++\n?)*+)"
    r"|(?P<escape>\\[`\\])|(?P<ticks>`++)|(?P<comment><!--)|(?P<html><(?i:pre|code|script|style)(?=[\s>]))"
    rf"|(?P<component></?[A-Z][\w.]*+(?=[\s/>])(?:\s++|[\w:-]++(?:\s*+=\s*+{_VALUE})?+)*+/?>)"
    r"|(?P<hugo>\{\{[<%])|(?P<extension>(?<!\{)\{++(?::[^{}\n]*+\}|:++)|\{/\*)|(?P<output>\{\{)|(?P<tag>\{%)"
    r"|(?P<heading>[ \t]\{#[\w.:-]++\}(?=[ \t]*+$)|^\{[.#][^{}\n]*+\}[ \t]*+$)",
    re.MULTILINE,
)
_LABEL = re.compile(r"""\slabel\s*=\s*["']([^"'<>*\n]+)["']""")
_ADMONITION = re.compile(r"[ \t]*+:::++[ \t]*+[\w-]*+(?:\[([^\]]*+)\]|\{[^}]*+\})?+[ \t]*+(.*)")
_BRACES = re.compile(r"\{++")
_BLANK = re.compile(r"\n[ \t>]*+(?=\n)")
_TICKS = re.compile(r"`+")
_INDENTED = re.compile(r"(?:(?: {4}| {0,3}\t)[^\n]*+(?:\n|\Z)|[ \t]*+\n)++")
_NO_PARAGRAPH = re.compile(r"[-*+][ \t]|\d{1,9}[.)][ \t]|[<{:\s]")
_LISTINGS = frozenset({"highlight", "mermaid", "katex"})


class Pieces:
    """The pieces of one text, in its order; together, as written, they are the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._blanks = [match.start() for match in _BLANK.finditer(text)]
        self._runs: dict[int, list[int]] = {}
        for match in _TICKS.finditer(text):
            self._runs.setdefault(len(match[0]), []).append(match.start())
        self._none_before: dict[str, int] = {}
        """Up to where it is known that something does not come any more."""

    def __iter__(self) -> Iterator[Piece]:
        text, at, plain = self._text, 0, 0
        while match := _OPENER.search(text, at):
            found: Found = getattr(self, f"_{match.lastgroup}")(match)
            if found is None:
                at = self._after(match)
                continue
            if match.start() > plain:
                yield Piece(Part.TEXT, text[plain : match.start()])
            piece, at = found
            plain = at
            yield piece
        if plain < len(text):
            yield Piece(Part.TEXT, text[plain:])

    def _after(self, match: re.Match[str]) -> int:
        """Where to go on behind an opener that opens nothing: the last of many braces may open something."""
        run = _BRACES.match(self._text, match.start()) if match.lastgroup == "output" else None
        return max(match.start() + 1, run.end() - 2) if run else match.end()

    def _piece(self, part: Part, match: re.Match[str], end: int, name: str = "", rest: str = "") -> Found:
        return Piece(part, self._text[match.start() : end], name, rest), end

    def _paragraph_end(self, start: int) -> int:
        number = bisect_left(self._blanks, start)
        return self._blanks[number] if number < len(self._blanks) else len(self._text)

    def _find(self, end: str, start: int, limit: int) -> int:
        """Where ``end`` comes before ``limit``, or -1; ``limit`` never decreases from call to call."""
        if limit <= self._none_before.get(end, -1):
            return -1
        at = self._text.find(end, start, limit)
        if at < 0:
            self._none_before[end] = limit
        return at

    def _search(self, pattern: str, start: int) -> re.Match[str] | None:
        """The next match of a pattern, however far."""
        if pattern in self._none_before:
            return None
        match = re.compile(pattern, re.IGNORECASE | re.MULTILINE).search(self._text, start)
        if match is None:
            self._none_before[pattern] = len(self._text)
        return match

    def _fence(self, match: re.Match[str]) -> Found:
        marks = match[0].lstrip(" \t>-*+0123456789.)")
        closing = re.compile(rf"^[ \t>]*+{marks[0]}{{{len(marks)},}}[ \t]*+$", re.MULTILINE)
        closed = closing.search(self._text, match.end())
        return self._piece(Part.CODE, match, closed.end() if closed else len(self._text))

    def _indent(self, match: re.Match[str]) -> Found:
        """Indented code begins below a blank line below a paragraph; elsewhere indents belong to lists or HTML."""
        end = match.start() - 1
        while end > 0 and not (line := self._text[(start := self._text.rfind("\n", 0, end) + 1) : end][:12]).strip():
            end = start - 1
        if match.start() and (end == match.start() - 1 or (end > 0 and _NO_PARAGRAPH.match(line))):
            return None
        code = _INDENTED.match(self._text, match.start())
        return self._piece(Part.CODE, match, code.end()) if code else None

    def _admonition(self, match: re.Match[str]) -> Found:
        title = _ADMONITION.fullmatch(match[0])
        words = (title[1] or title[2] or "").strip(" \t*") if title else ""
        return self._piece(Part.NOTHING, match, match.end(), rest=f"**{words}**\n" if words else "")

    def _line(self, match: re.Match[str]) -> Found:
        return self._piece(Part.NOTHING, match, match.end())

    _heading = _line

    def _escape(self, match: re.Match[str]) -> Found:
        return None

    def _ticks(self, match: re.Match[str]) -> Found:
        """A code span ends with as many marks as it began with, in the same paragraph."""
        places = self._runs.get(len(match[0]), [])
        number = bisect_left(places, match.end())
        if number == len(places) or places[number] > self._paragraph_end(match.end()):
            return None
        return self._piece(Part.CODE, match, places[number] + len(match[0]))

    def _comment(self, match: re.Match[str]) -> Found:
        end = self._find("-->", match.end(), len(self._text))
        return self._piece(Part.CODE, match, end + 3) if end >= 0 else None

    def _html(self, match: re.Match[str]) -> Found:
        closing = self._search(rf"</{match[0][1:]}\s*>", match.end())
        return self._piece(Part.CODE, match, closing.end()) if closing else None

    def _component(self, match: re.Match[str]) -> Found:
        label = _LABEL.search(match[0])
        return self._piece(Part.NOTHING, match, match.end(), rest=f"**{label[1].strip()}**\n\n" if label else "")

    def _hugo(self, match: re.Match[str]) -> Found:
        close = ">}}" if match[0] == "{{<" else "%}}"
        end = self._find(close, match.end(), self._paragraph_end(match.end()))
        if end < 0:
            return self._piece(Part.NOTHING, match, match.end())
        inner = self._text[match.end() : end]
        if inner.startswith("/*") and inner.rstrip().endswith("*/"):
            shown = f"{match[0]}{inner[2:].rstrip()[:-2]}{close}"
            return self._piece(Part.RAW, match, end + 3, rest=shown)
        name, rest = _words(inner.strip())
        if name in {*_LISTINGS, "comment"}:
            closing = self._search(rf"\{{\{{[<%]\s*+/\s*+{name}\s*+[>%]\}}\}}", end + 3)
            if closing:
                return self._closed(match, name, rest, end + 3, closing)
        return self._piece(Part.HUGO, match, end + 3, name, rest.rstrip("/ \n"))

    def _output(self, match: re.Match[str]) -> Found:
        end = self._find("}}", match.end(), self._paragraph_end(match.end()))
        if end < 0:
            return None
        rest = self._text[match.end() : end]
        end += 3 if rest.startswith("{") and self._text.startswith("}", end + 2) else 2
        return self._piece(Part.OUTPUT, match, end, rest=rest.strip("{- \t\n"))

    def _tag(self, match: re.Match[str]) -> Found:
        end = self._find("%}", match.end(), self._paragraph_end(match.end()))
        if end < 0:
            return self._piece(Part.NOTHING, match, match.end())
        name, rest = _words(self._text[match.end() : end].strip("- \t\n"))
        if name in {"raw", "comment", "highlight"}:
            closing = self._search(rf"\{{%-?\s*+end{name}\s*+-?%\}}", end + 2)
            if closing:
                return self._closed(match, name, rest, end + 2, closing)
        return self._piece(Part.TAG, match, end + 2, name, rest)

    def _closed(self, match: re.Match[str], name: str, rest: str, start: int, closing: re.Match[str]) -> Found:
        """A block whose content is taken as it stands."""
        content = self._text[start : closing.start()]
        if name == "comment":
            return self._piece(Part.NOTHING, match, closing.end())
        if name == "raw":
            return self._piece(Part.RAW, match, closing.end(), rest=content)
        language = rest.split()[0].strip("\"'") if name == "highlight" and rest.split() else name
        return self._piece(Part.LISTING, match, closing.end(), language if language.isalnum() else "", content)

    def _extension(self, match: re.Match[str]) -> Found:
        if match[0] == "{/*":
            end = self._find("*/}", match.end(), len(self._text))
            return self._piece(Part.NOTHING, match, end + 3) if end >= 0 else None
        if match[0].lstrip("{").startswith("::comment") and not match[0].endswith("/}"):
            closing = self._search(r"\{:/(?:comment)?\}", match.end())
            return self._piece(Part.NOTHING, match, closing.end() if closing else match.end())
        return self._piece(Part.NOTHING, match, match.end())


def _words(inside: str) -> tuple[str, str]:
    """The name of a shortcode (a closing one's as /name) and what follows it."""
    if inside.startswith("/"):
        inside = "/" + inside[1:].lstrip()
    name, *rest = inside.split(None, 1) or [""]
    return name.lower(), rest[0] if rest else ""
