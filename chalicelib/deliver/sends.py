"""What editions one person got: found among the frozen recipients, which lie with the editions."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.audience.dossier import dossier, ids_of, who
from chalicelib.audience.people import load_person
from chalicelib.audience.tokens import Secrets
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.deliver.chunks import ChunkStore, Recipient
from chalicelib.deliver.hearing.values import heard_prefix
from chalicelib.deliver.ledger import (
    BOUNCED,
    COMPLAINED,
    DEFERRED,
    DELIVERED,
    FAILED,
    FLIGHT,
    IN_DOUBT,
    LEFT,
    PENDING,
    SENT,
    SKIPPED,
    Detail,
)
from chalicelib.errors import ConflictError, StoreError
from chalicelib.store import Blobs, Item, Table, every

WORDS = {
    PENDING: "pending", FLIGHT: "pending", SENT: "sent", FAILED: "failed", SKIPPED: "skipped",
    DEFERRED: "deferred", IN_DOUBT: "in doubt", LEFT: "in doubt", DELIVERED: "delivered", BOUNCED: "bounced",
    COMPLAINED: "complained",
}  # fmt: skip
TRIES = 50


@dataclass(frozen=True, slots=True)
class Send:
    """One edition and one person. ``at`` is the edition's slot (ISO); the ledger has no moment for each mail."""

    edition: str
    at: str
    outcome: str
    reason: str
    chunk: int
    position: int
    notes: tuple[Item, ...] = ()
    """What was heard of a mail that came back or was called spam."""
    again: float = 0.0
    """When a deferred mail is tried again (epoch seconds); 0 for others."""

    @property
    def heard(self) -> list[dict[str, str]]:
        """The notes as plain data, the oldest first: ``kind``, ``at`` (ISO, UTC), ``source``, ``words``."""
        return sorted(({**note.data} for note in self.notes), key=lambda note: note["at"])

    def as_dict(self) -> dict[str, Any]:
        """What a dossier says of it."""
        told = {"edition": self.edition, "at": self.at, "outcome": self.outcome, "reason": self.reason}
        return {**told, "heard": self.heard}


class Sends:
    """Where people stand among the recipients of editions.

    There is no index by person. But recipients are frozen in the order of their ids, so each chunk holds a range of
    them, and the one that may hold an id is found by halving: eight chunks are read of an edition for 100,000.
    """

    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._editions, self._chunks = table, EditionStore(table, blobs), ChunkStore(table, blobs)

    def of(self, ids: Collection[str], newsletters: Collection[str]) -> Iterator[Send]:
        """All editions of some newsletters in which any of a person's ids stands, the oldest of each first.

        Those whose recipients are not kept any more are left out: they name nobody.
        """
        for newsletter in newsletters:
            for edition in self._editions.of(newsletter):
                for sid in ids:
                    found = self._find(edition, sid)
                    if found:
                        yield found

    def forget_reasons(self, ids: Collection[str], newsletters: Collection[str]) -> int:
        """Forget a server's words on a person, in the ledgers and in what was heard: they may name somebody after all.

        Of how many editions. Notes go first: who is cut off finds the rest by the ledgers.
        """
        told = [send for send in self.of(ids, newsletters) if send.reason or send.notes]
        for send in told:
            for note in send.notes:
                with suppress(ConflictError):  # it expired, or another erasure was first
                    self._table.delete(note)
            self._forget(send)
        return len(told)

    def _find(self, edition: Edition, sid: str) -> Send | None:
        low, high = 0, edition.chunks
        while low < high:
            middle = (low + high) // 2
            recipients = self._chunks.kept(edition.id, middle)
            if not recipients:
                return None
            if sid < recipients[0].sid:
                high = middle
            elif sid > recipients[-1].sid:
                low = middle + 1
            else:
                return self._in_chunk(edition, middle, recipients, sid)
        return None

    def _in_chunk(self, edition: Edition, number: int, recipients: list[Recipient], sid: str) -> Send | None:
        position = next((place for place, one in enumerate(recipients) if one.sid == sid), None)
        if position is None:
            return None
        ledger = self._chunks.ledger(edition.id, number).ledger
        detail = ledger.details.get(position, Detail(""))
        at = edition.slot_at.isoformat()
        mark = ledger.marks[position]
        notes = tuple(self._notes(edition.id, number, position)) if mark in {BOUNCED, COMPLAINED} else ()
        again = detail.next if mark == DEFERRED else 0.0
        return Send(edition.id, at, WORDS[mark], detail.reason, number, position, notes, again)

    def _notes(self, edition: str, number: int, position: int) -> Iterator[Item]:
        return every(self._table, f"EDITION#{edition}", prefix=heard_prefix(number, position))

    def _forget(self, send: Send) -> None:
        """A worker at the same chunk goes on: it applies its outcomes to what is written here."""
        for _ in range(TRIES):
            held = self._chunks.ledger(send.edition, send.chunk)
            detail = held.ledger.details.get(send.position)
            if detail is None or not detail.reason:
                return
            details = {**held.ledger.details, send.position: replace(detail, reason="")}
            try:
                self._chunks.write_ledger(held, replace(held.ledger, details=details))
            except ConflictError:
                continue
            return
        raise StoreError(f"The ledger of {send.edition} is being changed all the time.", "Try again in a moment.")


def whole_dossier(table: Table, blobs: Blobs, secrets: Secrets, sid: str, now: datetime) -> dict[str, Any]:
    """All that is stored of a person (see ``audience.dossier``), with the editions they got."""
    person = load_person(table, who(table, sid), ())
    sends = (send.as_dict() for send in Sends(table, blobs).of(ids_of(person), person.members))
    return dossier(table, secrets, sid, now, sends)
