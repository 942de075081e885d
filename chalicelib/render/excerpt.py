"""Excerpts: the first plain sentences of content HTML."""

import re
from collections.abc import Iterable
from functools import lru_cache

from chalicelib.render.text import cut, one_line
from chalicelib.render.walker import BLOCKS, HEADINGS, Walker

_BREAKS = BLOCKS | {"br", "tr", "td", "th"}
_OPEN_END = re.compile(r"[^\s.!?…:;,]\Z")
_LEFT_OUT = HEADINGS | {"pre", "table", "figcaption", "sup"}


class _Sentences(Walker):
    """Collects the running text: blocks are parted by newlines; tables, code and headings are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.out: list[str] = []
        self.hidden = 0

    def opened(self, tag: str, attrs: dict[str, str]) -> None:
        if tag in _LEFT_OUT:
            self.hidden += 1
        if tag in _BREAKS:
            self.out.append("\n")

    def closed(self, tag: str) -> None:
        if tag in _LEFT_OUT and self.hidden:
            self.hidden -= 1
        if tag == "li" and not self.hidden:
            self._end_item()
        if tag in _BREAKS:
            self.out.append("\n")

    def _end_item(self) -> None:
        """Items of a list don't run into one another."""
        while self.out and not self.out[-1].strip():
            self.out.pop()
        if self.out and _OPEN_END.search(self.out[-1].rstrip()):
            self.out[-1] = self.out[-1].rstrip() + ";"

    def said(self, text: str) -> None:
        if not self.hidden:
            self.out.append(text.replace("\n", " "))

    def paragraphs(self) -> Iterable[str]:
        self.close()
        return filter(None, (one_line(line) for line in "".join(self.out).split("\n")))


_WIDEST = 40
"""Characters of a word that an excerpt has room for, on average: some text has no blanks."""
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»“)\]]*$")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-zÄÖÜ]|\d{1,2}|[A-Za-z]\.[A-Za-z]|bzw|ca|Dr|Prof|Mr|Ms|etc|vs|inkl|Nr|St|usw)\.$"
)


@lru_cache(maxsize=1024)  # the variants of an edition share most of what they hold
def plain_text(html: str) -> str:
    """The running text of HTML on one line."""
    walker = _Sentences()
    walker.feed(html)
    return " ".join(walker.paragraphs())


def excerpt(text: str, words: int = 45) -> str:
    """The first sentences of plain text, about ``words`` words; cut with an ellipsis where none ends by then.

    A sentence end counts from a third of ``words`` on. Initials, ordinals (German ``3. Mai``) and common
    abbreviations end none.
    """
    found = text.split()
    if len(found) <= words:
        return cut(" ".join(found), _WIDEST * words)
    for count in range(words, words // 3, -1):
        head = " ".join(found[:count])
        if len(head) <= _WIDEST * words and _SENTENCE_END.search(head) and not _ABBREVIATION.search(head):
            return head
    return cut(" ".join(found[:words]), _WIDEST * words).rstrip(" ,;:–—-…") + "…"
