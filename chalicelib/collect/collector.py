"""The verb of this room: read every source that is due, keep what is new, note how each source is doing."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.collect.calendars import read_calendar
from chalicelib.collect.entries import Changes, EntryStore
from chalicelib.collect.entry import Entry, entry_to_json
from chalicelib.collect.feeds import read_feed
from chalicelib.collect.fetch import Fetch, Fetched, Validators
from chalicelib.collect.folder import read_folder
from chalicelib.collect.found import Found, SourceError
from chalicelib.collect.health import Health, HealthStore
from chalicelib.collect.identity import digest
from chalicelib.collect.topics import topics_of
from chalicelib.content.values import Problem, Severity, Site, Source, SourceKind
from chalicelib.store import Table

PARALLEL = 16


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of one source in one run. ``outcome`` is read, unchanged, failed or waiting."""

    source: str
    outcome: str
    health: Health
    changes: Changes = field(default_factory=Changes)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Answer:
    fetched: Fetched | None = None
    found: Found | None = None
    error: str = ""


Progress = Callable[[SourceReport], None]


def collect(
    site: Site, table: Table, fetch: Fetch, now: datetime, *, force: bool = False, progress: Progress | None = None
) -> list[SourceReport]:
    """Read all due sources side by side; one that fails never stops the others. ``force`` ignores waits."""
    healths = HealthStore(table)
    states = healths.load([source.name for source in site.sources])
    due = [s for s in site.sources if force or states[s.name][0].due(now)]
    reports = [SourceReport(s.name, "waiting", states[s.name][0]) for s in site.sources if s not in due]
    known = {name: health.validators for name, (health, _) in states.items()}
    for source, answer in zip(due, _read_all(site, due, known, fetch, now), strict=True):
        health, item = states[source.name]
        report = _keep(site, source, answer, health, table, now)
        healths.save(report.health, item)
        reports.append(report)
        if progress:
            progress(report)
    return reports


def read_sources(site: Site, fetch: Fetch, now: datetime) -> list[tuple[Source, Found | None, str]]:
    """Read all sources without keeping anything: each with what was found, or why nothing was."""
    answers = _read_all(site, site.sources, {}, fetch, now)
    return [(source, answer.found, answer.error) for source, answer in zip(site.sources, answers, strict=True)]


def _read_all(
    site: Site, sources: Sequence[Source], known: Mapping[str, Validators], fetch: Fetch, now: datetime
) -> list[_Answer]:
    def read(source: Source) -> _Answer:
        return _read(site, source, known.get(source.name, Validators()), fetch, now)

    if not sources:
        return []
    with ThreadPoolExecutor(min(PARALLEL, len(sources)), "collect") as pool:
        return list(pool.map(read, sources))


def _read(site: Site, source: Source, known: Validators, fetch: Fetch, now: datetime) -> _Answer:
    try:
        if source.kind is SourceKind.FOLDER:
            return _Answer(found=read_folder(site, source, now))
        fetched = fetch(source.location, known)
        if fetched.body is None:
            return _Answer(fetched=fetched)
        if source.kind is SourceKind.FEED:
            return _Answer(fetched, read_feed(site, source, fetched.body, fetched.url, now))
        return _Answer(fetched, read_calendar(site, source, fetched.body, now))
    except SourceError as error:
        return _Answer(error=str(error))
    except Exception as error:  # noqa: BLE001 (a parser's surprise in one source must not stop the others)
        return _Answer(error=f"could not be read ({type(error).__name__}: {error})"[:300])


def _keep(site: Site, source: Source, answer: _Answer, health: Health, table: Table, now: datetime) -> SourceReport:
    if answer.error:
        problem = Problem(
            "content/site.yaml", source.line, "source", Severity.WARNING, f"source '{source.name}' {answer.error}"
        )
        return SourceReport(source.name, "failed", health.failed(answer.error, now), problems=(problem,))
    validators = answer.fetched.validators if answer.fetched else Validators()
    found = answer.found
    if found is None:
        return SourceReport(source.name, "unchanged", health.well(now, health.entries, health.digest, validators))
    entries = [_finish(site, source, entry, found, first=health.started is None) for entry in found.entries]
    mark = digest(json.dumps([_content(entry) for entry in entries], sort_keys=True))
    well = health.well(now, len(entries), mark, validators)
    if mark == health.digest:
        return SourceReport(source.name, "unchanged", well, problems=found.problems)
    store = EntryStore(table)
    changes = store.keep(entries)
    if found.complete and health.started is not None:
        changes.withdrawn = store.withdraw_missing(source.name, entries, now)
    return SourceReport(source.name, "read", well, changes, found.problems)


def _finish(site: Site, source: Source, entry: Entry, found: Found, *, first: bool) -> Entry:
    own = (*source.topics, *found.own_topics.get(entry.id, ()))
    return replace(entry, topics=topics_of(entry, own, site.topics), backlog=first)


def _content(entry: Entry) -> dict[str, object]:
    return {**entry_to_json(entry), "first_seen": "", "backlog": False}
