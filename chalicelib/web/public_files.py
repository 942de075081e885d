"""The public routes for programs, as a Blueprint: feeds, calendars, the map of the site. Read only; 304 by ETag."""

import re

from chalice.app import Blueprint, Response

from chalicelib.collect.entries import EntryStore
from chalicelib.compose.editions import EditionStore
from chalicelib.content.values import Site
from chalicelib.errors import NotFoundError
from chalicelib.web import house
from chalicelib.web.answers import TEXT, door, file_answer, query, request
from chalicelib.web.calendars import event_file, site_calendar
from chalicelib.web.languages import choose_language
from chalicelib.web.pages import Pages
from chalicelib.web.sitemap import robots, sitemap

files = Blueprint(__name__)

READ = ["GET", "HEAD"]
ANY_TYPE = ["*/*"]
CACHE = "public, max-age=600"
ICS, XML = "text/calendar; charset=utf-8", "application/xml; charset=utf-8"
FEED_TYPES = {
    "feed.atom": "application/atom+xml; charset=utf-8",
    "feed.json": "application/feed+json; charset=utf-8",
}
_FILE = re.compile(r"([0-9a-f]{12})\.ics")


@files.route("/feed.atom", methods=READ, content_types=ANY_TYPE)
@door
def site_atom() -> Response:
    """The newest issues of all newsletters; ``?language=`` chooses one of the site's."""
    return _feed("feed.atom")


@files.route("/feed.json", methods=READ, content_types=ANY_TYPE)
@door
def site_json() -> Response:
    """The same as JSON Feed."""
    return _feed("feed.json")


@files.route("/archive/{newsletter}/feed.atom", methods=READ, content_types=ANY_TYPE)
@door
def newsletter_atom(newsletter: str) -> Response:
    """The newest issues of one newsletter."""
    return _feed("feed.atom", newsletter)


@files.route("/archive/{newsletter}/feed.json", methods=READ, content_types=ANY_TYPE)
@door
def newsletter_json(newsletter: str) -> Response:
    """The same as JSON Feed."""
    return _feed("feed.json", newsletter)


@files.route("/calendar.ics", methods=READ, content_types=ANY_TYPE)
@door
def calendar() -> Response:
    """All coming events and deadlines, and those of the last weeks, to be subscribed to."""
    runtime = house.runtime()
    text = site_calendar(runtime.site, EntryStore(runtime.table), runtime.clock(), _language(runtime.site))
    return file_answer(text.encode(), ICS, cache=CACHE)


@files.route("/calendar/{file}", methods=READ, content_types=ANY_TYPE)
@door
def event(file: str) -> Response:
    """One event as a file, in the reader's language; one that was taken back is cancelled there."""
    runtime = house.runtime()
    found = _FILE.fullmatch(file)
    if found is None:
        raise NotFoundError("There is no such event.")
    accepted = str(request().headers.get("accept-language") or "")
    language = choose_language(runtime.site.languages, query("language"), accepted)
    text = event_file(runtime.site, EntryStore(runtime.table), runtime.clock(), found[1], language)
    named = {"Content-Disposition": f'attachment; filename="{file}"', "Vary": "Accept-Language"}
    return file_answer(text.encode(), ICS, cache=CACHE, **named)


@files.route("/sitemap.xml", methods=READ, content_types=ANY_TYPE)
@door
def site_map() -> Response:
    """Every public page, in every language it has."""
    return file_answer(sitemap(house.runtime().site, _editions()), XML, cache=CACHE)


@files.route("/robots.txt", methods=READ, content_types=ANY_TYPE)
@door
def robots_file() -> Response:
    """What crawlers may follow, and where the map of the site is."""
    return file_answer(robots(house.runtime().site).encode(), TEXT, cache=CACHE)


def _feed(name: str, newsletter: str = "") -> Response:
    from chalicelib.web.feed_items import feed_of
    from chalicelib.web.feeds import atom, json_feed

    site = house.runtime().site
    if newsletter and newsletter not in site.newsletters:
        raise NotFoundError("There is no such newsletter.")
    feed = feed_of(Pages(site, _language(site)), _editions(), name, newsletter)
    body = atom(feed) if name == "feed.atom" else json_feed(feed)
    return file_answer(body, FEED_TYPES[name], cache=CACHE)


def _language(site: Site) -> str:
    """The language asked for by name. A browser's wishes don't count: a feed keeps its language."""
    return choose_language(site.languages, query("language"), "")


def _editions() -> EditionStore:
    runtime = house.runtime()
    return EditionStore(runtime.table, runtime.blobs)
