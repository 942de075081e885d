"""The walk through content HTML that excerpts, mail HTML and plain text share."""

import re
from html.parser import HTMLParser

from chalicelib.render.text import clean

Attributes = list[tuple[str, str | None]]

DROPPED = {"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title", "head"}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
VOID = {"br", "hr", "img", "wbr"}
BLOCKS = HEADINGS | {
    "p", "div", "section", "article", "header", "footer", "figure", "figcaption", "ul", "ol", "li", "dl", "dt", "dd",
    "table", "blockquote", "pre", "hr", "caption", "details", "summary",
}  # fmt: skip
"""Elements that end the line before them and after them."""


_DECLARED = re.compile("<[!?]")
_NO_TAG = re.compile("<(?!/?[A-Za-z])")
_ENDS = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<", ">"))


def only_tags(html: str) -> str:
    """HTML without comments and declarations, and with no ``<`` but those of tags.

    HTMLParser looks for the end of each, again and again where there is none.
    """
    kept: list[str] = []
    place = 0
    while found := _DECLARED.search(html, place):
        start = found.start()
        kept.append(html[place:start])
        end = next(end for begin, end in _ENDS if html.startswith(begin, start))
        place = html.find(end, start + 2)
        if place < 0:
            break
        place += len(end)
    if place >= 0:
        kept.append(html[place:])
    return _NO_TAG.sub("&lt;", "".join(kept))


class Walker(HTMLParser):
    """HTMLParser that skips the insides of active elements and cleans text; subclasses write."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._skipping = ""

    def feed(self, data: str) -> None:
        """Read a whole text: it is not to be fed in pieces."""
        super().feed(only_tags(data))

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """Hand an element to ``opened`` unless it stands in something dropped."""
        if self._skipping:
            return
        if tag in DROPPED:
            self._skipping = tag
            return
        self.opened(tag, {name: clean(value or "") for name, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        """Hand an end tag to ``closed``."""
        if tag == self._skipping:
            self._skipping = ""
        elif not self._skipping:
            self.closed(tag)

    def handle_data(self, data: str) -> None:
        """Hand text to ``said``."""
        if not self._skipping:
            self.said(clean(data))

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        """``<br/>`` is ``<br>``; ``<div/>`` opens and closes."""
        if tag in DROPPED:
            return
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def opened(self, tag: str, attrs: dict[str, str]) -> None:
        """An element begins."""

    def closed(self, tag: str) -> None:
        """An element ends, perhaps one that never began."""

    def said(self, text: str) -> None:
        """Character data, references resolved."""
