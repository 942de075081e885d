"""Personal fields: tokens that stay in a rendered mail until one reader's values take their place.

An editor writes ``{name|friend}``; templates use ``unsubscribe_url``. A token is
made of control characters and hex digits: cleaned content can't hold one, and neither escaping nor
wrapping can break one. ``STX field : hex(fallback) ETX``.
"""

import re
from collections.abc import Callable, Mapping

from chalicelib.render.text import header_text

FIELDS = ("name", "unsubscribe_url")
TOKEN = re.compile("\x02([a-z_]+):([0-9a-f]*)\x03")
_WRITTEN = re.compile(r"\{(name)(?:\|([^{}|\n]{0,100}))?\}")


def token(field: str, fallback: str = "") -> str:
    """The token of a field; ``fallback`` is the plain text for a reader who has no such value."""
    return f"\x02{field}:{fallback.encode().hex()}\x03"


def mark(text: str) -> str:
    """``{name|friend}`` in an editor's plain text, already cleaned, becomes a token."""
    return _WRITTEN.sub(lambda match: token(match[1], header_text(match[2] or "")), text)


def fallback_of(hexed: str) -> str:
    """The plain fallback inside a token."""
    return bytes.fromhex(hexed).decode()


def fill(text: str, values: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """Put values (or, where they are empty, the fallbacks) in place of tokens, escaped for their context."""
    return TOKEN.sub(lambda match: escape(values.get(match[1], "") or fallback_of(match[2])), text)


def shown_length(text: str) -> int:
    """How wide a word is once filled: a token counts as its fallback, or as ten characters."""
    return len(TOKEN.sub(lambda match: fallback_of(match[2]) or "x" * 10, text))
