"""RFC 5322 headers of our own making: ASCII, folded, encoded words where needed (RFC 2047), nothing injected.

The standard library's EmailMessage would turn a List-Unsubscribe URL of 76 or more characters into
encoded words, which breaks one-click (RFC 8058): hence these.
"""

import re
from base64 import b64encode
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache

from chalicelib.errors import AddressError, RenderError
from chalicelib.render.text import ascii_host, header_text

LINE = 76
"""Characters: the most RFC 2047 allows a line with an encoded word; RFC 5322's advice is 78."""
MAX_NAME = 100
MAX_URL = 900
"""A header line may have 998 characters (RFC 5322, 2.1.1), and a URL in one is never folded."""

_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
)
_URL = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+;=%]+")
_MESSAGE_ID = re.compile(r"<?([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.\[\]:-]+)>?")


def addr_spec(address: str) -> str:
    """An address as it goes to SMTP: ASCII, the domain in A-labels. Raises AddressError where it is none."""
    local, at, domain = address.rpartition("@")
    if at and not domain.isascii():
        try:
            address = f"{local}@{ascii_host(domain)}"
        except UnicodeError:
            address = ""
    if len(address) > 254 or not _ADDRESS.fullmatch(address):
        raise AddressError(
            f"Not an address that mail can go to: {header_text(local, 40)!a} at {header_text(domain, 80)!a}.",
            "The part before the @ must be ASCII without quotes, blanks or control characters.",
        )
    return address


def header_url(url: str) -> str:
    """A URL fit to stand in ``<>`` in a header, unfolded. Raises RenderError."""
    if len(url) > MAX_URL or not _URL.fullmatch(url):
        raise RenderError(
            f"A URL can't stand in a mail header: {header_text(url, 100)!a}.",
            f"It must be ASCII http(s) without blanks, commas or <>, at most {MAX_URL} characters.",
        )
    return url


def message_id(value: str) -> str:
    """A Message-ID in its angle brackets, which may be given with or without. Raises RenderError."""
    match = _MESSAGE_ID.fullmatch(value)
    if not match or len(value) > 250:
        raise RenderError(f"Not a Message-ID: {header_text(value, 100)!a}.", "It looks like id@host.example.")
    return f"<{match[1]}>"


def date(moment: datetime) -> str:
    """A Date header's value. Raises RenderError for a naive moment."""
    if moment.tzinfo is None:
        raise RenderError("A Date header needs a moment with a time zone.", "Pass an aware datetime.")
    return _formatted(moment.replace(microsecond=0), moment.utcoffset())


@lru_cache(maxsize=256)
def _formatted(moment: datetime, _offset: timedelta | None) -> str:
    """Cached by the second. Nine in London is equal to ten in Berlin and not the same date, hence the offset."""
    return format_datetime(moment)


def encoded_words(text: str, first: int) -> str:
    """Text as encoded words, one to a line; the first line has ``first`` columns taken already.

    Each word holds whole characters and at most 75 columns (RFC 2047, 2).
    """
    whole = text.encode("utf-8", "replace")
    room = _room(first)
    if len(whole) <= room:
        return _word(whole)
    words: list[str] = []
    chunk = b""
    for character in text:
        raw = character.encode("utf-8", "replace")
        if chunk and len(chunk) + len(raw) > room:
            words.append(_word(chunk))
            chunk, room = b"", _room(1)
        chunk += raw
    words.append(_word(chunk))
    return "\r\n ".join(words)


def _room(taken: int) -> int:
    """Bytes of base64 payload that fit an encoded word on the rest of a line."""
    return max(6, (min(75, LINE - taken) - 12) // 4 * 3)


def _word(raw: bytes) -> str:
    return f"=?utf-8?b?{b64encode(raw).decode()}?="


def unstructured(name: str, text: str) -> str:
    """A whole header line of free text, as ``Subject``; folded, ending in CRLF. Text is cleaned first."""
    value = header_text(text)
    words = value.split(" ")
    plain = (
        value.isascii() and value.isprintable() and "=?" not in value and max(map(len, words)) < LINE - len(name) - 2
    )
    if not plain:
        return f"{name}: {encoded_words(value, len(name) + 2)}\r\n"
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > LINE and lines[-1].strip() != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines) + "\r\n"


def phrase(text: str, taken: int) -> str:
    """A display name: a quoted string where it is short ASCII, else encoded words; '' for no name."""
    if not text:
        return ""
    if text.isascii() and text.isprintable() and "=?" not in text:
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if taken + len(quoted) <= LINE:
            return quoted
    return encoded_words(text, taken)


def mailbox(name: str, display: str, address: str) -> str:
    """A whole header line ``To: "Name" <address>``, ending in CRLF; the name is cleaned and cut at 100."""
    return _with_angle(name, header_text(display, MAX_NAME), addr_spec(address))


def list_id(title: str, identifier: str) -> str:
    """A whole List-Id line (RFC 2919): the list's title and its unique name in angle brackets."""
    return _with_angle("List-Id", header_text(title, MAX_NAME), identifier)


def _with_angle(name: str, display: str, inner: str) -> str:
    start = f"{name}: "
    said = phrase(display, len(start))
    if not said:
        return f"{start}<{inner}>\r\n" if name == "List-Id" else f"{start}{inner}\r\n"
    line = said.rpartition("\r\n")[2] if "\r\n" in said else start + said
    blank = " " if len(line) + len(inner) + 3 <= LINE else "\r\n "
    return f"{start}{said}{blank}<{inner}>\r\n"
