"""The bytes of a feed become items, values as the feed wrote them: RSS and Atom by feedparser, JSON Feed by ourselves.

Runs in the process that may be killed (feed_worker.py): what is read here was written by strangers.
"""

import html
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any
from urllib.parse import urljoin

from chalicelib.collect.broken_xml import ENTRY_BEGINS, ENTRY_ENDS, breaks_off, tells_its_last, with_ends_set_right
from chalicelib.collect.dates import parse_date
from chalicelib.collect.found import SourceError
from chalicelib.collect.repair import repaired
from chalicelib.content.markup import is_base, one_line

MAX_ENTRIES = 1000
MAX_URL = 2000
MAX_WORDS, MAX_WORD = 50, 100
Item = Mapping[str, Any]
"""One entry of a feed in either format: guid, link, title, html, summary, base, language, published, authors, ..."""
# asked for by dict.get: feedparser's own get answers one for the other, with a warning
_DATES = ("published", "updated", "created")
_DATE = re.compile(rb"<(?:pubDate|published|updated|dc:date)>([^<]{1,100})<")
_BASE = re.compile(rb"base\s*=|\x00", re.IGNORECASE)
"""An xml:base, or an encoding in which it can't be seen."""
_LINE = re.compile(r":(\d+):\d+: ")


@dataclass(frozen=True, slots=True)
class Items:
    """``home`` is where the feed says its site stands. ``notes`` say what of it could not be read, in plain words."""

    items: tuple[Item, ...]
    home: str = ""
    notes: tuple[str, ...] = ()
    broken_off: bool = False


def read_items(body: bytes, url: str, zone: tzinfo) -> Items:
    """The items of a feed fetched from ``url``, at most MAX_ENTRIES. Raises SourceError where it is no feed."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return _json_items(body, url, zone)
    return _xml_items(body, url, zone)


def _too_many(count: int, kept: str) -> tuple[str, ...]:
    return (f"holds {count} entries; only the {kept} {MAX_ENTRIES} are read",) if count > MAX_ENTRIES else ()


def _xml_items(body: bytes, url: str, zone: tzinfo) -> Items:
    body, notes = _without_surplus(body, zone)
    parsed = _parsed(body, url)
    if parsed.bozo and (mended := with_ends_set_right(body)) != body:
        parsed = max(parsed, _parsed(mended, url), key=_named)
    if not parsed.version and not parsed.entries:
        raise SourceError(_no_feed(body, str(parsed.get("bozo_exception", ""))))
    broken_off = bool(parsed.bozo) and breaks_off(body)
    entries = list(islice(parsed.entries, MAX_ENTRIES))
    if broken_off and not tells_its_last(body):
        del entries[-1:]
    if broken_off:
        notes = (*notes, "breaks off before its end; what came before is read")
    language = str(parsed.feed.get("language", ""))
    items = tuple(_xml_item(entry, url, language, zone) for entry in entries)
    return Items(items, _link(url, str(parsed.feed.get("link", "")), itself=True), notes, broken_off)


def _parsed(body: bytes, url: str) -> Any:
    import feedparser  # 77 ms: only where a feed is read

    # Without bases of its own a feed has one, to which _link makes all absolute; feedparser asks each element for it.
    headers = {"content-location": url} if _BASE.search(body) else None
    # a BytesIO, never bytes or text: feedparser opens what looks like a path or a URL
    return feedparser.parse(
        io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False, response_headers=headers
    )  # our own sanitiser does both, in a tenth of the time


def _named(parsed: Any) -> int:
    """How many entries have what names one."""
    return sum(1 for entry in parsed.entries if entry.get("title") or entry.get("link"))


def _no_feed(body: bytes, cause: str) -> str:
    if re.search(rb"<(?:html|body|form)[\s>]", body[:20_000], re.IGNORECASE):
        return "the answer is a web page (HTML): perhaps a login, or the address has changed"
    line = _LINE.search(cause)
    return "no RSS, Atom or JSON Feed was found" + (f": the XML breaks at line {line[1]}" if line else "")


def _without_surplus(body: bytes, zone: tzinfo) -> tuple[bytes, tuple[str, ...]]:
    """The body without the entries beyond MAX_ENTRIES, which would take minutes to parse: the older ones."""
    starts = [match.start() for match in ENTRY_BEGINS.finditer(body)]
    if len(starts) <= MAX_ENTRIES:
        return body, ()
    first, last = (_DATE.search(body, start, start + 20_000) for start in (starts[0], starts[-1]))
    dates = [parse_date(found[1].decode("latin-1"), zone) if found else None for found in (first, last)]
    if dates[0] and dates[1] and dates[0] < dates[1]:
        return body[: starts[0]] + body[starts[-MAX_ENTRIES] :], _too_many(len(starts), "last")
    end = max((m.end() for m in ENTRY_ENDS.finditer(body, starts[-1])), default=len(body))
    return body[: starts[MAX_ENTRIES]] + body[end:], _too_many(len(starts), "first")


def _xml_item(entry: Any, url: str, language: str, zone: tzinfo) -> Item:
    contents = [c.get("value", "") for c in entry.get("content", [])]
    summary, title = str(entry.get("summary", "")), str(entry.get("title", ""))
    is_text = entry.get("title_detail", {}).get("type") == "text/plain"
    said = (entry.get("content") or [entry.get("summary_detail") or entry.get("title_detail") or {}])[0]
    dates = (parse_date(dict.get(entry, key), zone) for key in _DATES)
    return {
        "guid": str(entry.get("id", "")),
        "link": _link(url, str(entry.get("link", ""))),
        "title": repaired(html.escape(title) if is_text else title),
        "html": repaired(contents[0] if contents else summary),
        "summary": repaired(summary) if contents else "",
        "base": str(said.get("base") or url),  # xml:base, else the address of the feed
        "language": str(said.get("language") or language),  # xml:lang: a planet gathers blogs of many languages
        "published": next((date for date in dates if date), None),
        "authors": _words(a.get("name") for a in entry.get("authors", [])),
        "categories": _words(t.get("term") for t in entry.get("tags", [])),
        "image": next((_link(url, str(m.get("url", ""))) for m in entry.get("media_thumbnail", [])), ""),
    }


def _json_items(body: bytes, url: str, zone: tzinfo) -> Items:
    """JSON Feed 1.0 and 1.1 (jsonfeed.org)."""
    try:
        feed = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"looks like JSON but can't be read: {error}"[:300]) from None
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise SourceError("is JSON but no JSON Feed: it has no list of items")
    items = [item if isinstance(item, dict) else {} for item in feed["items"]]
    ends = [parse_date(items[at].get("date_published"), zone) for at in (0, -1)] if items else [None, None]
    grows = bool(ends[0] and ends[1] and ends[0] < ends[1])
    kept = items[-MAX_ENTRIES:] if grows else items[:MAX_ENTRIES]
    home = _link(url, _text(feed.get("home_page_url")), itself=True)
    notes = _too_many(len(items), "last" if grows else "first")
    return Items(tuple(_json_item(item, feed, url, zone) for item in kept), home, notes)


def _json_item(item: Mapping[str, Any], feed: Mapping[str, Any], url: str, zone: tzinfo) -> Item:
    authors = _list(item.get("authors")) or [item.get("author")]
    names = [a.get("name") for a in (authors if any(authors) else _list(feed.get("authors"))) if isinstance(a, dict)]
    text = _text(item.get("content_text"))
    paragraphs = "".join(f"<p>{html.escape(p)}</p>" for p in text.split("\n\n") if p)
    dates = (parse_date(item.get(key), zone) for key in ("date_published", "date_modified"))
    return {
        "guid": _text(item.get("id")),
        "link": _link(url, _text(item.get("url")) or _text(item.get("external_url"))),
        "title": repaired(html.escape(_text(item.get("title")))),
        "html": repaired(_text(item.get("content_html")) or paragraphs),
        "summary": repaired(html.escape(_text(item.get("summary")))),
        "base": "",
        "language": _text(item.get("language")) or _text(feed.get("language")),
        "published": next((date for date in dates if date), None),
        "authors": _words(names),
        "categories": _words(_list(item.get("tags"))),
        "image": _link(url, _text(item.get("image"))),
    }


def _text(value: object) -> str:
    """A JSON text, or a number that stands in place of one; '' for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(values: Iterable[object]) -> tuple[str, ...]:
    """Names or categories: texts only, each once, not more than a reader would ever see."""
    texts = (one_line(repaired(value[: 10 * MAX_WORD]), MAX_WORD) for value in values if isinstance(value, str))
    return tuple(islice(dict.fromkeys(text for text in texts if text), MAX_WORDS))


def _link(base: str, written: str, *, itself: bool = False) -> str:
    """An absolute URL that can stand in a mail, or ''; the feed ``itself`` is no place to read on."""
    written = written.strip()
    try:
        url = urljoin(base, written) if written else ""
    except ValueError:  # a broken IPv6 address
        return ""
    fits = (
        (url != base or itself)
        and url.startswith(("http://", "https://"))
        and len(url) <= MAX_URL
        and not re.search(r"[\s<>\"]", url)
    )
    return url if fits and is_base(url) else ""


def moment(item: Item) -> datetime | None:
    """When an item says it was published."""
    date: datetime | None = item["published"]
    return date
