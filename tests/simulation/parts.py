"""The code under test, put together as the composition root does it. A mutant puts in a part of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.audience.suppression import Suppressions
from chalicelib.compose.composer import Composer
from chalicelib.compose.editions import EditionStore
from chalicelib.deliver.chunks import ChunkStore
from chalicelib.deliver.dispatcher import Dispatcher
from chalicelib.deliver.draining import drain
from chalicelib.deliver.hearing.hearing import Hearing
from chalicelib.deliver.hearing.values import Heard
from chalicelib.deliver.ledger import News
from chalicelib.deliver.pacing import Pacing
from chalicelib.deliver.pausing import paused
from chalicelib.deliver.recording import DirectRecorder, GroupingRecorder
from chalicelib.deliver.restoring import held
from chalicelib.deliver.turns import Turns
from chalicelib.deliver.worker import Sender, Worker
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
    hearing: Callable[[Any, Any], Any] = lambda table, blobs: Hearing(table, blobs, Suppressions(table))
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
        self.hearing = parts.hearing(table, blobs)
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
            turns=Turns(Pacing(table, "simulated", world.pace, wave=world.wave)),
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
        process.run(self.parts.drain(self.queue, self.worker, at_once=process.world.at_once, wall=process.wall))

    def hear(self) -> None:
        """Record what the provider told; events come again until that is done."""
        provider = self.process.world.provider
        if due := provider.due():
            self.hearing.record([heard(event, self.process.world.start) for event in due], self.process.clock())
            for event in due:
                provider.was_heard(event)


def heard(event: Event, start: datetime) -> Heard:
    """An event as a reader of events understands it: the same id however often it is told."""
    edition, chunk, position = event.place
    at = start + timedelta(seconds=event.told)
    raw_id = f"{event.news.name}-{chunk}-{position}"
    permanent = event.news is News.BOUNCED
    return Heard(event.news, at, raw_id, edition, chunk, position, permanent=permanent, source="simulation")


def house_of(process: Process) -> House:
    """What a process can do, made once."""
    if process.house is None:
        process.house = House(process, process.world.parts)
    return process.house
