"""Checking a site before anything is sent: every problem an editor can mend, in one run, without a network."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from chalicelib.collect.collector import read_sources
from chalicelib.collect.entry import Entry
from chalicelib.collect.fetch import Fetch
from chalicelib.collect.topics import topics_of
from chalicelib.compose.companions import check_merging
from chalicelib.compose.editions import Edition
from chalicelib.compose.history import window_of
from chalicelib.compose.schedule import Slot, is_slot, latest_slot, next_slot
from chalicelib.compose.select import answers, names_of
from chalicelib.content.load import LoadedSite, load_site
from chalicelib.content.problems import Problems
from chalicelib.content.values import EditionNote, Newsletter, NoteEntry, Site, SourceKind

AHEAD = timedelta(days=366)
"""How far in the future posts may be dated for notes to name them."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a store knows: all entries, and each newsletter's editions."""

    entries: Sequence[Entry]
    editions: Mapping[str, Sequence[Edition]]


def check_site(root: Path, fetch: Fetch, now: datetime, memory: Memory | None = None) -> tuple[LoadedSite, Problems]:
    """Read a site and everything of it that lies on the disk; sources at URLs are left to ``collect``.

    With a ``memory`` notes may name what it knows, and are told where that was published before.
    """
    loaded, problems = load_site(root), Problems()
    problems.extend(loaded.problems)
    if loaded.readable is not None:
        check_merging(loaded.readable, now, problems)
        entries = _entries(loaded.readable, fetch, now, problems)
        known = [*entries, *(memory.entries if memory else ())]
        for note in loaded.readable.notes.values():
            _check_slot(loaded.readable, note, problems)
            _check_names(loaded.readable, note, known, problems)
            if note.slot[:10] >= f"{now.astimezone(loaded.readable.time_zone):%Y-%m-%d}":
                _check_lines(loaded.readable, note, known, problems, sure=memory is not None)
                _check_published(loaded.readable, note, known, memory, problems)
    return loaded, problems


def _entries(site: Site, fetch: Fetch, now: datetime, problems: Problems) -> list[Entry]:
    local = [source for source in site.sources if source.location and "://" not in source.location]
    folders = replace(site, sources=tuple(s for s in local if s.kind is SourceKind.FOLDER))
    others = replace(site, sources=tuple(s for s in local if s.kind is not SourceKind.FOLDER))
    # posts that wait for their date are named in notes for coming slots already
    read = [*read_sources(folders, fetch, now + AHEAD), *read_sources(others, fetch, now)]
    entries: list[Entry] = []
    for source, found, error in read:
        if error:
            problems.error("content/site.yaml", source.line, "source", f"source '{source.name}': {error}")
        elif found:
            problems.extend(found.problems)
            own = found.own_topics
            entries += [
                replace(e, topics=topics_of(e, (*source.topics, *own.get(e.id, ())), site.topics))
                for e in found.entries
            ]
    return entries


def _check_slot(site: Site, note: EditionNote, problems: Problems) -> None:
    newsletter = site.newsletters.get(note.newsletter)
    if newsletter is None:
        return  # its own file is broken, which is named there
    if newsletter.schedule is None:
        message = f"'{note.newsletter}' is triggered and has no slots, so this note is never used"
        problems.warning(note.file, 0, "no-slot", message)
    elif not is_slot(newsletter.schedule, site.time_zone, note.slot[:10]):
        near = " or ".join(_near(newsletter, site, note.slot[:10])) or "none"
        message = f"{note.slot} is no slot of '{note.newsletter}', so this note is never used; rename it to {near}"
        problems.warning(note.file, 0, "no-slot", message)


def _check_names(site: Site, note: EditionNote, entries: list[Entry], problems: Problems) -> None:
    if note.newsletter not in site.newsletters:
        return
    for key, name in names_of(note):
        if not any(answers(entry, name) for entry in entries):
            hint = "; it may still come from a source at a URL" if _remote(site) else "; use an entry's slug, id or URL"
            file, line = _place(note, key)
            problems.warning(file, line, "unknown-entry", f"{key}: no entry answers to '{name}'{hint}")


def _check_lines(site: Site, note: EditionNote, entries: list[Entry], problems: Problems, *, sure: bool) -> None:
    """The lines of an arranged edition that is still to come. Without a store those of a feed can't be judged."""
    known = {entry.id for entry in entries}
    for line in _lines(note):
        if line.id not in known and (sure or not _remote(site)):
            message = (
                f"there is no entry '{line.id}'; take the line out, or write the edition anew with 'draft --write'"
            )
            problems.error(line.file, line.line, "unknown-entry", message)
        elif line.id not in known:
            message = f"no entry '{line.id}' is in this site's files; it may be of a source at a URL"
            problems.warning(line.file, line.line, "unknown-entry", message)


def _check_published(
    site: Site, note: EditionNote, entries: list[Entry], memory: Memory | None, problems: Problems
) -> None:
    """What a note names and earlier editions or imported issues held already."""
    newsletter = site.newsletters.get(note.newsletter)
    if newsletter is None:
        return
    midnight = datetime.fromisoformat(note.slot[:10]).replace(tzinfo=site.time_zone)
    before = [e for e in (memory.editions.get(newsletter.name, ()) if memory else ()) if e.slot < note.slot]
    window = window_of(site, newsletter, Slot(midnight, note.slot), midnight, before)
    stood = [(entry, where) for entry in entries if (where := window.stood_in(entry)) and not entry.starts]
    names = [(*_place(note, key), key, name) for key, name in names_of(note) if key != "exclude"]
    names += [(line.file, line.line, "entries", line.id) for line in _lines(note)]
    for file, number, key, name in names:
        if where := next((where for entry, where in stood if answers(entry, name)), ""):
            message = f"{key}: '{name}' was already published in {where}, so it is left out; remove it"
            problems.warning(file, number, "already-published", message)


def _lines(note: EditionNote) -> list[NoteEntry]:
    return [line for section in note.sections or () for line in section.entries]


def _place(note: EditionNote, key: str) -> tuple[str, int]:
    return note.files.get(key, note.file), note.lines.get(key, 0)


def _remote(site: Site) -> bool:
    return any("://" in source.location for source in site.sources)


def _near(newsletter: Newsletter, site: Site, day: str) -> Iterator[str]:
    """The slots before and after a day."""
    if newsletter.schedule is None:
        return
    middle = datetime.fromisoformat(day).replace(tzinfo=site.time_zone)
    for slot in (
        latest_slot(newsletter.schedule, site.time_zone, middle),
        next_slot(newsletter.schedule, site.time_zone, middle),
    ):
        if slot:
            yield slot.name
