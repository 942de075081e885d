"""What goes into an edition and where: pure decisions on entries, sections and an editor's note."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from chalicelib.collect.entry import Entry
from chalicelib.collect.identity import canonical_url
from chalicelib.compose.edition import EditionSection
from chalicelib.compose.schedule import reach
from chalicelib.content.values import EditionNote, Kind, Newsletter, Section, Site

DEFAULT_WITHIN = timedelta(days=42)


@dataclass(frozen=True, slots=True)
class Selection:
    """The sections that hold something, the highlight taken out of them, and names no entry answers to."""

    sections: tuple[EditionSection, ...]
    highlight: Entry | None = None
    unknown: tuple[tuple[str, str], ...] = ()
    """(key of the note, name) of each highlight, exclude or order that matches nothing."""


@dataclass(frozen=True, slots=True)
class Window:
    """The moment an edition is composed for, and since when its newsletter runs."""

    slot: datetime
    started: datetime
    zone: ZoneInfo


def eligible(
    entries: Iterable[Entry], newsletter: Newsletter, site: Site, window: Window, offered: frozenset[str]
) -> list[Entry]:
    """The entries that may stand in the edition: not offered before, in its topics, neither old nor over."""
    backlog = {source.name: source.backlog for source in site.sources}
    chosen = None if newsletter.topics is None else set(newsletter.topics)
    return [
        entry
        for entry in entries
        if entry.id not in offered
        and (chosen is None or chosen & set(entry.topics))
        and (_coming(entry, window) if entry.starts else _fresh(entry, newsletter, window, backlog.get(entry.source)))
    ]


def _coming(entry: Entry, window: Window) -> bool:
    """Events until they are over, deadlines until they pass; never after."""
    end = entry.ends or (entry.starts and entry.starts + timedelta(days=1 if entry.all_day else 0))
    return bool(end and end > window.slot)


def _fresh(entry: Entry, newsletter: Newsletter, window: Window, backlog: timedelta | None) -> bool:
    """New since the newsletter runs, or recent enough when it (or the source) began."""
    if entry.date > window.slot:
        return False
    if not entry.backlog and entry.first_seen >= window.started:
        return True
    if entry.backlog and entry.published is None:
        return False
    start = max(window.started, entry.first_seen) if entry.backlog else window.started
    back = backlog if backlog is not None else reach(newsletter, window.zone, start)
    return entry.date >= start - back


def select(entries: Sequence[Entry], newsletter: Newsletter, note: EditionNote | None, window: Window) -> Selection:
    """Sort entries into sections: the first that takes one has it. A note's order first, then pinned, then newest."""
    excluded = {e.id for e in entries if note and any(answers(e, name) for name in note.exclude)}
    left = [entry for entry in entries if entry.id not in excluded]
    highlight = next((e for e in left if note and note.highlight and answers(e, note.highlight)), None)
    if highlight:
        left.remove(highlight)
    rank = {name: position for position, name in enumerate(note.order)} if note else {}
    sections = []
    for section in newsletter.sections:
        taken = [entry for entry in left if _takes(section, entry, window)]
        left = [entry for entry in left if entry not in taken]
        if taken:
            sections.append(EditionSection(section.title, tuple(sorted(taken, key=lambda e: _order(e, rank)))))
    return Selection(tuple(sections), highlight, _unknown(entries, note))


def _takes(section: Section, entry: Entry, window: Window) -> bool:
    if section.kind and entry.kind is not section.kind:
        return False
    if section.topics and not set(section.topics) & set(entry.topics):
        return False
    if entry.kind is not Kind.POST and entry.starts:
        if not (section.kind or section.topics):
            return False  # 'rest' takes news; what is to come waits for its own section
        return entry.starts <= window.slot + (section.within or DEFAULT_WITHIN)
    return bool(section.topics or section.kind or section.rest)


def _order(entry: Entry, rank: dict[str, int]) -> tuple[int, bool, float, str]:
    place = min((position for name, position in rank.items() if answers(entry, name)), default=len(rank))
    moment = entry.starts.timestamp() if entry.starts else -entry.date.timestamp()
    return place, not entry.pinned, moment, entry.id


def answers(entry: Entry, name: str) -> bool:
    """Whether an editor's word means this entry: its slug (with or without date), id or URL."""
    if name in {entry.id, entry.slug, re.sub(r"^\d{4}-\d{2}-\d{2}-", "", entry.slug)}:
        return True
    return name.startswith("http") and canonical_url(name) in {canonical_url(t.url) for t in entry.texts.values()}


def _unknown(entries: Sequence[Entry], note: EditionNote | None) -> tuple[tuple[str, str], ...]:
    if note is None:
        return ()
    names = [("highlight", note.highlight)] if note.highlight else []
    names += [("exclude", name) for name in note.exclude] + [("order", name) for name in note.order]
    return tuple((key, name) for key, name in names if not any(answers(entry, name) for entry in entries))
