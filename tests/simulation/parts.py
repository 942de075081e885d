"""The code under test, put together as the composition root does it. A mutant puts in a part of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.compose.composer import Composer
from chalicelib.compose.editions import EditionStore
from chalicelib.deliver.chunks import ChunkStore, ledger_key
from chalicelib.deliver.dispatcher import Dispatcher
from chalicelib.deliver.draining import drain
from chalicelib.deliver.ledger import Ledger
from chalicelib.deliver.pausing import paused
from chalicelib.deliver.recording import DirectRecorder, GroupingRecorder
from chalicelib.deliver.restoring import held
from chalicelib.deliver.worker import Sender, Worker
from chalicelib.errors import ConflictError
from tests.simulation.ground import SECRETS, SITE
from tests.simulation.process import Process
from tests.simulation.provider import Event, Link


@dataclass(slots=True)
class Parts:
    """Factories of what a process is made of. ``pauses`` tells whether a restore pauses the site and holds editions."""

    table: Callable[[Process], Any] = lambda process: process.table
    queue: Callable[[Process], Any] = lambda process: process.queue
    link: Callable[[Process], Any] = lambda process: Link(process.world.provider, process)
    composer: Callable[..., Composer] = Composer
    dispatcher: Callable[..., Dispatcher] = Dispatcher
    worker: Callable[..., Worker] = Worker
    chunks: Callable[..., ChunkStore] | None = None
    editions: Callable[..., EditionStore] | None = None
    drain: Callable[..., Any] = drain
    heard: Callable[[Ledger, Event], Ledger] = lambda ledger, event: ledger.heard(event.place[2], event.news)
    held: Callable[..., Any] = held
    pauses: bool = True


class House:
    """What one process can do."""

    def __init__(self, process: Process, parts: Parts) -> None:
        self.process, self.parts = process, parts
        table: Any = parts.table(process)
        self.table = table
        blobs, world, self.queue = process.blobs, process.world, parts.queue(process)
        self.composer = parts.composer(SITE, table, blobs)
        self.dispatcher = parts.dispatcher(
            SITE, table, blobs, self.queue, wall=process.wall, chunk_size=world.chunk_size
        )
        if parts.chunks:
            self.dispatcher.chunks = parts.chunks(table, blobs)
        self.chunks = self.dispatcher.chunks
        editions = parts.editions(table, blobs) if parts.editions else self.dispatcher.editions
        self.editions = editions
        self._worker: Worker | None = None

    @property
    def worker(self) -> Worker:
        """Made when it is first needed, for only some processes send."""
        if self._worker is None:
            self._worker = self._make_worker()
        return self._worker

    def _make_worker(self) -> Worker:
        process, world, parts, table = self.process, self.process.world, self.parts, self.table
        return parts.worker(
            SITE, table, self.chunks, self.editions, parts.link(process), SECRETS, Sender(process.name, world.alive),
            process.clock, wall=process.wall, wave_size=world.wave,
            recorder=GroupingRecorder(table) if world.groups else DirectRecorder(table),
        )  # fmt: skip

    def compose(self) -> None:
        """What a tick composes."""
        self.composer.tick(self.process.clock())

    def tick(self) -> None:
        """What a tick dispatches."""
        if not paused(self.table):
            self.dispatcher.tick(self.process.clock())

    def send(self) -> None:
        """Drain the queue."""
        process = self.process
        try:
            process.run(self.parts.drain(self.queue, self.worker, at_once=process.world.at_once, wall=process.wall))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def hear(self) -> None:
        """Record what the provider told; an event is given up only then."""
        provider = self.process.world.provider
        for event in provider.due():
            self._hear(event)
            provider.was_heard(event)

    def _hear(self, event: Event) -> None:
        edition, number, position = event.place
        while True:
            if self.table.get(ledger_key(edition, number)) is None:
                return  # planned after the backup that was restored: not known here
            there = self.chunks.ledger(edition, number)
            ledger = self.parts.heard(there.ledger, event)
            if ledger == there.ledger:
                return
            try:
                self.chunks.write_ledger(there, ledger)
            except ConflictError:
                continue
            provider = self.process.world.provider
            provider.settled += there.ledger.marks[position] == "?"
            return


def house_of(process: Process) -> House:
    """What a process can do, made once."""
    if process.house is None:
        process.house = House(process, process.world.parts)
    return process.house
