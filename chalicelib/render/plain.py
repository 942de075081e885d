"""Plain text parts: sanitised HTML as wrapped text with numbered links, one list of links per mail."""

import re
from dataclasses import dataclass, field

from chalicelib.render.personal import mark, shown_length, web_link
from chalicelib.render.plain_table import Table, table_text
from chalicelib.render.text import columns, one_line
from chalicelib.render.walker import BLOCKS, HEADINGS, Walker

WIDTH = 72
"""Columns: what survives a few levels of quoting in an 80-column mail reader."""


@dataclass(slots=True)
class LinkList:
    """The links of one mail, numbered from 1 in the order of first mention; the same URL has one number."""

    urls: list[str] = field(default_factory=list)

    def ref(self, url: str) -> str:
        """``[3]`` for a link, '' for none. Takes a URL or a personal token."""
        if not url:
            return ""
        if url not in self.urls:
            self.urls.append(url)
        return f"[{self.urls.index(url) + 1}]"


def wrap(text: str, width: int = WIDTH, *, first: str = "", rest: str = "") -> str:
    """Text wrapped at blanks, never inside a word or a personal token; newlines in it stay.

    ``first`` begins the first line and ``rest`` each later one; both count towards ``width``.
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        prefix = rest if lines else first
        line, length = prefix, len(prefix)
        empty = True
        for word in paragraph.split():
            size = shown_length(word)
            if not empty and length + 1 + size > width:
                lines.append(line)
                line, length, empty = rest, len(rest), True
            line += word if empty else " " + word
            length += size if empty else size + 1
            empty = False
        lines.append(line.rstrip())
    return "\n".join(lines)


@dataclass(slots=True)
class _Prefix:
    """Begins the lines of a quote or list item: ``first`` once, then ``rest``."""

    tag: str
    first: str
    rest: str

    def take(self) -> str:
        now, self.first = self.first, self.rest
        return now


class _Plain(Walker):
    def __init__(self, links: LinkList, width: int, personal: bool) -> None:
        super().__init__()
        self.personal = personal
        self.links = links
        self.width = width
        self.blocks: list[tuple[bool, str]] = []  # (an item of a list that goes on, text)
        self.run: list[str] = []
        self.prefixes: list[_Prefix] = []
        self.counters: list[int] = []
        self.hrefs: list[str] = []
        self.table: Table | None = None
        self.pre = False
        self.in_list = False
        self.shouting = False
        self.divs: list[bool] = []  # whether an open div is an alert

    def opened(self, tag: str, attrs: dict[str, str]) -> None:
        if tag == "a":
            self.hrefs.append(web_link(attrs.get("href", ""), personal=self.personal))
        elif tag == "img":
            self.run.append(one_line(attrs.get("alt", "")))
        elif tag == "br":
            self.run.append("\n")
        elif self.table is not None and tag in ("tr", "td", "th"):
            self._cell(tag, attrs)
        else:
            self._block(tag, attrs)

    def _cell(self, tag: str, attrs: dict[str, str]) -> None:
        assert self.table is not None  # noqa: S101 - the caller saw it
        self._end_cell()
        if tag == "tr":
            self.table.rows.append([])
        elif self.table.rows:
            self.table.header |= tag == "th" and len(self.table.rows) == 1
            self.table.add_cell(attrs.get("align", ""))

    def _block(self, tag: str, attrs: dict[str, str]) -> None:
        if tag not in BLOCKS:
            return
        self.flush()
        if tag == "table" and self.table is None:
            self.table = Table()
        elif tag in ("ul", "ol"):
            start = attrs.get("start", "")
            self.counters.append(0 if tag == "ul" else (int(start) if re.fullmatch(r"\d{1,4}", start) else 1))
        elif tag == "li":
            self._item()
        elif tag == "blockquote" and len(self.prefixes) < 8:
            self.prefixes.append(_Prefix(tag, "> ", "> "))
        elif tag == "div":
            self._div("markdown-alert" in attrs.get("class", "").split(" "))
        elif attrs.get("class"):
            self.shouting = attrs["class"] == "markdown-alert-title"
            if attrs["class"] == "footnotes":
                self._add(["-" * 20])
        elif tag == "pre":
            self.pre = True
        elif tag == "hr":
            self._add(["-" * 20])

    def _div(self, alert: bool) -> None:
        alert = alert and len(self.prefixes) < 8
        self.divs.append(alert)
        if alert:
            self.prefixes.append(_Prefix("div", "| ", "| "))

    def _item(self) -> None:
        if len(self.prefixes) >= 8:
            return
        number = self.counters[-1] if self.counters else 0
        mark = f"{number}. " if number else "- "
        if number:
            self.counters[-1] += 1
        self.prefixes.append(_Prefix("li", mark, " " * len(mark)))

    def closed(self, tag: str) -> None:
        if tag == "a":
            if self.hrefs and (url := self.hrefs.pop()):
                self.run.append(f" {self.links.ref(url)}")
        elif self.table is not None and tag in ("tr", "td", "th"):
            self._end_cell()
        elif tag in BLOCKS:
            self._end_block(tag)

    def _end_block(self, tag: str) -> None:
        if tag == "table" and self.table is not None:
            self._end_cell()
            table, self.table = self.table, None
            self._add(table_text(table, self.width - self._indent()).split("\n"))
            return
        self.flush(underline=tag in HEADINGS)
        if tag == "pre":
            self.pre = False
        elif tag in ("ul", "ol") and self.counters:
            self.counters.pop()
        elif self._prefixed(tag):
            while self.prefixes.pop().tag != tag:
                pass

    def _prefixed(self, tag: str) -> bool:
        """Whether the element that ends began the lines in it."""
        if tag == "div" and not (self.divs and self.divs.pop()):
            return False
        return tag in ("li", "blockquote", "div") and any(prefix.tag == tag for prefix in self.prefixes)

    def said(self, text: str) -> None:
        if self.personal:
            text = mark(text)
        self.run.append(text if self.pre else re.sub(r"\s+", " ", text))

    def _end_cell(self) -> None:
        text, self.run = one_line("".join(self.run)), []
        if text and self.table is not None and self.table.rows and self.table.rows[-1]:
            cells = self.table.rows[-1]
            cells[-1] = f"{cells[-1]} {text}".strip()

    def _indent(self) -> int:
        return sum(len(prefix.rest) for prefix in self.prefixes)

    def _lead(self) -> str:
        return "".join(prefix.take() for prefix in self.prefixes)

    def _add(self, lines: list[str]) -> None:
        items = [prefix for prefix in self.prefixes if prefix.tag == "li"]
        close = bool(items) and items[-1].first != items[-1].rest and self.in_list
        self.in_list = bool(items)
        self.blocks.append((close, "\n".join((self._lead() + line).rstrip() for line in lines)))

    def flush(self, *, underline: bool = False) -> None:
        """End the paragraph that is being collected."""
        if self.table is not None:
            return
        text, self.run = "".join(self.run), []
        if not text.strip():
            return
        if self.pre:
            self._add(["    " + line for line in text.strip("\n").split("\n")])
            return
        text = "\n".join(line.strip() for line in text.strip().split("\n"))
        if self.shouting:
            text, self.shouting = text.upper(), False
        lines = wrap(text, max(20, self.width - self._indent())).split("\n")
        if underline:
            lines.append("-" * min(self.width, max(columns(line) for line in lines)))
        self._add(lines)

    def result(self) -> str:
        """Blocks parted by an empty line; the items of a list stand close."""
        self.close()
        while self.hrefs:
            self.closed("a")
        self._end_block("table")
        self.flush()
        return "".join(("\n" if close else "\n\n") + text for close, text in self.blocks).lstrip("\n")


def to_plain(html: str, links: LinkList, width: int = WIDTH, *, personal: bool = False) -> str:
    """Sanitised HTML as text of at most ``width`` columns (longer only where one word is).

    Each link is followed by its number in ``links``. Code keeps its lines, quotes begin with ``>``.
    ``personal`` is that of ``mail_html``.
    """
    walker = _Plain(links, width, personal)
    walker.feed(html)
    return walker.result()
