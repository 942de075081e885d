"""Dead letters: chunks that were taken up again and again and failed, and what can be seen of why."""

from dataclasses import dataclass
from typing import Any

from chalicelib.compose.edition import State
from chalicelib.compose.editions import EditionStore
from chalicelib.deliver.chunks import ChunkStore, read_task
from chalicelib.deliver.ledger import DEFERRED, FLIGHT, PENDING
from chalicelib.errors import SendbriefError
from chalicelib.store import Blobs, Table


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter. ``waiting``: how many of its recipients were not tried, or are to be tried again."""

    edition: str
    chunk: int
    waiting: int
    trouble: str

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {name: getattr(self, name) for name in self.__slots__}


def examined(body: str, table: Table, blobs: Blobs) -> DeadLetter:
    """What a dead letter is, and what would stop it now; '' where nothing is seen: its error is in the log then."""
    try:
        edition, chunk = read_task(body)
    except SendbriefError as error:
        return DeadLetter("", -1, 0, error.message)
    editions, chunks = EditionStore(table, blobs), ChunkStore(table, blobs)
    waiting = 0
    try:
        state = editions.find(edition).state
        marks = chunks.ledger(edition, chunk).ledger.marks
        waiting = sum(marks.count(mark) for mark in (PENDING, FLIGHT, DEFERRED))
        recipients = chunks.recipients(edition, chunk)
        for variant in sorted({key for one in recipients for key in (one.variant, one.both) if key}):
            chunks.letter(edition, variant)
    except SendbriefError as error:
        return DeadLetter(edition, chunk, waiting, error.message)
    trouble = "" if state is State.SENDING else f"the edition is {state}: nothing of it is sent"
    return DeadLetter(edition, chunk, waiting, trouble)


__all__ = ["DeadLetter", "examined"]
