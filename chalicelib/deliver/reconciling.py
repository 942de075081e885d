"""After a restore: what is known of mails since the backup is put into the books, and what differs is told.

The ledgers are an old state of the truth. Evidence (the provider's events, a mail server's log, a folder of sent mails)
settles who got theirs; whoever was in flight at the backup is in doubt; of the rest nothing is known, and a person
decides.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.compose.schedule import latest_slot
from chalicelib.content.published import Shelf
from chalicelib.content.values import Site
from chalicelib.deliver.beyond import mails_beyond, note_beyond
from chalicelib.deliver.books import Books, add_up
from chalicelib.deliver.chunks import ChunkStore
from chalicelib.deliver.doubts import Doubts, Place
from chalicelib.deliver.holding import HeldBack, held_back
from chalicelib.deliver.ledger import DEFERRED, FLIGHT, IN_DOUBT, LEFT, PENDING
from chalicelib.deliver.maillog import Evidence
from chalicelib.deliver.pausing import Restored, note_restored
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.store import Blobs, Table

_OPEN = frozenset({PENDING, DEFERRED, IN_DOUBT, LEFT})
HEARD = frozenset({Reason.BOUNCE, Reason.COMPLAINT})
"""Suppressions that follow from news of mails."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An edition that a restore held. ``then`` are its books at the backup, ``now`` with all evidence.

    ``unknown`` are those who are not known to have it, ``in_doubt`` those who were in flight; ``beyond`` mails that are
    known of it and that no chunk here knows. ``do`` says what to do, in words.
    """

    edition: str
    state: str
    then: Mapping[str, int]
    now: Mapping[str, int]
    unknown: int
    in_doubt: int
    beyond: int
    do: str

    @property
    def settled(self) -> int:
        """How many are known since to have been written to."""
        return sum(self.now[name] - self.then[name] for name in ("sent", "failed"))

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {**{name: getattr(self, name) for name in self.__slots__}, "settled": self.settled}


class Reconciler:
    """Puts evidence into the books of one restored site, and tells what differs."""

    def __init__(self, site: Site, table: Table, blobs: Blobs, doubts: Doubts) -> None:
        self._site, self._table, self._blobs, self._doubts = site, table, blobs, doubts
        self._editions, self._chunks = EditionStore(table, blobs), ChunkStore(table, blobs)

    def stop_flights(self, now: datetime) -> int:
        """Who was in flight at the backup is in doubt, and no chunk is anybody's: their workers are not of this store.

        How many are in doubt for it.
        """
        count = 0
        for edition in self._held():
            for number, held in list(self._chunks.ledgers(edition.id)):
                while held.ledger.owner or FLIGHT in held.ledger.marks:
                    claimed = held.ledger.claim("", 0, now.timestamp()).release()
                    try:
                        self._chunks.write_ledger(held, claimed)
                    except ConflictError:
                        held = self._chunks.ledger(edition.id, number)  # news this moment
                    else:
                        count += held.ledger.marks.count(FLIGHT)
                        break
        return count

    def open_places(self) -> Iterator[tuple[str, list[Place]]]:
        """Of each edition that is held, the mails of which it is not known whether they went out."""
        for edition in self._held():
            yield (
                edition.id,
                [
                    (number, position)
                    for number, held in self._chunks.ledgers(edition.id)
                    for position, mark in enumerate(held.ledger.marks)
                    if mark in _OPEN
                ],
            )

    def settle(self, found: Mapping[str, Mapping[Place, Evidence]], now: datetime) -> int:
        """Put evidence into the ledgers; how many marks changed. What no ledger has a place for is noted."""
        changed = 0
        for edition, evidence in found.items():
            known, beyond = self._parted(edition, evidence)
            changed += self._doubts.settle(edition, known) if known else 0
            for chunk in sorted({place[0] for place in beyond}):
                note_beyond(self._table, edition, chunk, [place[1] for place in beyond if place[0] == chunk], now)
        return changed

    def _parted(
        self, edition_id: str, evidence: Mapping[Place, Evidence]
    ) -> tuple[dict[Place, Evidence], set[Place]]:  # fmt: skip
        """What the ledgers have a place for, and the places of the rest."""
        try:
            edition = self._editions.find(edition_id)
        except NotFoundError:
            return {}, set(evidence)
        sizes = {
            chunk: len(self._chunks.ledger(edition_id, chunk).ledger.marks) if 0 <= chunk < edition.chunks else 0
            for chunk in {place[0] for place in evidence}
        }
        known = {place: one for place, one in evidence.items() if place[1] < sizes[place[0]]}
        return known, set(evidence) - set(known)

    def differences(self) -> list[Difference]:
        """The editions that the restore held and that still wait, each with what is known now."""
        beyond = mails_beyond(self._table)
        notes = {note.edition: note for note in held_back(self._table)}
        return [self._difference(edition, notes[edition.id], beyond.get(edition.id, 0)) for edition in self._held()]

    def _difference(self, edition: Edition, note: HeldBack, beyond: int) -> Difference:
        books = self._books(edition)
        unknown = books.pending + books.deferred
        do = _advice(edition, unknown, books.in_doubt, beyond)
        return Difference(
            edition.id, note.state, note.books, books.as_dict(), unknown, books.in_doubt, beyond, do
        )  # fmt: skip

    def _books(self, edition: Edition) -> Books:
        return add_up(edition.planned or None, (held.ledger for _, held in self._chunks.ledgers(edition.id)))

    def lost(self) -> dict[str, int]:
        """Editions that mails are known of and that are not in the store at all, with how many mails."""
        return {edition: count for edition, count in mails_beyond(self._table).items() if not self._is_there(edition)}

    def slots(self, restored: Restored) -> list[str]:
        """Editions that were due before the restore and are not in the store: the old site may have sent them."""
        at, missing = datetime.fromisoformat(restored.at), list[str]()
        for newsletter in self._site.newsletters.values():
            if newsletter.schedule:
                slot = latest_slot(newsletter.schedule, self._site.time_zone, at)
                name = f"{newsletter.name}/{slot.name}" if slot else ""
                if name and not self._is_there(name):
                    missing.append(name)
        return missing

    def suppressed(self, restored: Restored) -> int:
        """How many are suppressed since the restore because of what was heard of their mails."""
        found = Suppressions(self._table).all()
        return sum(one.reason in HEARD and one.at >= restored.at for one in found)

    def unpublished(self) -> list[str]:
        """Bundles that lie in the blobs and in no publication that the store knows: published since the backup."""
        shelf = Shelf(self._table, self._blobs)
        known = {one.hash for one in shelf.history()}
        names = self._blobs.names("bundles/")
        there = {name.split("/")[1] for name in names if name.endswith("/manifest.json")}
        return sorted(there - known)

    def _held(self) -> Iterator[Edition]:
        for note in held_back(self._table):
            try:
                edition = self._editions.find(note.edition)
            except NotFoundError:
                continue
            if edition.state is State.HELD:
                yield edition

    def _is_there(self, edition: str) -> bool:
        return self._editions.get(*edition.split("/", 1)) is not None if "/" in edition else False


def _advice(edition: Edition, unknown: int, in_doubt: int, beyond: int) -> str:
    """What to do with an edition that a restore held."""
    name = edition.id
    if beyond:
        return f"Readers have it, and who can't be told: 'sendbrief cancel {name}'."
    if not edition.was_sending or edition.planned is None:
        return (
            f"Nothing is known of it. If readers have it, 'sendbrief cancel {name}'; "
            f"else 'sendbrief {'resume' if edition.was_sending else 'approve'} {name}' sends it to all."
        )
    doubt = f" 'sendbrief doubt {name}' shows who is in doubt." if in_doubt else ""
    if not unknown:
        return f"Everybody is accounted for: 'sendbrief resume {name}' closes its books and sends nothing.{doubt}"
    return (
        f"{unknown} are not known to have it: 'sendbrief resume {name}' sends to them, "
        f"'sendbrief cancel {name}' to nobody.{doubt}"
    )


def note_heard(table: Table, restored: Restored, now: datetime) -> None:
    """A person has had all evidence heard: the site may go on."""
    note_restored(table, replace(restored, heard=now.isoformat()))


def resume_words(table: Table, edition: Edition, books: Books, heard: bool) -> str:
    """What a person should know before an edition goes on that a restore held; '' for any other."""
    if edition.state is not State.HELD or not held_back(table, edition.id):
        return ""
    unheard = "" if heard else " Nothing was heard since the restore: 'sendbrief reconcile' does that."
    if not edition.was_sending or edition.planned is None:
        return f"{edition.id} may have gone out since the backup, and would go to all its readers.{unheard}"
    unknown = books.pending + books.deferred
    if not unknown and heard:
        return ""
    return f"{unknown} readers of {edition.id} are not known to have it, and would get it now.{unheard}"


__all__ = ["Difference", "Reconciler", "note_heard", "resume_words"]
