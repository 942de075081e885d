"""Feed bytes become entries: RSS and Atom by feedparser without its sanitiser, JSON Feed by ourselves."""

import calendar
import html
import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

from chalicelib.collect.entry import Entry, EntryText, Image
from chalicelib.collect.found import Found, SourceError
from chalicelib.collect.identity import entry_id, identities, slugify, without_tracking
from chalicelib.content.markup import plain_text, sanitise
from chalicelib.content.values import Problem, Severity, Site, Source

MAX_ENTRIES = 1000
MAX_TITLE = 300
_OFFSET = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")


def read_feed(site: Site, source: Source, body: bytes, url: str, now: datetime) -> Found:
    """The entries of a feed fetched from ``url``. Raises SourceError where it is no feed at all."""
    if not body.strip():
        raise SourceError("the answer is empty")
    raw = list(_json_items(body, url) if _looks_like_json(body) else _xml_items(body, url))
    problems: list[Problem] = []
    if len(raw) > MAX_ENTRIES:
        problems.append(_problem(source, f"holds {len(raw)} entries; only the first {MAX_ENTRIES} are read"))
    entries: dict[str, Entry] = {}
    for position, item in enumerate(raw[:MAX_ENTRIES], 1):
        entry = _entry(site, source, item, now)
        if entry is None:
            problems.append(_problem(source, f"entry {position} has neither title nor link; left out"))
        else:
            entries.setdefault(entry.id, entry)
    visible = tuple(e for e in entries.values() if e.published is None or e.published <= now)
    return Found(visible, problems=tuple(problems))


def _problem(source: Source, message: str) -> Problem:
    return Problem("content/site.yaml", source.line, "feed", Severity.WARNING, f"source '{source.name}' {message}")


def _entry(site: Site, source: Source, item: Mapping[str, Any], now: datetime) -> Entry | None:
    link, title = item["link"], item["title"]
    body = sanitise(item["html"], link or site.base_url)
    title = title or plain_text(body)[:80].rsplit(" ", 1)[0]
    if not title:
        return None
    names = identities(
        source.name, guid=item["guid"], urls=(link,) if link else (), slug="" if link else slugify(title)
    )
    if not names:
        return None
    language = source.language or _language(site, item["language"]) or site.fallback
    summary = plain_text(sanitise(item["summary"], link))
    image = item["image"] if item["image"].startswith("https://") else ""
    return Entry(
        id=entry_id(names[0]),
        slug=slugify(title) or entry_id(names[0]),
        kind=source.entry_kind,
        source=source.name,
        texts={
            language: EntryText(title, without_tracking(link), body, summary if summary != plain_text(body) else "")
        },
        first_seen=now,
        published=item["published"],
        authors=item["authors"],
        categories=item["categories"],
        image=Image(image, "") if image else None,
        identities=names,
    )


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
        summary = str(entry.get("summary", ""))
        said = (entry.get("content") or [entry.get("summary_detail") or entry.get("title_detail") or {}])[0]
        yield {
            "guid": str(entry.get("id", "")),
            "link": _http(urljoin(url, str(entry.get("link", "")).strip())),
            "title": _title(entry.get("title", "")),
            "html": contents[0] if contents else summary,
            "summary": summary if contents else "",
            "language": str(said.get("language") or language),  # xml:lang: a planet gathers blogs of many languages
            "published": _struct(entry.get("published_parsed") or entry.get("updated_parsed")),
            "authors": tuple(a["name"] for a in entry.get("authors", []) if a.get("name")),
            "categories": tuple(t["term"] for t in entry.get("tags", []) if t.get("term")),
            "image": next((str(m.get("url", "")) for m in entry.get("media_thumbnail", [])), ""),
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
        if not isinstance(item, dict):
            continue
        authors = item.get("authors") or ([item["author"]] if item.get("author") else feed.get("authors")) or []
        names = [a.get("name") for a in authors if isinstance(a, dict)]
        yield {
            "guid": str(item.get("id") or ""),
            "link": _http(urljoin(url, str(item.get("url") or item.get("external_url") or ""))),
            "title": _title(item.get("title") or ""),
            "html": str(item.get("content_html") or html.escape(str(item.get("content_text") or ""))),
            "summary": html.escape(str(item.get("summary") or "")),
            "language": str(item.get("language") or feed.get("language") or ""),
            "published": _iso(item.get("date_published") or item.get("date_modified")),
            "authors": tuple(str(name) for name in names if name),
            "categories": tuple(str(tag) for tag in item.get("tags") or [] if isinstance(tag, str)),
            "image": str(item.get("image") or ""),
        }


def _http(url: str) -> str:
    return url if url.startswith(("http://", "https://")) and not re.search(r"[\s<>\"]", url) else ""


def _title(title: object) -> str:
    return plain_text(sanitise(str(title), ""))[:MAX_TITLE]


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
