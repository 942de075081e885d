"""The books of an edition: planned = pending + sent + failed + skipped + deferred + in doubt, always."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.compose.editions import Edition
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
    Ledger,
)
from chalicelib.errors import StoreError


@dataclass(frozen=True, slots=True)
class Books:
    """Recipients of an edition by what became of them; who is in flight counts as pending.

    ``delivered`` and ``complained`` are those of the sent of whom the provider told so, ``bounced`` those of the failed
    whose mail was taken and came back.
    """

    planned: int = 0
    pending: int = 0
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    deferred: int = 0
    in_doubt: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0

    @property
    def balanced(self) -> bool:
        """Whether everybody planned is accounted for."""
        parts = (self.pending, self.sent, self.failed, self.skipped, self.deferred, self.in_doubt)
        return self.planned == sum(parts)

    @property
    def done(self) -> bool:
        """Nobody is left to be tried."""
        return self.pending == 0 and self.deferred == 0

    def as_dict(self) -> dict[str, int]:
        """The figures by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def add_up(planned: int | None, ledgers: Iterable[Ledger]) -> Books:
    """The books from all ledgers of an edition; ``planned`` is None while it is still being planned."""
    marks: Counter[str] = Counter()
    for ledger in ledgers:
        for mark in set(ledger.marks):
            marks[mark] += ledger.marks.count(mark)
    return Books(
        planned=marks.total() if planned is None else planned,
        pending=marks[PENDING] + marks[FLIGHT],
        sent=marks[SENT] + marks[DELIVERED] + marks[COMPLAINED],
        failed=marks[FAILED] + marks[BOUNCED],
        skipped=marks[SKIPPED],
        deferred=marks[DEFERRED],
        in_doubt=marks[IN_DOUBT] + marks[LEFT],
        delivered=marks[DELIVERED],
        bounced=marks[BOUNCED],
        complained=marks[COMPLAINED],
    )


def corrected(totals: Mapping[str, int], before: Ledger, after: Ledger) -> dict[str, int]:
    """Closed books with the difference that one chunk makes."""
    old, new = (add_up(None, [ledger]).as_dict() for ledger in (before, after))
    return {name: totals.get(name, 0) + new[name] - old[name] for name in new}


def check(edition: Edition, books: Books) -> Books:
    """The books, or a StoreError: books that don't balance are never shown as if they did."""
    if not books.balanced:
        raise StoreError(
            f"The books of {edition.id} don't balance: {books.as_dict()}.",
            "Nothing more is sent of it. Pause it and look at its chunks; this is a fault of the program or the store.",
        )
    return books
