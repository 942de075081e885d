"""Links of a folder of pages: what a server answers at an address is a file there, and links lead to files. Pure.

``/archive/x?lang=de`` becomes ``de/archive/x/index.html``. Links between pages are relative, so that the folder works
below any path; what others read (canonical links, feeds, the map of the site) has whole URLs.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from html import escape, unescape
from posixpath import relpath
from urllib.parse import parse_qs, quote, unquote, urlsplit

_LINK = re.compile(r'(<link\b[^<>]*?\shref=|<meta\b[^<>]*?\scontent=|\shref=|\ssrc=)"([^"]*)"')
_INDEX = "index.html"
_ISSUE = 4
"""Parts in the path of an issue: archive, newsletter, slot, language."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page stands on a server: path below base_url, query, and the language that its links keep."""

    path: str
    query: str = ""
    language: str = ""

    def file(self, fallback: str) -> str:
        """The file of the folder that holds it, or what would: parts are decoded, as a server does with a URL."""
        asked = parse_qs(self.query)
        _, dot, ending = self.path.rpartition("/")[2].rpartition(".")
        if dot and ending in {"atom", "json", "ics", "xml", "txt"}:
            tag = asked.get("language", [""])[0]
            own = f".{tag}" if tag and tag != fallback else ""
            return unquote(f"{self.path[: -len(ending) - 1]}{own}.{ending}".lstrip("/"))
        if self.path.startswith("/media/"):
            return unquote(self.path.lstrip("/"))
        parts = [unquote(part) for part in self.path.split("/") if part]
        before = asked.get("before", [""])[0]
        if len(parts) == _ISSUE and "lang" in asked:
            parts = parts[:2]  # an issue has the languages it has: the pages around it are there in each
        tag = asked.get("lang", [self.language])[0] if len(parts) < _ISSUE else ""
        own_folder = [tag] if tag and tag != fallback else []
        return "/".join([*own_folder, *parts, *(["before", before] if before else []), _INDEX])


class StaticLinks:
    """The links of one export. ``bases`` begin URLs of the site: first the folder's, last the server's."""

    def __init__(self, bases: tuple[str, ...], fallback: str, files: Collection[str]) -> None:
        self.base = bases[0].rstrip("/")
        self.prefix = urlsplit(self.base).path
        self.server = bases[-1].rstrip("/")
        self.fallback = fallback
        self.files = files
        both = "|".join(re.escape(base.rstrip("/")) for base in sorted(bases, key=len, reverse=True))
        self._own = re.compile(rf"(?:{both})(?=[/?\"'\s<>&#)]|\Z)([^\s\"'<>\\)&#]*)")

    def in_page(self, html: str, place: Place, *, anywhere: bool = False) -> str:
        """A page with its links turned; ``anywhere`` keeps whole paths, for a page that is shown at any address."""
        here = place.file(self.fallback)

        def turned(match: re.Match[str]) -> str:
            found = self._file(unescape(match[2]), place)
            if found is None:
                return self._served(match)
            whole = match[1].startswith("<")
            link = self._whole(found) if whole else self._rooted(found) if anywhere else _relative(here, found)
            fragment = urlsplit(unescape(match[2])).fragment
            return f'{match[1]}"{escape(link + (f"#{fragment}" if fragment else ""))}"'

        return _LINK.sub(turned, html)

    def in_text(self, text: str) -> str:
        """Feeds and maps with the whole URLs of what is in the folder."""

        def turned(match: re.Match[str]) -> str:
            found = self._file(self.base + match[1], Place("/"))
            return match[0] if found is None else self._whole(found)

        return self._own.sub(turned, text)

    def pictures(self, text: str) -> set[str]:
        """The paths below /media/ that a text names, percent-encoded as they stand there."""
        found = (match[1].partition("?")[0] for match in self._own.finditer(unescape(text)))
        return {path for path in found if path.startswith("/media/")}

    def _served(self, match: re.Match[str]) -> str:
        """A link as it is, but for the form to subscribe: that needs a server, so it is where the site's is."""
        form = f"{self.prefix}/subscribe"
        if match[2].partition("?")[0] != form:
            return match[0]
        return f'{match[1]}"{escape(self.server)}/subscribe{match[2][len(form) :]}"'

    def _file(self, url: str, place: Place) -> str | None:
        """The file that a link leads to, or None where it leads elsewhere, or to what is not in the folder."""
        own = self._own.match(url)
        if own:
            url = self.prefix + (own[1] or "/")
        elif url.startswith("?"):
            url = f"{self.prefix}{place.path}{url}"
        if not url.startswith(f"{self.prefix}/") or url.startswith("//"):
            return None
        parts = urlsplit(url[len(self.prefix) :])
        found = Place(parts.path, parts.query, place.language).file(self.fallback)
        return found if found in self.files else None

    def _whole(self, file: str) -> str:
        return f"{self.base}/{quote(_folder(file))}"

    def _rooted(self, file: str) -> str:
        return f"{self.prefix}/{quote(_folder(file))}"


def _relative(here: str, there: str) -> str:
    folder = here.rpartition("/")[0] or "."
    target = _folder(there)
    link = relpath(target or ".", folder)
    ends = "/" if there.rpartition("/")[2] == _INDEX else ""
    return quote("./" if link == "." else f"{link}{ends}")


def _folder(file: str) -> str:
    """``archive/`` for ``archive/index.html``: what a link to it says."""
    return file.removesuffix(_INDEX) if file == _INDEX or file.endswith(f"/{_INDEX}") else file
