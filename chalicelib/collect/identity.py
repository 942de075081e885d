"""What makes two finds one entry: canonical URLs, GUIDs, and the ids made from them."""

import hashlib
import re
import unicodedata
from urllib.parse import parse_qsl, urlencode, urlsplit

_TRACKING = re.compile(r"^(utm_\w+|fbclid|gclid|mc_[ce]id|pk_\w+|mtm_\w+|igshid|ref_src)$", re.IGNORECASE)


def canonical_url(url: str) -> str:
    """A URL as one name of its page: no scheme, fragment, tracking parameters, default port or last slash."""
    parts = urlsplit(url.strip())
    try:
        port = parts.port
    except ValueError:
        port = None
    host = (parts.hostname or "").removeprefix("www.")
    if port not in {None, 80, 443}:
        host = f"{host}:{port}"
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)])
    path = re.sub(r"/(index\.html?)?$", "", parts.path)
    return f"{host}{path}{'?' + query if query else ''}"


def without_tracking(url: str) -> str:
    """The URL as readers get it: tracking parameters taken out, the rest untouched."""
    if "?" not in url:
        return url
    parts = urlsplit(url)
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
