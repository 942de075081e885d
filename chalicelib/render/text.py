"""Cleaning of text from anywhere, so that it can stand in a mail: characters, lines, words, URLs."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# C0 (but tab and newline), DEL, C1, lone surrogates, noncharacters, tag characters, bidi embeddings and overrides.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff\u202a-\u202e\U000e0001]"
)
_ISOLATES = re.compile("[\u200e\u200f\u061c\u2066-\u2069]")
_SPACES = re.compile(r"\s+")
_URL_UNSAFE = re.compile(r"[^A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]")
_ASCII_HOST = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
LONGEST_URL = 4_000
"""Characters. Mail programs and servers cut longer ones; a page that is known by such an address has none here."""
RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"})


def clean(text: str) -> str:
    """Without control characters, lone surrogates and bidi overrides (UTR 36); line ends are ``\\n``."""
    if text.isprintable():
        return text  # none of those characters is
    return _FORBIDDEN.sub("", _LINE_ENDS.sub("\n", text))


def one_line(text: str) -> str:
    """Clean text on one line, runs of white space as one blank."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return _SPACES.sub(" ", clean(text)).strip()


def header_text(text: str, most: int = 0) -> str:
    """Fit for a header: one line, no invisible direction marks either; cut at ``most`` characters (0: never)."""
    plain = text.isascii() and text.isprintable() and "  " not in text
    cleaned = text.strip() if plain else one_line(_ISOLATES.sub("", text))
    return cut(cleaned, most) if most else cleaned


def cut(text: str, most: int) -> str:
    """At most ``most`` characters, cut at a word where one ends in the last third, marked with an ellipsis."""
    if len(text) <= most:
        return text
    head = text[: most - 1]
    space = head.rfind(" ")
    if space > most * 2 // 3 and not text[most - 1].isspace():
        head = head[:space]
    return head.rstrip(" ,;:–—-") + "…"


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian characters and emoji take two (UAX 11)."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # here, for most texts need it not

    width = wcswidth(text)
    return width if width >= 0 else len(text)


def direction(language: str) -> str:
    """``rtl`` or ``ltr``, by the primary subtag of a BCP 47 tag."""
    return "rtl" if language.lower().split("-")[0] in RIGHT_TO_LEFT else "ltr"


def ascii_host(host: str) -> str:
    """A host name as A-labels (RFC 5891, UTS 46). Raises UnicodeError where it is no host name."""
    if host.isascii():
        if not _ASCII_HOST.fullmatch(host):
            raise UnicodeError(f"no host name: {host!a}")
        return host.lower()
    import idna  # here, for few mails need it and every cold start would pay

    return idna.encode(host, uts46=True).decode("ascii")


def ascii_url(url: str) -> str:
    """A web or mail link in pure ASCII, or '' where it is none that a mail may carry.

    Only absolute http, https and mailto links pass (RFC 3986); an IDN host becomes A-labels, other
    characters are percent-encoded as UTF-8.
    """
    if len(url) > LONGEST_URL:
        return ""
    text = header_text(url).replace(" ", "%20")
    try:
        parts = urlsplit(text)
        if parts.scheme.lower() == "mailto":
            return _percent(text) if "@" in parts.path else ""
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
            return ""
        host = ascii_host(parts.hostname)
        port = f":{parts.port}" if parts.port is not None else ""
    except (ValueError, UnicodeError):
        return ""
    host = f"[{host}]" if ":" in host else host
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return _percent(urlunsplit((parts.scheme.lower(), user + host + port, parts.path, parts.query, parts.fragment)))


def _percent(url: str) -> str:
    encoded = _BAD_PERCENT.sub("%25", _URL_UNSAFE.sub(lambda match: quote(match[0], safe=""), url))
    return encoded if len(encoded) <= LONGEST_URL else ""
