"""The items of a feed become entries: what names each, its title, its text made safe, its date made plausible."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from html import escape, unescape
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from chalicelib.collect.entry import Entry, EntryText, Image
from chalicelib.collect.feed_items import Item, Items, moment, read_items
from chalicelib.collect.identity import canonical_url, digest, entry_id, identities, slugify, without_tracking
from chalicelib.collect.languages import detect
from chalicelib.content.markup import one_line, plain_text, sanitise
from chalicelib.content.values import Kind

MAX_TITLE = 300
MAX_SUMMARY = 2000
LONGEST_WAIT = timedelta(days=366)
"""A date further ahead is a slip of the pen; an entry would wait for it for ever."""
MOMENT_OF_READING = timedelta(minutes=1)
_ANCHOR = re.compile(r"<a\s[^<>]*>")
_HREF = re.compile(r'(?<= href=")[^"?]*\?[^"]+(?=")')


@dataclass(frozen=True, slots=True)
class Question:
    """What a feed is read with: of its site and source only what is needed. ``url`` is where it was fetched."""

    source: str
    kind: Kind
    language: str
    languages: tuple[str, ...]
    base_url: str
    zone: str
    url: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What is in a feed. ``unfinished`` is set where it must be asked for in full again: entries wait for their
    date, or it broke off."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    unfinished: bool = False


def read_entries(question: Question, body: bytes) -> Reading:
    """The entries of a feed that are visible now. Raises SourceError where it is no feed."""
    items = read_items(body, question.url, ZoneInfo(question.zone))
    names = _Names(items, question)
    dated = _dated_when_read(items, question.now)
    notes, entries = list(items.notes), dict[str, Entry]()
    for position, item in enumerate(items.items, 1):
        entry = _entry(question, item, names)
        if entry is None:
            notes.append(f"entry {position} has neither a title nor a text; left out")
        else:
            entries.setdefault(entry.id, replace(entry, published=None) if dated else entry)
    visible = tuple(e for e in entries.values() if e.published is None or e.published <= question.now)
    return Reading(visible, tuple(notes[:20]), items.broken_off or len(visible) < len(entries))


def _dated_when_read(items: Items, now: datetime) -> bool:
    """Whether a program wrote the time of the request as the date of each entry: then none has a date."""
    dates = [date for item in items.items if (date := moment(item))]
    return len(dates) >= 3 and all(now - MOMENT_OF_READING <= date <= now for date in dates)


class _Names:
    """Which links and GUIDs of a feed name one entry each: what several share, or leads home, names none."""

    def __init__(self, items: Items, question: Question) -> None:
        by_link: dict[str, set[str]] = defaultdict(set)
        by_guid: dict[str, set[str]] = defaultdict(set)
        for item in items.items:
            by_link[canonical_url(item["link"])].add(item["guid"] or item["title"])
            by_guid[item["guid"]].add(canonical_url(item["link"]) or item["title"])
        self._shared_guids = {guid for guid, users in by_guid.items() if len(users) > 1}
        self._shared_links = {link for link, users in by_link.items() if len(users) > 1} | {""}
        self._homes = {canonical_url(items.home)}
        for url in (items.home, question.url):
            self._homes.add(canonical_url(urlsplit(url).netloc))
        self._source = question.source

    def of(self, item: Item, title: str) -> tuple[str, ...]:
        """The names of an item, at least one."""
        link = canonical_url(item["link"])
        urls = () if link in self._shared_links or link in self._homes else (item["link"],)
        guid = item["guid"] if item["guid"] not in self._shared_guids else ""
        if urls or guid.strip():
            return identities(self._source, guid=guid.strip(), urls=urls)
        date = moment(item)
        slug = slugify(title) or digest(title)[:12]
        return identities(self._source, slug=f"{slug}/{date:%Y-%m-%d}" if date else slug)


def _entry(question: Question, item: Item, names: _Names) -> Entry | None:
    link = without_tracking(item["link"])
    base = item["base"] or link or question.base_url
    body = _without_tracking(sanitise(item["html"], base))
    title = one_line(_plain(item["title"]), MAX_TITLE) or _beginning(plain_text(body))
    if not title:
        return None
    known = names.of(item, title)
    said = question.language or item["language"]
    stated = question.language or _language(question, item["language"])
    language = stated or (not said and detect(f"{title}\n{body[:2000]}", question.languages)) or question.languages[0]
    summary = one_line(_plain(item["summary"]), MAX_SUMMARY)
    image = item["image"] if item["image"].startswith("https://") else ""
    date = moment(item)
    return Entry(
        id=entry_id(known[0]),
        slug=slugify(title) or entry_id(known[0]),
        kind=question.kind,
        source=question.source,
        texts={language: EntryText(title, link, body, "" if summary == plain_text(body) else summary)},
        first_seen=question.now,
        published=date if date and date <= question.now + LONGEST_WAIT else None,
        authors=item["authors"],
        categories=item["categories"],
        image=Image(image, "") if image else None,
        identities=known,
    )


def _plain(html: str) -> str:
    """The text of foreign HTML on one line; most titles have no tag, and need no sanitiser."""
    return plain_text(sanitise(html, "") if "<" in html else html)


def _beginning(text: str) -> str:
    """The first words of a text, for an entry without a title."""
    return text if len(text) <= 80 else text[:81].rsplit(" ", 1)[0][:80]


def _language(question: Question, tag: str) -> str | None:
    for candidate in (tag, tag.split("-")[0].lower()):
        if candidate in question.languages:
            return candidate
    return None


def _without_tracking(html: str) -> str:
    """Sanitised HTML whose links tell nobody where they were followed from."""

    def plain(link: re.Match[str]) -> str:
        return escape(without_tracking(unescape(link[0])))

    return _ANCHOR.sub(lambda anchor: _HREF.sub(plain, anchor[0]), html)


def question_from_json(data: Mapping[str, str]) -> Question:
    """What ``question_to_json`` wrote."""
    languages = tuple(data["languages"].split())
    kind, now = Kind(data["kind"]), datetime.fromisoformat(data["now"])
    return Question(data["source"], kind, data["language"], languages, data["base_url"], data["zone"], data["url"], now)


def question_to_json(question: Question) -> dict[str, str]:
    """A JSON object of texts."""
    return {
        "source": question.source,
        "kind": str(question.kind),
        "language": question.language,
        "languages": " ".join(question.languages),
        "base_url": question.base_url,
        "zone": question.zone,
        "url": question.url,
        "now": question.now.isoformat(),
    }
