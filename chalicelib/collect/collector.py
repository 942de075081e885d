"""The verb of this room: read every source that is due, keep what is new, note how each source is doing."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from chalicelib import __version__
from chalicelib.collect.asking import Failure, Question, ask, asking, surprise
from chalicelib.collect.entries import Changes, EntryStore
from chalicelib.collect.entry import Entry, entry_to_json
from chalicelib.collect.fetch import Fetch, Fetched, Validators
from chalicelib.collect.found import Found, SourceError
from chalicelib.collect.health import Health, HealthStore
from chalicelib.collect.identity import digest
from chalicelib.collect.topics import topics_of
from chalicelib.content.values import Problem, Severity, Site, Source, SourceKind
from chalicelib.store import Table

RUN_SECONDS = 60.0
"""How long a run waits for answers; sources that were not reached by then are the first of the next one."""
SAVED_TOGETHER = 50
NOTED_AFTER = timedelta(minutes=30)
"""A source that says the same as before is written down so often, where all that were due were reached: who was asked
when only matters for those that were not."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of one source in one run: read, unchanged, failed, or waiting, then ``why`` says for what."""

    source: str
    outcome: str
    health: Health
    changes: Changes = field(default_factory=Changes)
    problems: tuple[Problem, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    fetched: Fetched | None = None
    found: Found | None = None
    failure: Failure | None = None


Progress = Callable[[SourceReport], None]


def collect(
    site: Site,
    table: Table,
    fetch: Fetch,
    now: datetime,
    *,
    force: bool = False,
    progress: Progress | None = None,
    seconds: float = RUN_SECONDS,
) -> list[SourceReport]:
    """Read all due sources side by side; one that fails or is slow never stops the others.

    What comes is kept as it comes, the site's own files first; after ``seconds`` no more is waited for. ``force``
    ignores waits, also those of sources that have ended. The reports are in the site's order.
    """
    store = HealthStore(table)
    stored = store.load([source.name for source in site.sources])
    healths = {s.name: stored[s.name][0].aimed(s.location, s.kind, _settings(site, s)) for s in site.sources}
    due = [source for source in site.sources if force or healths[source.name].due(now)]
    reports: dict[str, SourceReport] = {}
    unsaved: list[SourceReport] = []
    try:
        for source, answer in _answers(site, due, healths, fetch, now, seconds):
            report = _keep(site, source, answer, healths[source.name], table, now)
            reports[source.name] = report
            unsaved.append(report)
            if len(unsaved) == SAVED_TOGETHER:
                store.save_all([(report.health, stored[report.source][1]) for report in unsaved])
                unsaved = []
            if progress:
                progress(report)
    finally:  # what was read is kept already; without its health it would only be read again
        if len(unsaved) == len(due) and not force:
            unsaved = [report for report in unsaved if _worth_noting(stored[report.source][0], report.health, now)]
        store.save_all([(report.health, stored[report.source][1]) for report in unsaved])
    return [reports.get(s.name) or _waiting(healths[s.name], now, seconds) for s in site.sources]


def read_sources(site: Site, fetch: Fetch, now: datetime) -> list[tuple[Source, Found | None, str]]:
    """Read all sources without keeping anything: each with what was found, or why nothing was."""
    healths = {source.name: Health(source.name, location=source.location) for source in site.sources}
    answers = {s.name: answer for s, answer in _answers(site, site.sources, healths, fetch, now, RUN_SECONDS)}
    late = _Answer(failure=Failure("was not reached in time"))
    read = [(source, answers.get(source.name, late)) for source in site.sources]
    return [(source, answer.found, answer.failure.why if answer.failure else "") for source, answer in read]


def _settings(site: Site, source: Source) -> str:
    """A digest of all that decides what an answer is made into: after a change, 'not modified' is no answer."""
    own = replace(source, location="", line=0, backlog=None)
    return digest(repr((__version__, own, site.topics, site.languages, site.base_url)))[:16]


def _worth_noting(before: Health, after: Health, now: datetime) -> bool:
    """Whether more is new than when it was asked and how long it took, or the last note of that is old."""
    if before.checked is None or now - before.checked >= NOTED_AFTER:
        return True
    return replace(after, checked=before.checked, took=before.took) != before


def _waiting(health: Health, now: datetime, seconds: float) -> SourceReport:
    why = f"was not reached within {seconds:g} seconds; the next tick asks it first"
    if not health.due(now):
        why = health.error
    return SourceReport(health.source, "waiting", health, why=why)


def _answers(
    site: Site, due: Sequence[Source], healths: Mapping[str, Health], fetch: Fetch, now: datetime, seconds: float
) -> Iterator[tuple[Source, _Answer]]:
    """The site's own files in its order, then others as they answer.

    Those asked longest ago are asked first, and of these the slow ones, so that none is left to wait for at the end.
    """

    def rank(source: Source) -> tuple[datetime, int]:
        return healths[source.name].checked or _LONG_AGO, -healths[source.name].took

    remote = sorted((s for s in due if "://" in s.location), key=rank)
    questions = [Question(s, healths[s.name].asks, healths[s.name].validators) for s in remote]

    def understand(question: Question, answer: Fetched | Failure) -> _Answer:
        return _understood(site, question.source, answer, now)

    with asking(questions, fetch, understand, seconds) as arriving:
        for source in due:
            if source.kind is SourceKind.FOLDER:
                yield source, _understood(site, source, None, now)
            elif "://" not in source.location:
                yield source, _understood(site, source, ask(Question(source, source.location), fetch), now)
        for question, answer in arriving:
            yield question.source, answer


def _understood(site: Site, source: Source, answer: Fetched | Failure | None, now: datetime) -> _Answer:
    """What is in an answer, or in a folder (None)."""
    if isinstance(answer, Failure):
        return _Answer(failure=answer)
    try:
        if answer is None:
            return _Answer(found=_folder(site, source, now))
        if answer.body is None:
            return _Answer(answer)
        return _Answer(answer, _body(site, source, answer.body, answer.url, now))
    except SourceError as error:
        return _Answer(failure=Failure(str(error)))
    except Exception as error:  # noqa: BLE001 (a parser's surprise in one source must not stop the others)
        return _Answer(failure=surprise(error))


# A tick at which nothing has changed needs none of the parsers: each is loaded by the first that does.


def _folder(site: Site, source: Source, now: datetime) -> Found:
    from chalicelib.collect.folder import read_folder

    return read_folder(site, source, now)


def _body(site: Site, source: Source, body: bytes, url: str, now: datetime) -> Found:
    if source.kind is SourceKind.FEED:
        from chalicelib.collect.feeds import read_feed

        return read_feed(site, source, body, url, now)
    from chalicelib.collect.calendars import read_calendar

    return read_calendar(site, source, body, now)


def _keep(site: Site, source: Source, answer: _Answer, health: Health, table: Table, now: datetime) -> SourceReport:
    if failure := answer.failure:
        message = f"source '{source.name}' {failure.why}"
        problem = Problem("content/site.yaml", source.line, "source", Severity.WARNING, message)
        failed = health.failed(failure.why, now, wait=failure.wait, gone=failure.gone)
        return SourceReport(source.name, "failed", failed, problems=(problem,))
    fetched, found = answer.fetched or Fetched(None, ""), answer.found
    if found is None:
        well = health.well(now, health.entries, health.digest, fetched.validators, fetched.moved_to)
        well = replace(well, took=fetched.took)
        return SourceReport(source.name, "unchanged", well)
    entries = [_finish(site, source, entry, found, health.started) for entry in found.entries]
    mark = digest(json.dumps([_content(entry) for entry in entries], sort_keys=True))
    validators = Validators() if found.unfinished else fetched.validators
    well = replace(health.well(now, len(entries), mark, validators, fetched.moved_to), took=fetched.took)
    if mark == health.digest:
        return SourceReport(source.name, "unchanged", well, problems=found.problems)
    store = EntryStore(table)
    changes = store.keep(entries, complete=found.complete)
    if found.complete and health.started is not None:
        changes.withdrawn = store.withdraw_missing(source.name, entries, now)
    return SourceReport(source.name, "read", well, changes, found.problems)


def _finish(site: Site, source: Source, entry: Entry, found: Found, started: datetime | None) -> Entry:
    own = (*source.topics, *found.own_topics.get(entry.id, ()))
    # also what a feed shows later of the time before it was known here: its first answer was cut, or a blog joined it
    before = started and not found.complete and entry.published and entry.published < started
    return replace(entry, topics=topics_of(entry, own, site.topics), backlog=started is None or bool(before))


def _content(entry: Entry) -> dict[str, object]:
    return {**entry_to_json(entry), "first_seen": "", "backlog": False}
