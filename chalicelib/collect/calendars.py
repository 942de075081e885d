"""ICS calendars (RFC 5545) become entries: one for each coming occurrence of an event, moved and cancelled ones told.

A calendar is read for the 90 days from ``now`` on. What was taken apart is kept for the next reading of the same
bytes: a simulation reads one file at many moments.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from html import escape
from threading import Lock
from zoneinfo import ZoneInfo

from chalicelib.collect.calendar_lines import Block, CalendarLines, take_apart
from chalicelib.collect.entry import Change, Entry, EntryText
from chalicelib.collect.events import Event, ZoneTable, read_event
from chalicelib.collect.found import Found
from chalicelib.collect.identity import entry_id, identities, slugify
from chalicelib.collect.languages import detect
from chalicelib.collect.occurrences import Occurrence, Window, dropped_by_midnight, latest_versions, occurrences
from chalicelib.collect.recurrence import Budget
from chalicelib.collect.repair import repaired
from chalicelib.collect.zones import known_zone
from chalicelib.content.markup import is_base, one_line, sanitise
from chalicelib.content.values import Problem, Severity, Site, Source

HORIZON = timedelta(days=90)
"""How far ahead occurrences become entries; sections cut finer with ``within``."""
MAX_EVENTS = 5000
"""Of those that may fall into the window."""
MAX_ENTRIES = 5000
MAX_PROBLEMS = 30
BUDGET_DAYS = 3_000_000
"""How many days the rules of one calendar may look at: some seconds' worth."""
KEPT_FILES = 8


@dataclass(slots=True)
class _Parsed:
    """A calendar file and what was read of it so far."""

    lines: CalendarLines
    zones: ZoneTable
    events: dict[int, Event | str] = field(default_factory=dict)

    def event(self, block: Block) -> Event:
        """Raises ValueError, in plain words, where it can't be used."""
        if id(block) not in self.events:
            cancelled = self.lines.methods.get(block.calendar) == "CANCEL"
            try:
                self.events[id(block)] = read_event(block.lines, self.zones, cancelled=cancelled)
            except ValueError as error:
                self.events[id(block)] = str(error)
        found = self.events[id(block)]
        if isinstance(found, str):
            raise ValueError(found)
        return found


_files: OrderedDict[tuple[bytes, str], _Parsed] = OrderedDict()
_lock = Lock()


def _parsed(body: bytes, zone: ZoneInfo) -> _Parsed:
    key = (sha256(body).digest(), zone.key)
    with _lock:
        if key in _files:
            _files.move_to_end(key)
            return _files[key]
    lines = take_apart(body)
    parsed = _Parsed(lines, ZoneTable(known_zone(lines.zone) or zone, zone, lines.definitions))
    with _lock:
        _files[key] = parsed
        while len(_files) > KEPT_FILES:
            _files.popitem(last=False)
    return parsed


def read_calendar(site: Site, source: Source, body: bytes, now: datetime) -> Found:
    """The occurrences that begin within ``HORIZON`` of ``now`` or still last. Raises SourceError for no calendar."""
    parsed = _parsed(body, site.time_zone)
    reading = _Reading(site, source, parsed, Window(now, now - timedelta(days=1), now + HORIZON))
    families, cut = _coming(parsed.lines.blocks, reading.window)
    if cut:
        reading.warn(f"holds {cut + MAX_EVENTS} coming events; only the first {MAX_EVENTS} are read")
    if not parsed.lines.whole:
        reading.warn("breaks off before its end; what it lacks is not taken for withdrawn")
    for blocks in families:
        if len(reading.entries) >= MAX_ENTRIES:
            reading.warn(
                f"has more than {MAX_ENTRIES} coming dates; the events from '{_name(blocks[0])}' on are not read"
            )
            cut += 1
            break
        reading.read(blocks)
    return Found(tuple(reading.entries.values()), not cut and parsed.lines.whole, tuple(reading.problems()))


def _coming(blocks: Iterable[Block], window: Window) -> tuple[list[list[Block]], int]:
    """Events by UID, as far as any of one UID may fall into the window; how many were too many."""
    families: dict[str, list[Block]] = {}
    for number, block in enumerate(blocks):
        families.setdefault(block.uid or f"\0{number}", []).append(block)
    low, high = (
        (window.low - timedelta(days=40)).strftime("%Y%m%d"),
        (window.high + timedelta(days=2)).strftime("%Y%m%d"),
    )
    kept, count = [], 0
    for family in families.values():
        if any(block.series or not block.day or low <= block.day <= high for block in family):
            count += len(family)
            if count <= MAX_EVENTS:
                kept.append(family)
    return kept, max(0, count - MAX_EVENTS)


class _Reading:
    """One reading of a calendar: the entries found, and what could not be used."""

    def __init__(self, site: Site, source: Source, parsed: _Parsed, window: Window) -> None:
        self.site = site
        self.source = source
        self.parsed = parsed
        self.window = window
        self.budget = Budget(BUDGET_DAYS)
        self.entries: dict[str, Entry] = {}
        self.said: dict[str, None] = {}

    def warn(self, message: str) -> None:
        """Each message once."""
        self.said[f"source '{self.source.name}': {message}"[:300]] = None

    def problems(self) -> Iterator[Problem]:
        """As many as a person reads."""
        messages = list(self.said)
        if len(messages) > MAX_PROBLEMS:
            left = len(messages) - MAX_PROBLEMS
            messages[MAX_PROBLEMS:] = [f"source '{self.source.name}': {left} further problems of this kind"]
        for message in messages:
            yield Problem("content/site.yaml", self.source.line, "calendar", Severity.WARNING, message)

    def read(self, blocks: Sequence[Block]) -> None:
        """The events of one UID."""
        events = []
        for block in blocks:
            try:
                events.append(self.parsed.event(block))
            except ValueError as error:
                self.warn(f"event '{_name(block)}' can't be used: {error}")
        try:
            self._keep(latest_versions(events))
        except (ValueError, OverflowError) as error:
            self.warn(f"event '{_name(blocks[0])}' can't be used: {one_line(str(error))}")

    def _keep(self, events: list[Event]) -> None:
        single = Counter(event.original for event in events)[None] < 2
        for family in [events] if single else _apart(events):
            found = occurrences(family, self.window, self.budget)
            for one in found:
                entry = self._entry(one, single=single)
                self.entries.setdefault(entry.id, entry)
            if found:
                self._tell(family, single=single)

    def _tell(self, events: list[Event], *, single: bool) -> None:
        """What is used, but not as its owner may think."""
        event = events[0]
        title = event.title[:80]
        for zone in dict.fromkeys(zone for event in events for zone in event.unknown_zones):
            used = getattr(self.parsed.zones.usual, "key", "the site's zone")
            self.warn(f"event '{title}' is in the time zone '{zone[:60]}', which is unknown; it is read as {used}")
        if not event.uid:
            self.warn(f"event '{title}' has no UID: told apart by title and time, it counts as new when these change")
        elif not single:
            self.warn(f"event '{title}' shares its UID with others: told apart by time, it counts as new when moved")
        for event in events:
            if day := dropped_by_midnight(event, self.window.now, self.budget):
                self.warn(
                    f"event '{title}' repeats UNTIL {day} at midnight, which leaves out the occurrence of that day to "
                    f"the letter; it is kept. Write UNTIL with the time of the last occurrence"
                )

    def _entry(self, one: Occurrence, *, single: bool) -> Entry:
        event = one.event
        link = next((t for t in (event.url, event.place) if _is_link(t)), "")
        paragraphs = repaired(event.description).split("\n\n")
        body = "".join(f"<p>{escape(part)}</p>" for part in paragraphs if part.strip())
        names = identities(self.source.name, guid=_guid(one, single=single))
        title = repaired(event.title)
        return Entry(
            id=entry_id(names[0]),
            slug=f"{one.starts.astimezone(self.site.time_zone):%Y-%m-%d}-{slugify(title)}",
            kind=self.source.entry_kind,
            source=self.source.name,
            texts={self._language(event): EntryText(title, link, sanitise(body, link))},
            first_seen=self.window.now,
            starts=one.starts,
            ends=one.ends,
            all_day=event.start.whole_day,
            place=repaired(event.place),
            change=one.change,
            moved_from=one.original if one.change is Change.MOVED else None,
            series=event.uid if event.repeats or event.original else "",
            planned_on=one.planned_on,
            identities=names,
            revision=event.sequence,
        )

    def _language(self, event: Event) -> str:
        """The source's, else the one its title says, else the one it is written in."""
        site, said = self.site, event.language
        stated = next((tag for tag in (said, said.split("-")[0].lower()) if tag in site.languages), None)
        detected = None if said else detect(f"{event.title}\n{event.description}", site.languages)
        return self.source.language or stated or detected or site.fallback


def _apart(events: list[Event]) -> Iterator[list[Event]]:
    """Different events with one UID; changes of occurrences go with the first series among them."""
    changes = [event for event in events if event.original]
    for event in events:
        if event.original is None:
            yield [event, *(changes if event.repeats else ())]
            changes = [] if event.repeats else changes
    if changes:
        yield changes


def _guid(one: Occurrence, *, single: bool) -> str:
    """What names an occurrence: its UID, of a series with the moment it was first planned for."""
    event = one.event
    uid = event.uid or slugify(event.title)
    if one.from_here:
        return f"{uid}/{one.original:%Y%m%dT%H%M}" if one.original else f"{uid}"
    if event.uid and single and one.original is None:
        return uid
    return f"{uid}/{one.original or one.starts:%Y%m%dT%H%M}"


def _is_link(text: str) -> bool:
    return text.startswith("https://") and " " not in text and is_base(text)


def _name(block: Block) -> str:
    """What a person calls an event, as far as its lines say it."""
    for key in ("SUMMARY", "UID"):
        for line in block.lines:
            if line[: len(key)].upper() == key and (said := one_line(line.partition(":")[2])):
                return said[:80].replace("\\,", ",")
    return "without a title"
