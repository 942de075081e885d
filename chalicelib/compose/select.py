"""What goes into an edition and where: pure decisions on entries, sections and an editor's note."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from chalicelib.collect.entry import Change, Entry
from chalicelib.collect.identity import canonical_url
from chalicelib.compose.edition import EditionSection, reminder
from chalicelib.compose.schedule import reach
from chalicelib.content.values import EditionNote, Kind, Newsletter, Section, Site

DEFAULT_WITHIN = timedelta(days=42)
NO_HIGHLIGHT = "none"
"""What a note says where even the newsletter's rule shall choose none."""


@dataclass(frozen=True, slots=True)
class Window:
    """The moment an edition is composed for, since when its newsletter runs, and what it said before.

    ``read`` is when most readers get it, where that is not ``slot``: what is over by then is not announced.
    ``following`` is the slot after, or None. ``offered`` maps the names of what stood in earlier editions
    (offers, and ``url:...`` of imported issues) to where that was; ``excluded`` are words of notes for what
    never goes out.
    """

    slot: datetime
    started: datetime
    zone: ZoneInfo
    following: datetime | None = None
    offered: Mapping[str, str] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    read: datetime | None = None

    @property
    def dated(self) -> datetime:
        """The moment from which the edition looks ahead."""
        return self.read or self.slot

    def stood_in(self, entry: Entry) -> str:
        """Where an entry was published already, like ``#12 (2026-05-07)``, or ''."""
        names = (entry.offer, *(name for name in entry.identities if name.startswith("url:")))
        return next((self.offered[name] for name in names if name in self.offered), "")


@dataclass(frozen=True, slots=True)
class Selection:
    """The sections that hold something, the highlight taken out of them, and names no entry answers to."""

    sections: tuple[EditionSection, ...]
    highlight: Entry | None = None
    unknown: tuple[tuple[str, str], ...] = ()
    """(key of the note, name) of each highlight, exclude, order or line that matches nothing."""
    published: tuple[tuple[str, str, str], ...] = ()
    """(key of the note, name, where) of each name whose entry stood in an earlier edition."""
    reminders: tuple[str, ...] = ()


def eligible(entries: Iterable[Entry], newsletter: Newsletter, site: Site, window: Window) -> list[Entry]:
    """The entries that may stand in the edition: not offered before, in its topics, neither old nor over."""
    return [entry for entry in entries if not why_not(entry, newsletter, site, window)]


def why_not(entry: Entry, newsletter: Newsletter, site: Site, window: Window) -> str:
    """Why an entry can't stand in the edition, in words; '' where it can."""
    if where := window.stood_in(entry):
        return f"already published in {where}"
    if any(answers(entry, name) for name in window.excluded):
        return "excluded by an editor's note"
    if newsletter.topics is not None and not set(newsletter.topics) & set(entry.topics):
        return "none of its topics is of this newsletter"
    if entry.starts:
        return _why_not_coming(entry, window)
    backlog = next((source.backlog for source in site.sources if source.name == entry.source), None)
    return _why_not_fresh(entry, newsletter, window, backlog)


def is_over(entry: Entry, moment: datetime) -> bool:
    """Whether an event has ended or a deadline passed: nothing is said of it any more."""
    end = entry.ends or (entry.starts and entry.starts + timedelta(days=1 if entry.all_day else 0))
    return end is not None and end <= moment


def _why_not_coming(entry: Entry, window: Window) -> str:
    """Events stand until they are over, deadlines until they pass; a cancellation where the event was known."""
    if is_over(entry, window.dated):
        return "over by then"
    known = entry.series or any(name.split("~")[0] == entry.id for name in window.offered)
    return "cancelled before anybody was told of it" if entry.change is Change.CANCELLED and not known else ""


def _why_not_fresh(entry: Entry, newsletter: Newsletter, window: Window, backlog: timedelta | None) -> str:
    """New since the newsletter runs, or recent enough when it (or the source) began."""
    if entry.date > window.slot:
        return "dated after the edition"
    if not entry.backlog and entry.first_seen >= window.started:
        return ""
    if entry.backlog and entry.published is None:
        return "there and without a date when its source was first read"
    start = max(window.started, entry.first_seen) if entry.backlog else window.started
    back = backlog if backlog is not None else reach(newsletter, window.zone, start)
    return "" if entry.date >= start - back else "older than the newsletter reaches back"


def due_again(entries: Iterable[Entry], window: Window) -> list[Entry]:
    """What stood in an earlier edition, and is due before the next one: this is the last chance to remind of it."""
    return [
        entry
        for entry in entries
        if entry.offer in window.offered
        and reminder(entry) not in window.offered
        and entry.starts
        and entry.starts + timedelta(days=1 if entry.all_day else 0) > window.dated
        and (window.following is None or entry.starts <= window.following)
        and not (entry.series or entry.change is Change.CANCELLED)
    ]


def select(
    entries: Sequence[Entry],
    newsletter: Newsletter,
    note: EditionNote | None,
    window: Window,
    *,
    again: Sequence[Entry] = (),
    limits: Mapping[str, int] | None = None,
) -> Selection:
    """Sort entries into sections: the first that takes one has it. A note's order first, then pinned, then newest.

    ``again`` are those a section may remind of; ``limits`` says how many entries of a source are shown.
    """
    excluded = {e.id for e in entries if note and any(answers(e, name) for name in note.exclude)}
    left = [entry for entry in entries if entry.id not in excluded]
    highlight = highlight_of(left, newsletter, note)
    if highlight:
        left.remove(highlight)
    rank = {name: position for position, name in enumerate(note.order)} if note else {}
    left, sections = [*left, *again], []
    for section in newsletter.sections:
        taken = [entry for entry in left if takes(section, entry, window.slot)]
        left = [entry for entry in left if entry not in taken]
        shown = [entry for entry in taken if section.remind or entry not in again]
        if shown:
            ordered = tuple(sorted(shown, key=lambda e: _order(e, rank)))
            sections.append(EditionSection(section.title, ordered, layout=section.layout))
    reminders = tuple(e.id for section in sections for e in section.entries if e in again)
    return Selection(capped(sections, highlight, limits or {}), highlight, _unknown(entries, note), (), reminders)


def highlight_of(entries: Sequence[Entry], newsletter: Newsletter, note: EditionNote | None) -> Entry | None:
    """The entry that a note names, else the newest that the newsletter's rule takes; a note's ``none`` is none."""
    if note and note.highlight:
        return next((entry for entry in entries if answers(entry, note.highlight)), None)
    _, _, word = newsletter.highlight.partition(" ")
    fitting = [e for e in entries if newsletter.highlight and e.kind is Kind.POST and _is_about(e, word)]
    return max(fitting, key=lambda e: (e.date, e.id), default=None)


def _is_about(entry: Entry, word: str) -> bool:
    """Whether a word, in the singular or plural, is one of an entry's topics or categories."""
    names = {name.casefold().rstrip("s") for name in (*entry.topics, *entry.categories)}
    return not word or word.casefold().rstrip("s") in names


def capped(
    sections: Sequence[EditionSection], highlight: Entry | None, limits: Mapping[str, int]
) -> tuple[EditionSection, ...]:
    """The sections with what lies beyond the limit of its source set apart, the last ones of an edition first."""
    count = Counter([highlight.source] if highlight else [])
    made = []
    for section in sections:
        shown, more = list[Entry](), list[Entry]()
        for entry in section.entries:
            count[entry.source] += 1
            (shown if count[entry.source] <= limits.get(entry.source, count[entry.source]) else more).append(entry)
        made.append(replace(section, entries=tuple(shown), more=tuple(more)))
    return tuple(made)


def takes(section: Section, entry: Entry, slot: datetime) -> bool:
    """Whether an entry may stand in a section of the edition of a moment."""
    if section.kind and entry.kind is not section.kind:
        return False
    if section.topics and not set(section.topics) & set(entry.topics):
        return False
    if entry.kind is not Kind.POST and entry.starts:
        if not (section.kind or section.topics):
            return False  # 'rest' takes news; what is to come waits for its own section
        return entry.starts <= slot + (section.within or DEFAULT_WITHIN)
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
    return tuple((key, name) for key, name in names_of(note) if not any(answers(entry, name) for entry in entries))


def names_of(note: EditionNote | None) -> list[tuple[str, str]]:
    """(key, name) of each entry that a note's front matter names."""
    if note is None:
        return []
    names = [("highlight", note.highlight)] if note.highlight not in {"", NO_HIGHLIGHT} else []
    return names + [("exclude", name) for name in note.exclude] + [("order", name) for name in note.order]
