"""Personal fields: tokens that stay in a rendered mail until one reader's values take their place.

An editor writes ``{name|friend}``, ``{first_name|you}`` or ``{email}`` in a text or in the address of a link;
templates use ``unsubscribe_url`` and ``preferences_url``. A token is made of control characters and hex digits:
cleaned content can't hold one, and neither escaping nor wrapping can break one. ``STX field : hex(fallback) ETX``.
"""

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, unquote

from chalicelib.render.text import ascii_url, columns, header_text

WRITTEN = ("name", "first_name", "email")
"""What editors may write."""
IN_URL = "_in_url"
"""Ends the field of a token that stands in a URL: its value is percent-encoded."""
FIELDS = (*WRITTEN, *(field + IN_URL for field in WRITTEN), "unsubscribe_url", "preferences_url", "confirm_url")
TOKEN = re.compile("\x02([a-z_]+):([0-9a-f]*)\x03")
_WRITTEN = re.compile(r"\{(name|first_name|email)(?:\|([^{}|\n]{0,100}))?\}")
_IN_LINK = re.compile(
    r"(?:\{|%7B)(name|first_name|email)(?:(?:\||%7C)((?:[^{}|%\s]|%(?!7[BCD])[0-9A-F]{2}){0,300}))?(?:\}|%7D)",
    re.IGNORECASE,
)


def token(field: str, fallback: str = "") -> str:
    """The token of a field; ``fallback`` is the plain text for a reader who has no such value."""
    return f"\x02{field}:{fallback.encode().hex()}\x03"


def mark(text: str) -> str:
    """``{name|friend}`` in an editor's plain text, already cleaned, becomes a token."""
    return _WRITTEN.sub(lambda match: token(match[1], header_text(match[2] or "")), text)


def web_link(href: str, *, personal: bool = False) -> str:
    """A link in pure ASCII, or '' where it is none that a mail may carry; with fields as tokens where ``personal``."""
    if not personal or not _IN_LINK.search(href):
        return ascii_url(href)
    fields = [token(m[1].lower() + IN_URL, header_text(unquote(m[2] or ""))) for m in _IN_LINK.finditer(href)]
    url = ascii_url(_IN_LINK.sub("SENDBRIEF-FIELD", href))
    parts = url.split("SENDBRIEF-FIELD")
    if len(parts) != len(fields) + 1:
        return ""  # a field stood where a host is, or the link is none
    return "".join(part + field for part, field in zip(parts, [*fields, ""], strict=True))


def value_of(field: str, values: Mapping[str, str], fallback: str) -> str:
    """What a reader's letter has in place of a token, not escaped yet."""
    if field.endswith(IN_URL):
        return quote(value_of(field.removesuffix(IN_URL), values, fallback), safe="")
    if field == "first_name":
        return first_name(values.get("name", "")) or fallback
    return values.get(field, "") or fallback


def first_name(name: str) -> str:
    """The first name of ``Ada Lovelace`` and of ``Lovelace, Ada``."""
    _, comma, given = name.partition(",")
    words = (given if comma else name).split()
    return words[0] if words else ""


def fallback_of(hexed: str) -> str:
    """The plain fallback inside a token."""
    return bytes.fromhex(hexed).decode()


def fill(text: str, values: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """Put values (or, where they are empty, the fallbacks) in place of tokens, escaped for their context."""
    return TOKEN.sub(lambda match: escape(value_of(match[1], values, fallback_of(match[2]))), text)


def shown_length(text: str) -> int:
    """How many columns a word takes once filled: a token counts as its fallback, or as ten characters."""
    if "\x02" in text:
        text = TOKEN.sub(lambda match: fallback_of(match[2]) or "x" * 10, text)
    return columns(text)
