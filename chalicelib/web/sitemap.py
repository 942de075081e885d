"""The map of the site for search engines (sitemaps.org), each page with its other languages, and robots.txt."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from chalicelib.compose.editions import EditionStore
from chalicelib.content.values import ArchivedIssue, Site
from chalicelib.web.archive import issue_languages, issue_path, public_issues
from chalicelib.web.feeds import xml_file
from chalicelib.web.reading import absolute, language_query, moment_of

MAX_ISSUES = 5000
"""Of one newsletter. A map may hold 50,000 addresses in 50 MB."""
_MAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_XHTML = "http://www.w3.org/1999/xhtml"
ElementTree.register_namespace("xhtml", _XHTML)


@dataclass(frozen=True, slots=True)
class _Place:
    """A page: its absolute URL by language, and when it changed last (None: nobody knows)."""

    urls: dict[str, str]
    changed: datetime | None


def sitemap(site: Site, editions: EditionStore) -> bytes:
    """All public pages as XML."""
    root = ElementTree.Element("urlset", xmlns=_MAP)
    for place in _places(site, editions):
        for url in place.urls.values():
            entry = ElementTree.SubElement(root, "url")
            ElementTree.SubElement(entry, "loc").text = url
            if place.changed:
                ElementTree.SubElement(entry, "lastmod").text = f"{place.changed:%Y-%m-%dT%H:%M:%SZ}"
            for tag, other in place.urls.items() if len(place.urls) > 1 else ():
                ElementTree.SubElement(entry, f"{{{_XHTML}}}link", rel="alternate", hreflang=tag, href=other)
    return xml_file(root)


def robots(site: Site) -> str:
    """Everything may be read but the links that are somebody's own, and the desk."""
    prefix = urlsplit(site.base_url).path.rstrip("/")
    paths = ("/u/", "/p/", "/c/", "/a/", "/d/", "/inbox", "/status")
    kept_out = "".join(f"Disallow: {prefix}{path}\n" for path in paths)
    return f"User-agent: *\n{kept_out}\nSitemap: {absolute(site, '/sitemap.xml')}\n"


def _places(site: Site, editions: EditionStore) -> Iterator[_Place]:
    newest: list[datetime] = []
    shelves: list[_Place] = []
    for name in site.newsletters:
        issues = list(_issues(site, editions, name))
        changed = max((issue.changed for issue in issues if issue.changed), default=None)
        newest += [changed] if changed else []
        shelves += [_index(site, f"/archive/{quote(name, safe='')}", changed), *issues]
    latest = max(newest, default=None)
    yield _index(site, "/", latest)
    yield _index(site, "/archive", latest)
    yield from shelves


def _index(site: Site, path: str, changed: datetime | None) -> _Place:
    urls = {tag: absolute(site, f"{path}{language_query(site, tag, 'lang')}") for tag in site.languages}
    return _Place(urls, changed)


def _issues(site: Site, editions: EditionStore, newsletter: str) -> Iterator[_Place]:
    for issue in islice(public_issues(site, editions, newsletter), MAX_ISSUES):
        urls = {tag: absolute(site, issue_path(issue, tag)) for tag in issue_languages(site, issue)}
        moment = moment_of(site, issue)
        changed = moment if isinstance(issue, ArchivedIssue) else max(moment, issue.changed or moment)
        yield _Place(urls, changed)
