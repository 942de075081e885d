"""Checking a site before anything is sent: every problem an editor can mend, in one run, without a network."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from chalicelib.collect.collector import read_sources
from chalicelib.collect.entry import Entry
from chalicelib.collect.fetch import Fetch
from chalicelib.collect.topics import topics_of
from chalicelib.compose.schedule import is_slot, latest_slot, next_slot
from chalicelib.compose.select import answers
from chalicelib.content.load import LoadedSite, load_site
from chalicelib.content.problems import Problems
from chalicelib.content.values import EditionNote, Newsletter, Site, SourceKind

AHEAD = timedelta(days=366)
"""How far in the future posts may be dated for notes to name them."""


def check_site(root: Path, fetch: Fetch, now: datetime) -> tuple[LoadedSite, Problems]:
    """Read a site and everything of it that lies on the disk; sources at URLs are left to ``collect``."""
    loaded, problems = load_site(root), Problems()
    problems.extend(loaded.problems)
    if loaded.readable is not None:
        entries = _entries(loaded.readable, fetch, now, problems)
        for note in loaded.readable.notes.values():
            _check_note(loaded.readable, note, entries, problems)
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


def _check_note(site: Site, note: EditionNote, entries: list[Entry], problems: Problems) -> None:
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
    names = [("highlight", note.highlight)] * bool(note.highlight)
    names += [("exclude", name) for name in note.exclude] + [("order", name) for name in note.order]
    remote = any("://" in source.location for source in site.sources)
    for key, name in names:
        if not any(answers(entry, name) for entry in entries):
            hint = "; it may still come from a source at a URL" if remote else "; use an entry's slug, id or URL"
            file, line = note.files.get(key, note.file), note.lines.get(key, 0)
            problems.warning(file, line, "unknown-entry", f"{key}: no entry answers to '{name}'{hint}")


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
