"""Feeds of issues: Atom 1.0 (RFC 4287) and JSON Feed 1.1, written from the same values."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from chalicelib.render.text import clean

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When a feed without any issue changed: Atom asks for a date, and one that moves would be a change each time."""
_ATOM = "http://www.w3.org/2005/Atom"
_XML = "http://www.w3.org/XML/1998/namespace"
ElementTree.register_namespace("", _ATOM)


@dataclass(frozen=True, slots=True)
class Item:
    """An issue in a feed: ``id`` is a tag URI (RFC 4151), moments are in UTC, ``html`` is sanitised."""

    id: str
    url: str
    title: str
    published: datetime
    updated: datetime
    language: str
    html: str
    summary: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed in one language; ``others`` are the same in others: language and URL. The newest item is the first."""

    id: str
    title: str
    description: str
    url: str
    home: str
    language: str
    author: str
    items: tuple[Item, ...]
    others: tuple[tuple[str, str], ...] = ()

    @property
    def updated(self) -> datetime:
        """When its newest issue changed last."""
        return max((item.updated for item in self.items), default=LONG_AGO)


def atom(feed: Feed) -> bytes:
    """The feed as Atom, in UTF-8."""
    root = ElementTree.Element(f"{{{_ATOM}}}feed", {f"{{{_XML}}}lang": feed.language})
    _add(root, "title", feed.title)
    if feed.description:
        _add(root, "subtitle", feed.description)
    _add(root, "id", feed.id)
    _add(root, "updated", _iso(feed.updated))
    _add(_add(root, "author"), "name", feed.author)
    _add(root, "generator", "Sendbrief")
    _add(root, "link", rel="self", type="application/atom+xml", href=feed.url)
    _add(root, "link", rel="alternate", type="text/html", hreflang=feed.language, href=feed.home)
    for language, url in feed.others:
        _add(root, "link", rel="alternate", type="application/atom+xml", hreflang=language, href=url)
    for item in feed.items:
        _entry(root, item)
    return xml_file(root)


def xml_file(root: ElementTree.Element) -> bytes:
    """An element as a whole file."""
    raw: bytes = ElementTree.tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + raw + b"\n"


def _entry(root: ElementTree.Element, item: Item) -> None:
    entry = _add(root, "entry")
    entry.set(f"{{{_XML}}}lang", item.language)
    _add(entry, "title", item.title)
    _add(entry, "id", item.id)
    _add(entry, "link", rel="alternate", type="text/html", hreflang=item.language, href=item.url)
    _add(entry, "published", _iso(item.published))
    _add(entry, "updated", _iso(item.updated))
    if item.summary:
        _add(entry, "summary", item.summary)
    _add(entry, "content", item.html, type="html")


def _add(parent: ElementTree.Element, tag: str, text: str = "", **attributes: str) -> ElementTree.Element:
    """A child element; text is cleaned of what XML can't hold (XML 1.0, 2.2)."""
    child = ElementTree.SubElement(parent, f"{{{_ATOM}}}{tag}", attributes)
    child.text = clean(text) or None
    return child


def json_feed(feed: Feed) -> bytes:
    """The feed as JSON Feed 1.1."""
    data = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "description": feed.description,
        "home_page_url": feed.home,
        "feed_url": feed.url,
        "language": feed.language,
        "authors": [{"name": feed.author}],
        "items": [dict(_item(item)) for item in feed.items],
    }
    kept = {key: value for key, value in data.items() if value or key == "items"}
    return json.dumps(kept, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _item(item: Item) -> Iterator[tuple[str, Any]]:
    yield "id", item.id
    yield "url", item.url
    yield "title", item.title
    yield "content_html", item.html
    if item.summary:
        yield "summary", item.summary
    if item.image:
        yield "image", item.image
    yield "date_published", _iso(item.published)
    yield "date_modified", _iso(item.updated)
    yield "language", item.language


def _iso(moment: datetime) -> str:
    """RFC 3339, in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
