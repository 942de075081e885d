"""The dispatcher: starts editions that are due, plans them, fills the queue, closes the books."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from math import ceil

from chalicelib.compose.composer import late_words
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import Site
from chalicelib.deliver.beyond import beyond_words, mails_beyond
from chalicelib.deliver.books import Books, add_up, check
from chalicelib.deliver.chunks import CHUNK_SIZE, ChunkStore, HeldLedger, task_body
from chalicelib.deliver.guests import Guests
from chalicelib.deliver.holding import PASSED, passed_then
from chalicelib.deliver.ledger import FLIGHT, PENDING, Ledger
from chalicelib.deliver.pairing import is_late
from chalicelib.deliver.planner import Planner
from chalicelib.errors import ConfigurationError, ConflictError, StoreError, StoreUnavailableError
from chalicelib.store import Blobs, Queue, Table, Write

REQUEUE_SECONDS = 900
"""After this long an unfinished chunk is queued again: its message may have been lost."""
SPARE_CHUNKS = 10
"""In the queue beyond what the pace lets out until the next look, so that several functions have something to do."""
QUEUE_BATCH = 100
TRIES = 50


class Dispatcher:
    """Moves the editions of one site from approved to sent."""

    def __init__(
        self, site: Site, table: Table, blobs: Blobs, queue: Queue, *,
        wall: Callable[[], float] = time.time, chunk_size: int = CHUNK_SIZE,
        on_sent: Callable[[Edition], Sequence[Write]] = lambda _: (),
        most_queued: Callable[[], int | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._site, self._table, self._queue, self._wall, self._on_sent = site, table, queue, wall, on_sent
        self._most_queued = most_queued
        self.editions, self.chunks = EditionStore(table, blobs), ChunkStore(table, blobs)
        self._guests = Guests(site, table, self.chunks, self.editions)
        self._planner = Planner(site, table, blobs, chunk_size=chunk_size)

    def tick(self, now: datetime, troubles: list[str] | None = None) -> list[Edition]:
        """Start, plan, queue or close whatever is due; the editions that are being sent.

        With ``troubles`` an edition that can't go on is named there, and never stops the others.
        """
        moved = []
        for edition in list(self._active()):
            try:
                moved.append(self.advance(edition, now))
            except (StoreError, ConfigurationError) as error:
                if troubles is None or isinstance(error, StoreUnavailableError):
                    raise
                if str(error) not in troubles:
                    troubles.append(str(error))
        return [edition for edition in moved if edition is not None]

    def advance(self, edition: Edition, now: datetime) -> Edition | None:
        """Take one edition as far as it goes now; None where nothing is to be done (or another tick did it)."""
        for _ in range(TRIES):
            try:
                return self._advance(edition, now)
            except ConflictError:
                edition = self.editions.find(edition.id)
        return None

    def books(self, edition: Edition) -> Books:
        """The edition's books. Raises StoreError where they don't balance."""
        return check(edition, self.count(edition))

    def count(self, edition: Edition) -> Books:
        """The edition's figures, whether or not they balance."""
        if edition.totals:
            return Books(**edition.totals)
        if edition.planned == 0 or not edition.chunks:
            return Books(planned=edition.planned or 0)
        return add_up(edition.planned, (held.ledger for _, held in self.chunks.ledgers(edition.id)))

    def _active(self) -> Iterator[Edition]:
        for newsletter in self._site.newsletters:
            for edition in self.editions.of(newsletter):
                if edition.state in {State.APPROVED, State.SENDING} or _left_open(edition):
                    yield edition

    def _advance(self, edition: Edition, now: datetime) -> Edition | None:
        if edition.state is State.APPROVED:
            begun = self._start(edition, now) if edition.slot_at <= now else None
            if begun is None:
                return None
            edition = begun
        if edition.state is State.SENDING and edition.planned is None:
            edition = self._unless_beyond(edition, now) or self._planner.plan(edition, now)
        if edition.state is State.SENDING:
            return self._send_or_close(edition, now)
        if _left_open(edition):
            return self._close_cancelled(edition)
        return edition

    def _start(self, edition: Edition, now: datetime) -> Edition | None:
        """None where it waits for its host's plan."""
        if is_late(edition, self._site, now):
            return self.editions.move(edition, State.HELD, now, why=late_words(now - edition.slot_at))
        if not edition.released and passed_then(self._table, edition.slot_at):
            return self.editions.move(edition, State.HELD, now, why=PASSED)
        if held := self._unless_beyond(edition, now):
            return held
        turn = self._guests.turn(edition, now)
        return self._guests.start(turn, now) if turn else None

    def _unless_beyond(self, edition: Edition, now: datetime) -> Edition | None:
        """Held where mails of it are known that the store has no chunk for: planned anew, readers got it twice."""
        count = mails_beyond(self._table, edition.id).get(edition.id, 0)
        if not count:
            return None
        return self.editions.move(edition, State.HELD, now, why=beyond_words(count), was_sending=False)

    def _send_or_close(self, edition: Edition, now: datetime) -> Edition:
        held = dict(self.chunks.ledgers(edition.id))
        if edition.host and self._guests.settle(edition, held, now):
            edition = self.editions.change(edition, queued=0.0)  # who goes on is in the queue at once
            held = dict(self.chunks.ledgers(edition.id))
        ledgers = {number: one.ledger for number, one in held.items()}
        books = check(edition, add_up(edition.planned, ledgers.values()))
        if books.done:
            totals, also = books.as_dict(), self._on_sent(edition) if books.sent > edition.sent_before else ()
            return self.editions.move(edition, State.SENT, now, totals=totals, also=also)
        again, new = self._wanted(edition, ledgers, now.timestamp())
        if not again and not new:
            return edition
        bodies = [task_body(edition.id, number) for number in (*again, *new)]
        for start in range(0, len(bodies), QUEUE_BATCH):
            self._queue.send(bodies[start : start + QUEUE_BATCH])
        queued = self._wall() if again or not edition.queued else edition.queued
        return self.editions.change(edition, queued=queued, queued_to=max(new, default=edition.queued_to - 1) + 1)

    def _wanted(self, edition: Edition, ledgers: Mapping[int, Ledger], clock: float) -> tuple[list[int], list[int]]:
        """Chunks to queue once more, and those whose first turn it is.

        Where the pace lets only so much out, no more lie in the queue than are used up soon: each that waits there is
        put in once more when it is overdue, and an edition of many hours would be paid for many times over.
        """
        overdue = not edition.queued or self._wall() - edition.queued > REQUEUE_SECONDS
        open_ = [number for number, ledger in ledgers.items() if not ledger.done and ledger.due(clock)]
        before = [number for number in open_ if number < edition.queued_to]
        most = self._most_queued()
        room = len(open_) if most is None else max(0, most - len(before))
        again = [number for number in before if _wants_queue(ledgers[number], clock, overdue=overdue)]
        return again, [number for number in open_ if number >= edition.queued_to][:room]

    def _close_cancelled(self, edition: Edition) -> Edition:
        """Whoever was not tried is skipped, so that the books of a cancelled edition balance too."""
        for number, held in list(self.chunks.ledgers(edition.id)):
            self._close_chunk(edition.id, number, held)
        ledgers = [held.ledger for _, held in self.chunks.ledgers(edition.id)]
        if not all(ledger.done for ledger in ledgers):
            return edition  # a wave is still in the air: close at the next tick
        books = add_up(None, ledgers)
        return self.editions.change(edition, planned=books.planned, totals=check(edition, books).as_dict())

    def _close_chunk(self, edition: str, number: int, held: HeldLedger) -> None:
        while True:
            ledger = held.ledger.cancel("the edition was cancelled")
            if FLIGHT in ledger.marks and ledger.lease < self._wall():
                ledger = ledger.claim("", 0, 0)  # its worker is gone: that wave is in doubt
            if ledger == held.ledger:
                return
            try:
                self.chunks.write_ledger(held, ledger)
            except ConflictError:  # its worker wrote an outcome this moment
                held = self.chunks.ledger(edition, number)
            else:
                return


def _left_open(edition: Edition) -> bool:
    """Cancelled after planning began, with its books not closed yet."""
    return edition.state is State.CANCELLED and edition.chunks > 0 and not edition.totals


def most_queued(per_second: float | None) -> int | None:
    """How many chunks of an edition should lie in the queue at once at a pace; None: all of them."""
    return None if per_second is None else ceil(per_second * REQUEUE_SECONDS / CHUNK_SIZE) + SPARE_CHUNKS


def _wants_queue(ledger: Ledger, clock: float, *, overdue: bool) -> bool:
    """Unfinished and not queued lately; or with nothing but deferred recipients, some of them due."""
    if ledger.done or not ledger.due(clock):
        return False
    return overdue or not (PENDING in ledger.marks or FLIGHT in ledger.marks)
