"""Content HTML in mails: sanitised HTML in, mail HTML with inline styles out.

The writer is an allow-list of its own that closes what it opens, so that content which reached us
unsanitised can neither be active nor break the letter around it.
"""

import re
from dataclasses import dataclass, field

from markupsafe import escape

from chalicelib.render.personal import mark
from chalicelib.render.text import ascii_url, direction, one_line
from chalicelib.render.walker import HEADINGS, VOID, Walker

MAX_DEPTH = 24
IMAGE_WIDTH = 552
"""Pixels: the column of 600 without its 24 px sides."""

_MONO = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:14px"
_CELL = "padding:4px 10px 4px 0;border-bottom:1px solid #d8dee4;text-align:start;vertical-align:top"
_STYLES = {
    "p": "margin:0 0 12px",
    "ul": "margin:0 0 12px;padding:0 0 0 22px",
    "ol": "margin:0 0 12px;padding:0 0 0 22px",
    "li": "margin:0 0 4px",
    "dt": "font-weight:600",
    "dd": "margin:0 0 8px 22px",
    "table": "width:100%;margin:0 0 12px;border-collapse:collapse;font-size:14px;line-height:20px",
    "th": _CELL + ";font-weight:600",
    "td": _CELL,
    "blockquote": "margin:0 0 12px;padding:0 0 0 16px;border-inline-start:3px solid #d8dee4",
    "pre": f"margin:0 0 12px;padding:12px;background:#f6f8fa;line-height:20px;white-space:pre-wrap;{_MONO}",
    "code": _MONO,
    "figure": "margin:0 0 12px",
    "figcaption": "font-size:13px;line-height:20px",
    "hr": "border:0;border-top:1px solid #d8dee4;margin:16px 0",
}
_PLAIN = {
    "strong", "b", "em", "i", "u", "s", "del", "ins", "sub", "sup", "small", "mark", "q", "abbr", "cite", "kbd", "samp",
    "var", "br", "wbr", "div", "span", "section", "thead", "tbody", "tfoot", "tr", "dl", "caption", "bdi",
}  # fmt: skip
_ALLOWED = _PLAIN | HEADINGS | set(_STYLES) | {"a", "img"}


@dataclass(frozen=True, slots=True)
class Look:
    """What the theme decides about content; colours are #rrggbb, fonts CSS stacks."""

    accent: str = "#0b5cad"
    title_font: str = "Georgia, 'Times New Roman', serif"


@dataclass(slots=True)
class _Headings:
    """Maps the levels an author used to consecutive ones from ``base`` down (WCAG: no level is skipped)."""

    base: int
    stack: list[int] = field(default_factory=list)

    def level(self, source: int) -> int:
        while self.stack and self.stack[-1] >= source:
            self.stack.pop()
        self.stack.append(source)
        return min(6, self.base + len(self.stack) - 1)


class _Writer(Walker):
    def __init__(self, look: Look, base_level: int, personal: bool) -> None:
        super().__init__()
        self.look = look
        self.personal = personal
        self.headings = _Headings(base_level)
        self.out: list[str] = []
        self.open: list[tuple[str, str]] = []  # (source tag, written tag or '' where only the text is kept)

    def opened(self, tag: str, attrs: dict[str, str]) -> None:
        if tag == "img":
            self.out.append(_image(attrs))
        elif tag in VOID:
            self.out.append(f"<{tag}{_style(tag)}>")
        else:
            written, start = self._start(tag, attrs) if len(self.open) < MAX_DEPTH else ("", "")
            # Beyond any sane document depth nothing is tracked, so that hostile nesting stays linear.
            if written or len(self.open) < MAX_DEPTH:
                self.open.append((tag, written))
            self.out.append(start)

    def _start(self, tag: str, attrs: dict[str, str]) -> tuple[str, str]:
        if tag not in _ALLOWED:
            return "", ""
        if tag == "a":
            href = ascii_url(attrs.get("href", ""))
            style = f"color:{self.look.accent}"
            return ("a", f'<a href="{escape(href)}" style="{style}"{_language(attrs)}>') if href else ("", "")
        if tag in HEADINGS:
            level = self.headings.level(int(tag[1]))
            return (
                f"h{level}",
                f'<h{level} style="margin:20px 0 8px;font:600 18px/26px {self.look.title_font}"{_language(attrs)}>',
            )
        return tag, f"<{tag}{_style(tag)}{_language(attrs)}{_spans(tag, attrs)}>"

    def closed(self, tag: str) -> None:
        if not any(source == tag for source, _ in self.open):
            return
        while self.open:
            source, written = self.open.pop()
            if written:
                self.out.append(f"</{written}>")
            if source == tag:
                return

    def said(self, text: str) -> None:
        self.out.append(str(escape(mark(text) if self.personal else text)))

    def result(self) -> str:
        self.close()
        for _, written in reversed(self.open):
            if written:
                self.out.append(f"</{written}>")
        return "".join(self.out).strip()


def mail_html(html: str, look: Look | None = None, *, base_level: int = 3, personal: bool = False) -> str:
    """Styled mail HTML of sanitised HTML; its headings begin at ``base_level`` and skip none.

    ``personal`` turns ``{name|friend}`` in its text into tokens: for editors' texts only, never for news
    from elsewhere. Links that are not absolute http, https or mailto lose their ``a`` and keep their text.
    """
    writer = _Writer(look or Look(), base_level, personal)
    writer.feed(html)
    return writer.result()


def _style(tag: str) -> str:
    return f' style="{_STYLES[tag]}"' if tag in _STYLES else ""


def _language(attrs: dict[str, str]) -> str:
    tag = attrs.get("lang", "")
    if not re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", tag):
        return ""
    return f' lang="{tag}" dir="{direction(tag)}"'


def _spans(tag: str, attrs: dict[str, str]) -> str:
    if tag not in ("td", "th"):
        return ""
    spans = ((name, attrs.get(name, "")) for name in ("colspan", "rowspan"))
    return "".join(f' {name}="{value}"' for name, value in spans if re.fullmatch(r"[1-9]\d?", value))


def _image(attrs: dict[str, str]) -> str:
    """An image at an https URL, never wider than the column; others leave their alt text."""
    alt = one_line(attrs.get("alt", ""))
    src = ascii_url(attrs.get("src", ""))
    if not src.startswith("https://"):
        return str(escape(alt))
    width = attrs.get("width", "")
    shown = min(int(width), IMAGE_WIDTH) if re.fullmatch(r"[1-9]\d{0,3}", width) else IMAGE_WIDTH
    style = "max-width:100%;height:auto"
    return f'<img src="{escape(src)}" alt="{escape(alt)}" width="{shown}" style="{style}">'
