"""The archive as files: every public page, feed, calendar and picture, for hosts that serve a folder."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qs, quote, urlsplit

from chalicelib.collect.entries import EntryStore
from chalicelib.compose.editions import EditionStore
from chalicelib.content.values import ArchivedIssue, Site
from chalicelib.errors import NotFoundError, RenderError
from chalicelib.render.text import ascii_host
from chalicelib.web.archive import issue_path, public_issues, shelf
from chalicelib.web.calendars import calendar_entries, event_file, site_calendar
from chalicelib.web.feed_items import feed_of
from chalicelib.web.feeds import atom, json_feed
from chalicelib.web.media import read_picture
from chalicelib.web.pages import Pages
from chalicelib.web.reading import (
    archive_page,
    edition_page,
    front_page,
    language_query,
    newsletter_page,
    old_issue_page,
)
from chalicelib.web.sitemap import robots, sitemap
from chalicelib.web.static_links import Place, StaticLinks

_EVENT = re.compile(r"/calendar/([0-9a-f]{12})\.ics")


@dataclass(frozen=True, slots=True)
class Export:
    """All files by their path below the folder, and pictures that pages name and that are not there."""

    files: dict[str, bytes]
    missing: tuple[str, ...]


def export(site: Site, editions: EditionStore, entries: EntryStore, now: datetime, base_url: str = "") -> Export:
    """The files of the site's archive, for the address ``base_url`` (else the site's own). Raises RenderError.

    Equal stores at an equal ``now`` give equal bytes.
    """
    return _Exporter(site, editions, entries, now, base_url).export()


class _Exporter:
    def __init__(self, site: Site, editions: EditionStore, entries: EntryStore, now: datetime, base_url: str) -> None:
        self.host = _host(site)  # events keep the names that mails gave them
        self.bases = tuple(dict.fromkeys(base.rstrip("/") for base in (base_url, site.base_url) if base))
        self.site = replace(site, base_url=self.bases[0])
        self.editions, self.entries, self.now = editions, entries, now

    def export(self) -> Export:
        pages = dict(self._pages())
        texts = dict(self._texts())
        events = self._events(pages.values())
        names = {place.file(self.site.fallback) for place in pages} | set(texts) | set(events)
        links = StaticLinks(self.bases, self.site.fallback, names)
        pictures, missing = self._pictures(links, [*pages.values(), *texts.values()])
        links.files = names | set(pictures)
        files = {name: text.encode("utf-8", "replace") for name, text in events.items()}
        files |= {place.file(self.site.fallback): _bytes(links.in_page(html, place)) for place, html in pages.items()}
        files |= {name: _bytes(text if name.endswith(".ics") else links.in_text(text)) for name, text in texts.items()}
        files["404.html"] = _bytes(links.in_page(self._not_found(), Place("/404"), anywhere=True))
        return Export({**files, **pictures, ".nojekyll": b""}, tuple(missing))

    def _pages(self) -> Iterator[tuple[Place, str]]:
        """Every page with its address. An index is there once in each language, as an edition is."""
        site = self.site
        for tag in site.languages:
            pages, query = Pages(site, tag), language_query(site, tag, "lang").lstrip("?")
            yield Place("/", query, tag), front_page(pages, self.editions).html
            yield Place("/archive", query, tag), archive_page(pages, self.editions).html
            for name in site.newsletters:
                yield from self._shelves(pages, name, query)
        for name in site.newsletters:
            for issue in public_issues(site, self.editions, name):
                if isinstance(issue, ArchivedIssue):
                    tag = issue.language or site.fallback
                    html = old_issue_page(Pages(site, tag), self.editions, name, issue.slot, tag).html
                    yield Place(issue_path(issue, tag), "", tag), html
                else:
                    for tag in site.languages:
                        html = edition_page(Pages(site, tag), self.editions, name, issue.slot)
                        yield Place(issue_path(issue, tag), "", tag), html

    def _shelves(self, pages: Pages, newsletter: str, query: str) -> Iterator[tuple[Place, str]]:
        """A newsletter's index, and where it goes on."""
        path, before = f"/archive/{quote(newsletter, safe='')}", ""
        while True:
            asked = "&".join(filter(None, (f"before={quote(before, safe='')}" if before else "", query)))
            yield Place(path, asked, pages.language), newsletter_page(pages, self.editions, newsletter, before).html
            older = shelf(pages, self.editions, newsletter, before=before).older
            if not older:
                return
            before = parse_qs(urlsplit(older).query)["before"][0]

    def _texts(self) -> Iterator[tuple[str, str]]:
        """Feeds, the calendar and what crawlers read, by file."""
        site = self.site
        for tag in site.languages:
            pages, query = Pages(site, tag), language_query(site, tag).lstrip("?")
            for name, write in (("feed.atom", atom), ("feed.json", json_feed)):
                for newsletter in ("", *site.newsletters):
                    base = f"/archive/{quote(newsletter, safe='')}" if newsletter else ""
                    feed = feed_of(pages, self.editions, name, newsletter)
                    yield Place(f"{base}/{name}", query).file(site.fallback), write(feed).decode()
            file = Place("/calendar.ics", query).file(site.fallback)
            address = f"{self.bases[0]}/{file}"
            yield file, site_calendar(site, self.entries, self.now, tag, self.host, address)
        yield "sitemap.xml", sitemap(site, self.editions).decode()
        yield "robots.txt", robots(site)

    def _events(self, pages: Iterable[str]) -> dict[str, str]:
        """One file for each event of the calendar, and for those that only pages of the past link to."""
        wanted = {entry.id for entry in calendar_entries(self.entries, self.now)}
        wanted |= {name for html in pages for name in _EVENT.findall(html)}
        found = {}
        for name in sorted(wanted):
            with suppress(NotFoundError):  # a link of a page whose event is in no store any more
                text = event_file(self.site, self.entries, self.now, name, self.site.fallback, self.host)
                found[f"calendar/{name}.ics"] = text
        return found

    def _pictures(self, links: StaticLinks, texts: list[str]) -> tuple[dict[str, bytes], list[str]]:
        found, missing = dict[str, bytes](), list[str]()
        for path in sorted({path for text in texts for path in links.pictures(text)}):
            try:
                found[Place(path).file("")] = read_picture(self.site.root, path.split("/")[2:]).content
            except NotFoundError:
                missing.append(path)
        return found, missing

    def _not_found(self) -> str:
        pages = Pages(self.site, self.site.fallback)
        title, text = (pages.say(f"web.errors.not_found.{part}") for part in ("title", "text"))
        return pages.page("error", title=title, text=text).html


def _host(site: Site) -> str:
    try:
        return ascii_host(urlsplit(site.base_url).hostname or "")
    except (ValueError, UnicodeError):
        raise RenderError(f"base_url has no host name: {site.base_url!r}.", "Set base_url in site.yaml.") from None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
