"""Feed bytes become entries: RSS and Atom by feedparser without its sanitiser, JSON Feed by ourselves."""

import calendar
import html
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import urljoin

from chalicelib.collect.entry import Entry, EntryText, Image
from chalicelib.collect.found import Found, SourceError, refuse_what_is_no_source
from chalicelib.collect.identity import digest, entry_id, identities, slugify, without_tracking
from chalicelib.content.markup import is_base, one_line, plain_text, sanitise
from chalicelib.content.values import Problem, Severity, Site, Source

MAX_ENTRIES = 1000
MAX_TITLE = 300
MAX_SUMMARY = 2000
MAX_URL = 2000
MAX_WORDS, MAX_WORD = 50, 100
# asked for by dict.get: feedparser's own get answers one for the other, with a warning
_DATES = ("published_parsed", "updated_parsed")
Item = Mapping[str, Any]
"""One entry of a feed in either format: guid, link, title, html, summary, language, published, authors, ..."""
_OFFSET = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")


def read_feed(site: Site, source: Source, body: bytes, url: str, now: datetime) -> Found:
    """The entries of a feed fetched from ``url``. Raises SourceError where it is no feed at all."""
    refuse_what_is_no_source(body)
    items = _json_items(body, url) if _looks_like_json(body) else _xml_items(body, url)
    raw = list(islice(items, MAX_ENTRIES + 1))
    problems: list[Problem] = []
    if len(raw) > MAX_ENTRIES:
        problems.append(_problem(source, f"holds more than {MAX_ENTRIES} entries; only the first are read"))
    shared = {link for link, count in Counter(item["link"] for item in raw if item["guid"]).items() if count > 1}
    entries: dict[str, Entry] = {}
    for position, item in enumerate(raw[:MAX_ENTRIES], 1):
        entry = _entry(site, source, item, now, named_by_link=item["link"] not in shared)
        if entry is None:
            problems.append(_problem(source, f"entry {position} has neither a title nor a text; left out"))
        else:
            entries.setdefault(entry.id, entry)
    visible = tuple(e for e in entries.values() if e.published is None or e.published <= now)
    return Found(visible, problems=tuple(problems))


def _problem(source: Source, message: str) -> Problem:
    return Problem("content/site.yaml", source.line, "feed", Severity.WARNING, f"source '{source.name}' {message}")


def _entry(site: Site, source: Source, item: Item, now: datetime, *, named_by_link: bool) -> Entry | None:
    """One entry. ``named_by_link`` is False where several entries of the feed share one link, like the home page."""
    link = item["link"]
    body = sanitise(item["html"], link or site.base_url)
    title = item["title"] or _beginning(plain_text(body))
    if not title:
        return None
    urls = (link,) if link and named_by_link else ()
    slug = "" if urls or item["guid"] else slugify(title) or digest(title)[:12]
    names = identities(source.name, guid=item["guid"], urls=urls, slug=slug)
    language = source.language or _language(site, item["language"]) or site.fallback
    summary = one_line(plain_text(sanitise(item["summary"], link)), MAX_SUMMARY)
    image = item["image"] if item["image"].startswith("https://") else ""
    return Entry(
        id=entry_id(names[0]),
        slug=slugify(title) or entry_id(names[0]),
        kind=source.entry_kind,
        source=source.name,
        texts={
            language: EntryText(title, without_tracking(link), body, "" if summary == plain_text(body) else summary)
        },
        first_seen=now,
        published=item["published"],
        authors=item["authors"],
        categories=item["categories"],
        image=Image(image, "") if image else None,
        identities=names,
    )


def _beginning(text: str) -> str:
    """The first words of a text, for an entry without a title."""
    return text if len(text) <= 80 else text[:81].rsplit(" ", 1)[0][:80]


def _language(site: Site, tag: str) -> str | None:
    for candidate in (tag, tag.split("-")[0].lower()):
        if candidate in site.languages:
            return candidate
    return None


def _xml_items(body: bytes, url: str) -> Iterator[dict[str, Any]]:
    import feedparser  # 77 ms: only where a feed is read

    # a BytesIO, never bytes or text: feedparser opens what looks like a path or a URL
    parsed = feedparser.parse(io.BytesIO(body), sanitize_html=False, response_headers={"content-location": url})
    if not parsed.version and not parsed.entries:
        cause = parsed.get("bozo_exception")
        raise SourceError(
            f"no RSS, Atom or JSON Feed was found{f' ({cause})' if cause else ''}".replace("\n", " ")[:300]
        )
    language = str(parsed.feed.get("language", ""))
    for entry in parsed.entries:
        contents = [c.get("value", "") for c in entry.get("content", [])]
        summary, title = str(entry.get("summary", "")), str(entry.get("title", ""))
        is_text = entry.get("title_detail", {}).get("type") == "text/plain"
        said = (entry.get("content") or [entry.get("summary_detail") or entry.get("title_detail") or {}])[0]
        yield {
            "guid": str(entry.get("id", "")),
            "link": _link(url, str(entry.get("link", ""))),
            "title": _title(html.escape(title) if is_text else title),
            "html": contents[0] if contents else summary,
            "summary": summary if contents else "",
            "language": str(said.get("language") or language),  # xml:lang: a planet gathers blogs of many languages
            "published": _struct(next((entry[key] for key in _DATES if dict.get(entry, key)), None)),
            "authors": _words(a.get("name") for a in entry.get("authors", [])),
            "categories": _words(t.get("term") for t in entry.get("tags", [])),
            "image": next((_link(url, str(m.get("url", ""))) for m in entry.get("media_thumbnail", [])), ""),
        }


def _looks_like_json(body: bytes) -> bool:
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def _json_items(body: bytes, url: str) -> Iterator[dict[str, Any]]:
    """JSON Feed 1.0 and 1.1 (jsonfeed.org)."""
    try:
        feed = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"looks like JSON but can't be read: {error}"[:300]) from None
    if not isinstance(feed, dict) or not isinstance(feed.get("items"), list):
        raise SourceError("is JSON but no JSON Feed: it has no list of items")
    for item in feed["items"]:
        yield _json_item(item if isinstance(item, dict) else {}, feed, url)


def _json_item(item: Mapping[str, Any], feed: Mapping[str, Any], url: str) -> dict[str, Any]:
    authors = _list(item.get("authors")) or [item.get("author")]
    names = [a.get("name") for a in (authors if any(authors) else _list(feed.get("authors"))) if isinstance(a, dict)]
    text = _text(item.get("content_text"))
    return {
        "guid": _text(item.get("id")),
        "link": _link(url, _text(item.get("url")) or _text(item.get("external_url"))),
        "title": _title(html.escape(_text(item.get("title")))),
        "html": _text(item.get("content_html")) or "".join(f"<p>{html.escape(p)}</p>" for p in text.split("\n\n") if p),
        "summary": html.escape(_text(item.get("summary"))),
        "language": _text(item.get("language")) or _text(feed.get("language")),
        "published": _iso(item.get("date_published")) or _iso(item.get("date_modified")),
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
    texts = (one_line(value, MAX_WORD) for value in values if isinstance(value, str))
    return tuple(islice(dict.fromkeys(text for text in texts if text), MAX_WORDS))


def _link(base: str, written: str) -> str:
    """An absolute URL that can stand in a mail, or ''; the feed itself is no place to read on."""
    written = written.strip()
    try:
        url = urljoin(base, written) if written else ""
    except ValueError:  # a broken IPv6 address
        return ""
    fits = (
        url != base
        and url.startswith(("http://", "https://"))
        and len(url) <= MAX_URL
        and not re.search(r"[\s<>\"]", url)
    )
    return url if fits and is_base(url) else ""


def _title(title: str) -> str:
    return one_line(plain_text(sanitise(title, "")), MAX_TITLE)


def _struct(parts: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(calendar.timegm(parts), UTC) if parts else None
    except (ValueError, OverflowError, TypeError, OSError):
        return None


def _iso(text: object) -> datetime | None:
    """RFC 3339, as JSON Feed asks; without an offset it is no moment, so none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) and _OFFSET.search(text) else None
    except (ValueError, OverflowError):
        return None
