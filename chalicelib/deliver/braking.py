"""The look at all that is sent: figures from the ledgers, and a stop where a limit or the provider says so."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import Site
from chalicelib.deliver.audit import PROGRAM, note
from chalicelib.deliver.books import Books, add_up
from chalicelib.deliver.brake import Figures, doubt_of, of_ledger, trip
from chalicelib.deliver.chunks import ChunkStore
from chalicelib.deliver.control import halt
from chalicelib.deliver.course import Course, load_course, save_course
from chalicelib.errors import ConflictError
from chalicelib.store import Key, Table

WINDOW = timedelta(days=7)
"""Over so long the rates of all editions together are judged, as a provider judges an account."""
LOOK_SECONDS, LOOK_SECONDS_A_CHUNK = 60, 0.03
"""So often those who send look at all that is known, what others sent and what came back; up to a million readers each
minute, of ten million every ten."""
STANDING = Key("BRAKE", "-")
"""That all editions were stopped at once, until a person lets one of them go on."""
BRAKE, PROVIDER = "brake", "provider"


@dataclass(frozen=True, slots=True)
class Looked:
    """An edition of the last days as it stands: ``figures`` of all of it, ``fresh`` those a person has not let pass."""

    edition: Edition
    course: Course
    figures: Figures
    resumed: bool
    """Whether a person let it go on since the last look."""

    @property
    def fresh(self) -> Figures:
        """What counts against it."""
        return self.figures.since(self.course.base)


class Braking:
    """Looks and stops. ``provider``: why the provider takes nothing, in words; '' while it does."""

    def __init__(
        self, site: Site, table: Table, editions: EditionStore, chunks: ChunkStore,
        provider: Callable[[], str] = lambda: "",
    ) -> None:  # fmt: skip
        self._site, self._table, self._editions, self._chunks = site, table, editions, chunks
        self._provider = provider

    def look(self, now: datetime) -> list[str]:
        """Stop what must be stopped; a sentence for each edition that was. Safe to call at any time, also at once.

        Reads the ledgers of what is being sent, and writes an item for each such edition.
        """
        looked = [self._look(edition, now) for edition in self._recent(now)]
        stopped: list[str] = []
        words = self._provider()
        for one in looked:
            why = words or self._own(one)
            if one.edition.state is State.SENDING and why:
                stopped += self.stop(one.edition.id, now, why, PROVIDER if words else BRAKE)
        return stopped + self._all(looked, now)

    def is_due(self, edition: Edition, now: datetime) -> bool:
        """Whether nobody has looked lately: a large edition's ledgers are read less often, for they are many."""
        seconds = max(LOOK_SECONDS, edition.chunks * LOOK_SECONDS_A_CHUNK)
        return not load_course(self._table, edition.id).looked_within(seconds, now)

    def stop(self, edition_id: str, now: datetime, why: str, by: str = BRAKE) -> list[str]:
        """Stop one edition; a sentence on it, or nothing where it was not being sent any more."""
        said = f"the brake: {why}. {_advice(edition_id)}" if by == BRAKE else why
        before = self._editions.find(edition_id)
        after = halt(self._editions, edition_id, now, said, by)
        if after.halts == before.halts:
            return []
        note(self._table, now, PROGRAM, "stop", edition_id, said)
        return [f"{edition_id} was stopped. {said}"]

    def _own(self, one: Looked) -> str:
        return trip(one.fresh, self._site.sending.brake)

    def _all(self, looked: list[Looked], now: datetime) -> list[str]:
        """The rates of all editions together: they stop every edition, later ones too, until a person acts."""
        standing = self._table.get(STANDING)
        if standing and any(one.resumed for one in looked):
            for one in looked:
                save_course(self._table, one.edition.id, replace(one.course, base=one.figures))
            self._forget_standing()
            return []
        total = sum((one.fresh for one in looked), Figures())
        why = str(standing.data["why"]) if standing else trip(total, self._site.sending.brake)
        sending = [one.edition.id for one in looked if one.edition.state is State.SENDING]
        if not why or not sending:
            return []
        why = why if standing else f"in all editions of the last 7 days {why}"
        if not standing:
            self._stand(why, now)
        return [sentence for edition in sending for sentence in self.stop(edition, now, why)]

    def _stand(self, why: str, now: datetime) -> None:
        try:
            self._table.insert(STANDING, {"why": why, "at": now.isoformat()})
        except ConflictError:
            return  # another look was first

    def _forget_standing(self) -> None:
        try:
            if item := self._table.get(STANDING):
                self._table.delete(item)
        except ConflictError:
            return

    def _recent(self, now: datetime) -> Iterator[Edition]:
        for newsletter in self._site.newsletters:
            for edition in self._editions.of(newsletter):
                begun = edition.chunks > 0 and edition.state is not State.APPROVED
                if begun and (edition.state is State.SENDING or now - (edition.changed or now) <= WINDOW):
                    yield edition

    def _look(self, edition: Edition, now: datetime) -> Looked:
        before = load_course(self._table, edition.id)
        if edition.totals and before.closed and (not edition.totals["in_doubt"] or before.version == edition.version):
            figures, course = _of_totals(edition, before.refused), before
        else:
            figures, course = self._read(edition, before, now)
        resumed = not edition.halted and before.halts != edition.halts
        if resumed:
            course = replace(course, base=figures, halts=edition.halts)
        if course != before:
            save_course(self._table, edition.id, course)
        return Looked(edition, course, figures, resumed)

    def _read(self, edition: Edition, course: Course, now: datetime) -> tuple[Figures, Course]:
        ledgers = [held.ledger for _, held in self._chunks.ledgers(edition.id)]
        figures = sum(map(of_ledger, ledgers), Figures())
        books = add_up(None, ledgers)
        course = replace(course, doubt=doubt_of(ledgers), version=edition.version)
        if edition.totals:
            course = replace(course, points=(), refused=figures.bounced - books.bounced, closed=True)
            figures = _of_totals(edition, course.refused)
        elif edition.state is State.SENDING:
            course = replace(course.at(now, settled(books), edition.changed), closed=False)
        return figures, course


def settled(books: Books) -> int:
    """How many recipients need no try any more, as things stand."""
    return books.planned - books.pending - books.deferred


def _of_totals(edition: Edition, refused: int) -> Figures:
    totals = Books(**edition.totals)
    return Figures(totals.sent + totals.failed, totals.bounced + refused, totals.complained)


def _advice(edition_id: str) -> str:
    return f"See where these addresses come from; then 'sendbrief resume {edition_id}', or 'sendbrief cancel' it"


__all__ = ["BRAKE", "PROVIDER", "Braking", "Looked", "settled"]
