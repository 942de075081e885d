"""Dead letters: what was taken up again and again and failed, and what can be seen of why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.compose.edition import State
from chalicelib.compose.editions import EditionStore
from chalicelib.deliver.chunks import ChunkStore, read_task
from chalicelib.deliver.hearing.ses_events import read_ses_event
from chalicelib.deliver.hearing.values import Signer
from chalicelib.deliver.ledger import DEFERRED, FLIGHT, PENDING
from chalicelib.deliver.notices import read_notice
from chalicelib.errors import SendbriefError
from chalicelib.store import Blobs, Queue, Table


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter of a queue: ``chunks``, ``notices``, ``events``. It names nobody.

    ``edition`` and ``chunk`` (-1 for none) are what it is about; ``waiting``: how many people were not tried, or are to
    be tried again.
    """

    edition: str
    chunk: int
    waiting: int
    trouble: str
    queue: str = "chunks"

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {name: getattr(self, name) for name in self.__slots__}


def dead_letters(
    queues: Mapping[str, Queue], table: Table, blobs: Blobs, signer: Signer, now: datetime
) -> list[DeadLetter]:
    """The dead letters of all queues, by their names (of SQS up to ten of each)."""
    found: list[DeadLetter] = []
    for name, queue in queues.items():
        for body in queue.dead():
            if name == "notices":
                found.append(_of_notice(body))
            elif name == "events":
                found.append(_of_event(body, table, blobs, signer, now))
            else:
                found.append(examined(body, table, blobs))
    return found


def _of_notice(body: str) -> DeadLetter:
    try:
        read_notice(body)
    except SendbriefError:
        return DeadLetter("", -1, 0, "it is no notice", "notices")
    return DeadLetter("", -1, 1, "", "notices")


def _of_event(body: str, table: Table, blobs: Blobs, signer: Signer, now: datetime) -> DeadLetter:
    """An event, with what keeps it from being recorded."""
    edition, chunk = "", -1
    try:
        heard = read_ses_event(body, signer, now)
        if heard and heard.edition:
            edition, chunk = heard.edition, heard.chunk
            EditionStore(table, blobs).find(edition)
            ChunkStore(table, blobs).ledger(edition, chunk)
    except SendbriefError as error:
        return DeadLetter(edition, chunk, 0, error.message, "events")
    return DeadLetter(edition, chunk, 0, "", "events")


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


__all__ = ["DeadLetter", "dead_letters", "examined"]
