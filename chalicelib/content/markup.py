"""Markdown and foreign HTML become sanitised HTML: well formed, absolute https links, nothing active.

Every pattern here is linear in the text, whatever stands in it: what a stranger's feed holds is not ours to trust.
"""

import re
from functools import lru_cache, partial
from html import escape, unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import nh3

from chalicelib.content.nesting import nesting
from chalicelib.content.shortcodes import without_shortcodes

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MAX_HTML_CHARS = 1_000_000
MAX_MARKDOWN_CHARS = 200_000
MAX_MARKS = 10_000
MAX_WORD = 2_000
"""Characters without a blank in which links are looked for: the search is quadratic in them."""
MAX_DEPTH = 60
"""nh3 is quadratic in depth and MJML dies of it: deeper HTML is reduced to its text."""
MAX_WORK = 2_000_000
"""Depth times tags: a parser may have to open every open element again for every tag."""

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
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "div": {"class"},
    "p": {"class"},
    "section": {"class"},
    "*": {"lang", "dir"},
}
_DROPPED_WITH_CONTENT = {"script", "style", "template", "iframe", "object", "svg", "math", "noscript", "title"}
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_EMPTY_LINK = re.compile(r"""(<(?:a|img)\b[^<>]*?)\s(?:href|src)\s*+=\s*+(["'])\s*+\2""")
_MARKS = re.compile(r"[\[\]()*_~!`<|]")
_CLASS = re.compile(r"markdown-alert(?:-title|-(?:note|tip|important|warning|caution))?|footnotes")
"""Of classes only those stay that say what an element is."""
_TICK = re.compile(r'<input class="task-list-item-checkbox"[^<>]*?( checked="")?>')
_ALIGN = re.compile(r'(<t[dh]) style="text-align:(left|center|right)">')
_PRE = re.compile(r"(<pre[^<>]*>)\n+")
"""The parser drops a line end here each time it reads one."""
_LONG_WORD = re.compile(rf"\S{{{MAX_WORD}}}")
_ZERO_WIDTH = dict.fromkeys([*range(0x00, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, 0x202D, 0x202E, 0xFEFF])


@lru_cache(maxsize=512)  # a long-running tick reads the same posts again and again
def markdown_to_html(text: str, base_url: str) -> str:
    """GitHub-flavoured Markdown with footnotes as sanitised HTML; relative links resolved against ``base_url``."""
    plain = without_shortcodes(text[:MAX_MARKDOWN_CHARS])
    if sum(1 for _ in _MARKS.finditer(plain)) > MAX_MARKS:
        return sanitise(f"<p>{escape(plain)}</p>", base_url)  # no text, but an attack on the parser
    parser = _markdown(linkify=not _LONG_WORD.search(plain))
    html = _EMPTY_LINK.sub(r"\1", str(parser.render(plain)))
    html = _TICK.sub(lambda match: "☑" if match[1] else "☐", html)
    return sanitise(_ALIGN.sub(r'\1 align="\2">', html), base_url)


def sanitise(html: str, base_url: str) -> str:
    """HTML of anybody as HTML that may stand in a mail. Too long is cut, too deep becomes its text."""
    html = html[:MAX_HTML_CHARS].encode("utf-8", "replace").decode().translate(_ZERO_WIDTH)
    deepest, tags = nesting(html)
    if deepest * tags > MAX_WORK:
        html, deepest = _flat(html), 0
    clean = _clean(html, base_url)
    if deepest > MAX_DEPTH and nesting(clean)[0] > MAX_DEPTH:
        clean = _clean(_flat(html), base_url)
    if clean != (visible := clean.translate(_ZERO_WIDTH)):
        clean = _clean(visible, base_url)  # they came as entities; without them a text may mean something else
    return clean


def _flat(html: str) -> str:
    return _TAG.sub(" ", html).replace("<", "&lt;")


def _clean(html: str, base_url: str) -> str:
    relative: Any = ("rewrite_with_base", base_url) if is_base(base_url) else "deny"
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attribute_filter=partial(_filter, base_url),
        url_schemes={"http", "https", "mailto"},
        url_relative=relative,
        link_rel=None,
    )
    return _PRE.sub(r"\1", clean).strip()


def plain_text(html: str) -> str:
    """The text of sanitised HTML on one line, entities resolved; for matching and detection, not for reading."""
    return " ".join(unescape(_TAG.sub(" ", html)).split())


def one_line(text: str, limit: int = 300) -> str:
    """Foreign text as one line without controls, overrides of direction and lone surrogates; cut at ``limit``."""
    visible = text[: 10 * limit].encode("utf-8", "replace").decode()
    return " ".join(visible.translate(_ZERO_WIDTH).split())[:limit].rstrip()


@lru_cache(maxsize=512)
def is_base(url: str) -> bool:
    """Whether relative links can be resolved against a URL, by the judgement of the sanitiser itself."""
    if not url:
        return False
    try:
        nh3.clean("", url_relative=("rewrite_with_base", url))
    except ValueError:
        return False
    return True


def _filter(base_url: str, tag: str, attribute: str, value: str) -> str | None:
    value = " ".join(value.split())
    if tag == "img" and attribute == "src":
        try:
            value = urljoin(base_url, value)
        except ValueError:  # a broken IPv6 address
            return None
        return value if value.startswith("https://") else None  # a mail loads pictures over TLS or not at all
    if attribute == "class":
        return " ".join(word for word in value.split(" ") if _CLASS.fullmatch(word)) or None
    if attribute == "align":
        return value if value in ("left", "center", "right") else None
    return value


@lru_cache(maxsize=2)
def _markdown(*, linkify: bool) -> "MarkdownIt":
    from markdown_it import MarkdownIt  # 46 ms: only where Markdown is read
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("gfm-like2", {"html": True, "linkify": linkify}).use(footnote_plugin)
    # A mail is one of many on a screen: links within it lead nowhere, so a footnote has its number alone.
    parser.add_render_rule("footnote_ref", _footnote_number)
    parser.add_render_rule("footnote_anchor", lambda *_: "")
    parser.add_render_rule("footnote_open", lambda *_: "<li>")
    parser.add_render_rule("footnote_block_open", lambda *_: '<section class="footnotes">\n<ol>\n')
    return parser


def _footnote_number(_renderer: Any, tokens: Any, index: int, _options: Any, _env: Any) -> str:
    return f"<sup>[{tokens[index].meta['id'] + 1}]</sup>"
