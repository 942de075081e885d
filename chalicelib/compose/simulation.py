"""A newsletter's life over any span, in seconds: the same code under a clock that jumps from slot to slot."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from chalicelib.collect.collector import collect, read_sources
from chalicelib.collect.entries import EntryStore
from chalicelib.collect.entry import Entry
from chalicelib.collect.fetch import Fetch, Fetched, Validators
from chalicelib.collect.found import Found, SourceError
from chalicelib.compose.composer import Composer
from chalicelib.compose.edition import Content, State
from chalicelib.compose.editions import Edition
from chalicelib.compose.gaps import Gap, why_never
from chalicelib.compose.history import window_of
from chalicelib.compose.schedule import Slot, latest_slot, next_slot, slots_from
from chalicelib.content.values import Kind, Newsletter, Problem, Severity, Site, Source
from chalicelib.store import Blobs, Table

AS_IF_APPROVED = "as if an editor approved it"


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would have gone out: editions with their content (None where skipped), and posts that never did."""

    editions: tuple[tuple[Edition, Content | None], ...]
    never_offered: tuple[Gap, ...]
    problems: tuple[Problem, ...]
    """What is wrong with the sources, as read at the end of the span."""


class Simulator:
    """Plays one newsletter of a site in a store of its own, which must be empty."""

    def __init__(self, site: Site, newsletter: Newsletter, table: Table, blobs: Blobs, fetch: Fetch) -> None:
        self._site = replace(site, newsletters={newsletter.name: newsletter})
        self._newsletter, self._table = newsletter, table
        self._composer = Composer(self._site, table, blobs)
        self._fetch = once(fetch)

    def run(self, start: datetime, end: datetime) -> Simulation:
        """Everything from ``start`` to ``end`` (aware), as if the newsletter began at ``start``."""
        read = read_sources(self._site, self._fetch, end)
        problems = tuple(problem for one in read for problem in _problems(*one))
        entries = [entry for _, found, _ in read if found for entry in found.entries]
        for now in self._moments(entries, start, end):
            collect(self._site, self._table, self._fetch, now, force=True)
            self._composer.tick(now)
            self._let_all_go(now)
        collect(self._site, self._table, self._fetch, end, force=True)  # what came after the last slot
        editions = tuple(self._composer.editions.of(self._newsletter.name))
        return Simulation(
            tuple((edition, self._content(edition)) for edition in editions if edition.slot_at <= end),
            tuple(self._gaps(start, end)),
            problems,
        )

    def _moments(self, entries: list[Entry], start: datetime, end: datetime) -> list[datetime]:
        """The start, then the slots; of a triggered newsletter the moments at which news appear."""
        if self._newsletter.schedule is None:
            return sorted({start, *(e.date for e in entries if start <= e.date <= end)})
        slots = slots_from(self._newsletter.schedule, self._site.time_zone, start)
        return sorted({start, *(slot.at for slot in takewhile(lambda slot: slot.at <= end, slots))})

    def _let_all_go(self, now: datetime) -> None:
        """What would be sent now was sent."""
        store = self._composer.editions
        for edition in store.of(self._newsletter.name):
            why = edition.why
            if edition.state is State.DRAFT and edition.slot_at <= now:
                edition, why = store.move(edition, State.APPROVED, now), AS_IF_APPROVED
            if edition.state is State.APPROVED:
                store.move(store.move(edition, State.SENDING, now), State.SENT, now, why=why)

    def _content(self, edition: Edition) -> Content | None:
        return self._composer.editions.content(edition) if edition.state is State.SENT else None

    def _gaps(self, start: datetime, end: datetime) -> Iterator[Gap]:
        """Posts of the span that this newsletter should have offered; those that wait for the next slot are none."""
        newsletter, zone = self._newsletter, self._site.time_zone
        until, wanted = end, set(newsletter.trigger_topics or newsletter.topics or ())
        if newsletter.schedule and next_slot(newsletter.schedule, zone, end):
            last = latest_slot(newsletter.schedule, zone, end)
            until = last.at if last else start
        editions = list(self._composer.editions.of(newsletter.name))
        window = window_of(self._site, newsletter, Slot(end, f"{end:%Y-%m-%d}~"), start, editions)
        for entry in sorted(
            EntryStore(self._table).since(end, months=_months(start, end)), key=lambda e: (e.date, e.slug)
        ):
            due = (
                entry.kind is Kind.POST and start <= entry.date <= until and (not wanted or wanted & set(entry.topics))
            )
            if due and entry.kind is Kind.POST and not window.stood_in(entry):
                yield Gap(entry, why_never(entry, newsletter, self._site, window))


def _problems(source: Source, found: Found | None, error: str) -> Iterable[Problem]:
    if found is None:
        message = f"source '{source.name}' {error}; its news are missing here"
        return [Problem("content/site.yaml", source.line, "source", Severity.WARNING, message)]
    return found.problems


def _months(start: datetime, end: datetime) -> int:
    return (end.year - start.year) * 12 + end.month - start.month + 1


def once(fetch: Fetch) -> Fetch:
    """Each location is fetched once, and answers the same from then on."""
    answers: dict[str, Fetched | SourceError] = {}

    def again(location: str, _known: Validators) -> Fetched:
        if location not in answers:
            try:
                answers[location] = replace(fetch(location, Validators()), validators=Validators())
            except SourceError as error:
                answers[location] = error
        answer = answers[location]
        if isinstance(answer, SourceError):
            raise answer
        return answer

    return again
