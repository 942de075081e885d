"""Content HTML in mails: sanitised HTML in, mail HTML with inline styles out.

The writer is an allow-list of its own that closes what it opens, so that content which reached us
unsanitised can neither be active nor break the letter around it.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from markupsafe import escape

from chalicelib.render.look import ALERTS, Look
from chalicelib.render.personal import mark, web_link
from chalicelib.render.text import ascii_url, direction, one_line
from chalicelib.render.walker import HEADINGS, VOID, Walker

MAX_DEPTH = 24
IMAGE_WIDTH = 552
"""Pixels: the column of 600 without its 24 px sides."""

_PLAIN = {
    "strong", "b", "em", "i", "u", "s", "del", "ins", "sub", "sup", "small", "mark", "q", "abbr", "cite", "kbd", "samp",
    "var", "br", "wbr", "div", "span", "section", "thead", "tbody", "tfoot", "tr", "dl", "caption", "bdi",
}  # fmt: skip
_STYLED = {
    "p", "ul", "ol", "li", "dt", "dd", "table", "th", "td", "blockquote", "pre", "code", "figure", "figcaption", "hr",
}  # fmt: skip
_ALLOWED = _PLAIN | HEADINGS | _STYLED | {"a", "img"}
_BUTTON = re.compile(r'<p><strong>(<a href="[^"<>]*")[^<>]*>([^<>]+)</a></strong></p>')
_TASK = re.compile("<li>([☐☑]) ")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


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
        self.open: list[tuple[str, str]] = []  # (source tag, what closes it or '' where only the text is kept)

    def opened(self, tag: str, attrs: dict[str, str]) -> None:
        if tag == "img":
            self.out.append(_image(attrs, self.look))
        elif tag in VOID:
            self.out.append(f"<{tag}{self.look.style(tag)}>")
        else:
            end, start = self._start(tag, attrs) if len(self.open) < MAX_DEPTH else ("", "")
            # Beyond any sane document depth nothing is tracked, so that hostile nesting stays linear.
            if end or len(self.open) < MAX_DEPTH:
                self.open.append((tag, end))
            self.out.append(start)

    def _start(self, tag: str, attrs: dict[str, str]) -> tuple[str, str]:
        if tag not in _ALLOWED:
            return "", ""
        if tag == "a":
            return self._link(attrs)
        if tag in HEADINGS:
            level = self.headings.level(int(tag[1]))
            return f"</h{level}>", f"<h{level}{self.look.style('heading')}{_language(attrs)}>"
        if marked := attrs.get("class", ""):
            return self._marked(tag, marked, attrs)
        style = self.look.style(tag) if tag in _STYLED else ""
        return f"</{tag}>", f"<{tag}{_aligned(tag, attrs, style)}{_language(attrs)}{_spans(tag, attrs)}>"

    def _link(self, attrs: dict[str, str]) -> tuple[str, str]:
        href = attrs.get("href", "")
        url = web_link(href, personal=self.personal)
        if not url:
            return "", ""
        if attrs.get("class") == "button":
            cell = f'<td class="f"{self.look.style("button-cell")}>'
            table = f'<table role="presentation" cellpadding="0" cellspacing="0" border="0"{self.look.style("button")}>'
            link = f'<a class="f" href="{escape(url)}"{self.look.style("button-link")}>'
            return "</a></td></tr></table>", f"{table}<tr>{cell}{link}"
        return "</a>", f'<a href="{escape(url)}"{self.look.style("a")}{_language(attrs)}>'

    def _marked(self, tag: str, marked: str, attrs: dict[str, str]) -> tuple[str, str]:
        """Elements whose class says what they are: alerts, their titles, the footnotes."""
        words = marked.split(" ")
        if "footnotes" in words:
            return f"</{tag}>", f'<{tag} class="n h"{self.look.style("footnotes")}>'
        if "markdown-alert-title" in words:
            return f"</{tag}>", f'<{tag} class="c"{self.look.style("alert-title")}>'
        if "markdown-alert" in words:
            return f"</{tag}>", f'<{tag} class="r"{self.look.style("alert")}{_language(attrs)}>'
        if tag == "li" and "task" in words:
            return "</li>", f"<li{self.look.style('task')}>"
        return f"</{tag}>", f"<{tag}{self.look.style(tag) if tag in _STYLED else ''}{_language(attrs)}>"

    def closed(self, tag: str) -> None:
        if not any(source == tag for source, _ in self.open):
            return
        while self.open:
            source, end = self.open.pop()
            self.out.append(end)
            if source == tag:
                return

    def said(self, text: str) -> None:
        self.out.append(str(escape(mark(text) if self.personal else text)))

    def result(self) -> str:
        self.close()
        self.out.extend(end for _, end in reversed(self.open))
        return "".join(self.out).strip()


def mail_html(html: str, look: Look | None = None, *, base_level: int = 3, personal: bool = False) -> str:
    """Styled mail HTML of sanitised HTML; its headings begin at ``base_level`` and skip none.

    ``personal`` turns ``{name|friend}`` in its text and links into tokens: for editors' texts only, never for news
    from elsewhere. Links that are not absolute http, https or mailto lose their ``a`` and keep their text. A
    paragraph that is nothing but a link in bold becomes a button.
    """
    return _mail_html(html, look or Look(), base_level, personal)


@lru_cache(maxsize=1024)  # the variants of an edition share most of what they hold
def _mail_html(html: str, look: Look, base_level: int, personal: bool) -> str:
    writer = _Writer(look, base_level, personal)
    html = _TASK.sub(r'<li class="task">\1&nbsp; ', worded_alerts(html, look))
    writer.feed(_BUTTON.sub(r'\1 class="button">\2</a>', html))
    return writer.result()


def worded_alerts(html: str, look: Look) -> str:
    """The titles that GitHub's alerts have by themselves, in the reader's language."""
    if "markdown-alert-title" not in html:
        return html
    for kind, name in ALERTS.items():
        html = html.replace(
            f'"markdown-alert-title">{name}</p>', f'"markdown-alert-title">{escape(look.alert(kind))}</p>'
        )
    return html


def _aligned(tag: str, attrs: dict[str, str], style: str) -> str:
    """A cell's style with the column's alignment that Markdown gave."""
    if tag in ("td", "th") and attrs.get("align") in ("center", "right"):
        return style.replace("text-align:start", f"text-align:{'center' if attrs['align'] == 'center' else 'end'}")
    return style


def _language(attrs: dict[str, str]) -> str:
    tag = attrs.get("lang", "")
    return f' lang="{tag}" dir="{direction(tag)}"' if _LANGUAGE.fullmatch(tag) else ""


def _spans(tag: str, attrs: dict[str, str]) -> str:
    if tag not in ("td", "th"):
        return ""
    spans = ((name, attrs.get(name, "")) for name in ("colspan", "rowspan"))
    return "".join(f' {name}="{value}"' for name, value in spans if re.fullmatch(r"[1-9]\d?", value))


def _image(attrs: dict[str, str], look: Look) -> str:
    """An image at an https URL, never wider than the column; others leave their alt text."""
    alt = one_line(attrs.get("alt", ""))
    src = ascii_url(attrs.get("src", ""))
    if not src.startswith("https://"):
        return str(escape(alt))
    width = attrs.get("width", "")
    shown = min(int(width), IMAGE_WIDTH) if re.fullmatch(r"[1-9]\d{0,3}", width) else IMAGE_WIDTH
    return f'<img src="{escape(src)}" alt="{escape(alt)}" width="{shown}"{look.style("img")}>'
