"""Document: what of a mail's HTML is judged, read in one linear pass over any text.

The standard library's HTMLParser is quadratic in unclosed comments and tags; files that are linted may come from
anywhere. This one reads tags, attributes and text as browsers do in all that matters here, and stops at a tag or
comment that never ends.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

from chalicelib.render.walker import BLOCKS

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_RAW = {"script", "style", "textarea", "title", "xmp", "noembed", "noframes"}
_CODE = {"code", "pre", "kbd", "samp", "var"}
_BREAKS = BLOCKS | {"br", "td", "th", "tr", "body", "html", "tbody", "caption", "center"}
_NAME = re.compile(r"[a-zA-Z][^\s/>]*+")
_PIECE = re.compile(
    r"""\s++|/|>|<|([^\s/>=<][^\s/>=<]*+|=)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"'<][^\s>]*+)))?+"""
)
_HUGE = re.compile(r"&#[xX]?[0-9a-fA-F]{8,}+;?")
_HEADING = re.compile(r"h([1-6])\Z")
MAX_ATTRIBUTES = 200


@dataclass(slots=True)
class Element:
    """A start tag; ``offset`` is where it begins. ``text`` is what stands directly in it."""

    tag: str
    attrs: dict[str, str]
    offset: int
    text: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """All text within it, with the alt texts of pictures; only of links and headings."""

    @property
    def name(self) -> str:
        """What a screen reader calls it: ``aria-label``, else its text."""
        return " ".join((self.attrs.get("aria-label") or "".join(self.words)).split())


@dataclass(slots=True)
class Document:
    """``blocks`` are the lines of visible text outside of code, ``codes`` the texts within code."""

    elements: list[Element] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    size: int = 0

    def of(self, *tags: str) -> Iterator[Element]:
        """The elements of some names, in order."""
        return (element for element in self.elements if element.tag in tags)

    @property
    def links(self) -> list[Element]:
        """All ``a`` and ``area`` with an href."""
        return [element for element in self.of("a", "area") if "href" in element.attrs]

    @property
    def headings(self) -> list[tuple[int, Element]]:
        """Each heading with its level."""
        found = ((_HEADING.match(element.tag), element) for element in self.elements)
        return [(int(match[1]), element) for match, element in found if match]

    @property
    def text(self) -> str:
        """All visible text outside of code, a block a line."""
        return "\n".join(self.blocks)


class _Reader:
    """Builds a Document from the tokens."""

    def __init__(self) -> None:
        self.document = Document()
        self.open: list[Element] = []
        self.count: Counter[str] = Counter()
        self.collecting: list[Element] = []
        self.line: list[str] = []
        self.code = 0

    def opened(self, element: Element) -> None:
        self.document.elements.append(element)
        tag = element.tag
        if tag in _BREAKS:
            self.flush()
        if tag == "img":
            for outer in self.collecting:
                outer.words.append(f" {element.attrs.get('alt', '')} ")
        if tag in _VOID:
            return
        self.open.append(element)
        self.count[tag] += 1
        self.code += tag in _CODE
        if (tag == "a" or _HEADING.match(tag)) and len(self.collecting) < 8:
            self.collecting.append(element)

    def closed(self, tag: str) -> None:
        if tag in _BREAKS:
            self.flush()
        if not self.count[tag]:
            return
        while self.open:
            element = self.open.pop()
            self.count[element.tag] -= 1
            self.code -= element.tag in _CODE
            if self.collecting and self.collecting[-1] is element:
                self.collecting.pop()
            if element.tag == tag:
                return

    def said(self, text: str) -> None:
        text = unescape(_HUGE.sub("", text)) if "&" in text else text
        if self.open:
            self.open[-1].text.append(text)
        for outer in self.collecting:
            outer.words.append(text)
        if self.code:
            self.document.codes.append(text)
            self.line.append(" ")
        else:
            self.line.append(text)

    def raw(self, tag: str, text: str) -> None:
        if tag == "style":
            self.document.styles.append(text)
        elif tag == "title":
            self.document.titles.append(" ".join(unescape(_HUGE.sub("", text)).split()))

    def flush(self) -> None:
        line, self.line = " ".join("".join(self.line).split()), []
        if line:
            self.document.blocks.append(line)


def read_html(html: str) -> Document:
    """Any text as a Document; never fails, in time linear to its length."""
    reader, position = _Reader(), 0
    reader.document.size = len(html.encode("utf-8", "replace"))
    while position < len(html):
        start = html.find("<", position)
        if start < 0:
            reader.said(html[position:])
            break
        if start > position:
            reader.said(html[position:start])
        position = _markup(html, start, reader)
    reader.flush()
    return reader.document


def _markup(html: str, start: int, reader: _Reader) -> int:
    """What begins with a ``<``; where to go on."""
    if html.startswith("<!--", start):
        end = html.find("-->", start + 4)
        reader.document.comments.append(html[start + 4 : end if end >= 0 else len(html)])
        return end + 3 if end >= 0 else len(html)
    if html.startswith(("<!", "<?"), start):
        end = html.find(">", start)
        return end + 1 if end >= 0 else len(html)
    if html.startswith("</", start):
        name = _NAME.match(html, start + 2)
        end = html.find(">", start)
        if end < 0:
            return len(html)
        reader.closed(name[0].lower() if name else "")
        return end + 1
    name = _NAME.match(html, start + 1)
    if not name:
        reader.said("<")
        return start + 1
    return _element(html, start, name[0].lower(), name.end(), reader)


def _element(html: str, start: int, tag: str, position: int, reader: _Reader) -> int:
    attrs: dict[str, str] = {}
    while match := _PIECE.match(html, position):
        if match[0] == ">":
            reader.opened(Element(tag, attrs, start))
            return _raw_text(html, tag, match.end(), reader)
        if match[0] == "<":
            return match.start()  # the tag was never closed: another begins
        position = match.end()
        if match[1] and len(attrs) < MAX_ATTRIBUTES:
            value = match[2] or match[3] or match[4] or ""
            attrs.setdefault(match[1].lower(), unescape(_HUGE.sub("", value)) if "&" in value else value)
    return len(html)  # it ends within a tag


def _raw_text(html: str, tag: str, position: int, reader: _Reader) -> int:
    """The text of elements that hold no markup, up to their end tag."""
    if tag not in _RAW:
        return position
    end = re.compile(rf"</{tag}[\s/>]", re.IGNORECASE).search(html, position)
    stop = end.start() if end else len(html)
    reader.raw(tag, html[position:stop])
    return stop
