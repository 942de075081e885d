"""Markdown and foreign HTML become sanitised HTML: well formed, absolute https links, nothing active."""

import re
from functools import lru_cache
from html import unescape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin

MAX_HTML_CHARS = 1_000_000
MAX_DEPTH = 60
"""nh3 is quadratic in depth and MJML dies of it: deeper HTML is reduced to its text."""

_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "cite", "code", "dd", "del", "div", "dl", "dt", "em",
    "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "kbd", "li", "mark", "ol", "p",
    "pre", "q", "s", "samp", "section", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot",
    "th", "thead", "tr", "u", "ul", "var",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "*": {"lang", "dir"},
}
_DROPPED_WITH_CONTENT = {"script", "style", "template", "iframe", "object", "svg", "math", "noscript", "title"}
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)[^>]*?(/?)>")
_VOID = {"br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "source", "track", "wbr"}
_LIQUID = re.compile(r"\{%-?.*?-?%\}|\{\{.*?\}\}", re.DOTALL)
_LIQUID_BLOCK = re.compile(r"\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}", re.DOTALL)
_EMPTY_LINK = re.compile(r"""(?:href|src)\s*=\s*(["'])\s*\1""")
_KRAMDOWN = re.compile(r"^[ \t]*\{:.*?\}[ \t]*$|\{:[^}\n]*\}", re.MULTILINE)
_ZERO_WIDTH = dict.fromkeys([*range(0x00, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, 0x202D, 0x202E, 0xFEFF])


@lru_cache(maxsize=512)  # a long-running tick reads the same posts again and again
def markdown_to_html(text: str, base_url: str) -> str:
    """GitHub-flavoured Markdown with footnotes as sanitised HTML; relative links resolved against ``base_url``."""
    plain = _KRAMDOWN.sub("", _LIQUID.sub("", _LIQUID_BLOCK.sub("", text[:MAX_HTML_CHARS])))
    return sanitise(str(_markdown().render(_EMPTY_LINK.sub("", plain))), base_url)


def sanitise(html: str, base_url: str) -> str:
    """HTML of anybody as HTML that may stand in a mail. Too long is cut, too deep becomes its text."""
    html = html[:MAX_HTML_CHARS].translate(_ZERO_WIDTH)
    if depth(html) > MAX_DEPTH:
        html = _TAG.sub(" ", html)
    relative: Any = ("rewrite_with_base", base_url) if base_url else "deny"
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attribute_filter=_filter,
        url_schemes={"http", "https", "mailto"},
        url_relative=relative,
        link_rel=None,
    ).strip()


def plain_text(html: str) -> str:
    """The text of sanitised HTML on one line, entities resolved; for matching and detection, not for reading."""
    return " ".join(unescape(_TAG.sub(" ", html)).split())


def depth(html: str) -> int:
    """How deep tags are nested at most, as a bound from above (unclosed tags count on)."""
    deepest = level = 0
    for closing, name, empty in _TAG.findall(html):
        if closing:
            level = max(0, level - 1)
        elif not empty and name.lower() not in _VOID and name.lower() not in {"p", "li", "td", "th", "tr"}:
            level += 1
            deepest = max(deepest, level)
    return deepest


def _filter(tag: str, attribute: str, value: str) -> str | None:
    if tag == "img" and attribute == "src" and not value.startswith("https://"):
        return None  # a mail loads pictures over TLS or not at all
    return " ".join(value.split())


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    return MarkdownIt("gfm-like2", {"html": True, "linkify": True}).use(footnote_plugin)
