"""What makes two finds one entry: canonical URLs, GUIDs, and the ids made from them."""

import hashlib
import re
import unicodedata
from urllib.parse import parse_qsl, urlencode, urlsplit

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_WWW = re.compile(r"^(?:www\.)+")
_LAST_SLASHES = re.compile(r"(?:/+(?:index\.html?)?)++\Z")
_TRACKING = re.compile(r"^(utm_\w+|fbclid|gclid|mc_[ce]id|pk_\w+|mtm_\w+|igshid|ref_src)$", re.IGNORECASE)


def canonical_url(url: str) -> str:
    """A URL as one name of its page: no scheme, fragment, tracking parameters, default port or last slash.

    Total and idempotent: what is no URL is its own name.
    """
    url = "".join(url.split())
    try:
        parts = urlsplit(url if _SCHEME.match(url) else f"//{url}")
        port = parts.port
    except ValueError:  # a broken port or IPv6 address
        return url
    host = _WWW.sub("", parts.hostname or "")
    host = f"[{host}]" if ":" in host else host
    if port not in {None, 80, 443}:
        host = f"{host}:{port}"
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)])
    return f"{host}{_LAST_SLASHES.sub('', parts.path)}{'?' + query if query else ''}"


def without_tracking(url: str) -> str:
    """The URL as readers get it: tracking parameters taken out, the rest untouched."""
    if "?" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    kept = "&".join(pair for pair in parts.query.split("&") if not _TRACKING.match(pair.split("=")[0]))
    return parts._replace(query=kept).geturl()


def identities(source: str, *, guid: str = "", urls: tuple[str, ...] = (), slug: str = "") -> tuple[str, ...]:
    """All names of an entry, the most telling first. At least one, or the entry can't be told from others."""
    names = [f"url:{canonical_url(url)}" for url in urls if url.startswith(("http://", "https://"))]
    if guid:
        names.append(f"guid:{source}:{guid}")
    if slug:
        names.append(f"slug:{source}:{slug}")
    return tuple(dict.fromkeys(names))


def entry_id(identity: str) -> str:
    """Twelve hex digits from an entry's first name."""
    return digest(identity)[:12]


def digest(text: str) -> str:
    """SHA-256 of a text, as 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def slugify(title: str) -> str:
    """A title as a short ASCII slug; '' where nothing of it is ASCII."""
    folded = unicodedata.normalize("NFKD", title.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", folded.lower()).strip("-")[:60].strip("-")
