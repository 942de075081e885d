"""What stands above a post's "read more": its own summary, where the front matter has none."""

import re

from chalicelib.content.markup import markdown_to_html, plain_text

MAX_LEAD = 4_000
"""Characters: of a longer lead, the first sentences are the summary anyway."""
_MORE = re.compile(
    r"<!--[ \t]*+(?:more|truncate|excerpt|end-?excerpt)[ \t]*+-->|\{/\*[ \t]*+truncate[ \t]*+\*/\}", re.IGNORECASE
)
_WITHIN_WORDS = re.compile(r"</?(?:a|abbr|b|cite|code|del|em|i|kbd|mark|q|s|small|span|strong|sub|u)\b[^<>]*+>")
_LEFT_OUT = re.compile(r"<(h[1-6]|pre|table|sup|figcaption)\b[^>]*+>.*?</\1>", re.DOTALL)


def parted(body: str, separator: str = "") -> tuple[str, str]:
    """The body without ``separator`` (Jekyll's excerpt_separator), and the text above it or another such mark."""
    at = body.find(separator) if separator else -1
    if at >= 0:
        body, lead = body[:at] + body[at + len(separator) :], body[:at]
    else:
        mark = _MORE.search(body)
        lead = body[: mark.start()] if mark else ""
    if not lead.strip() or len(lead) > MAX_LEAD:
        return body, ""
    html = _LEFT_OUT.sub("", markdown_to_html(lead, ""))
    return body, plain_text(_WITHIN_WORDS.sub("", html))
