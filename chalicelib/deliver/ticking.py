"""The tick: everything that is due, once. Collect, compose, prove, dispatch; on one machine, send as well."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from chalicelib.collect.collector import Progress as CollectProgress
from chalicelib.collect.collector import SourceReport, collect
from chalicelib.collect.fetch import Fetch
from chalicelib.compose.composer import Composer
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, one_look
from chalicelib.content.values import Site
from chalicelib.deliver.dispatcher import Dispatcher
from chalicelib.deliver.draining import drain
from chalicelib.deliver.guarding import Guard
from chalicelib.deliver.holding import stand
from chalicelib.deliver.pausing import paused
from chalicelib.deliver.proofs import send_proofs
from chalicelib.deliver.worker import Worker
from chalicelib.errors import ConflictError, SendbriefError
from chalicelib.logs import correlated, logger
from chalicelib.metrics import count
from chalicelib.store import Queue, Table
from chalicelib.transports import Transport

LOG = logger(__name__)
ROUNDS = 100
"""Deferred mails and new chunks are looked for again after each drain, this often at most."""


@dataclass(slots=True)
class TickReport:
    """What one tick did. ``troubles`` are sentences for a person; an empty list is a good day."""

    sources: list[SourceReport] = field(default_factory=list)
    editions: dict[str, Edition] = field(default_factory=dict)
    proofs: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def saw(self, editions: list[Edition]) -> None:
        """Remember editions by id, the latest state of each."""
        self.editions.update({edition.id: edition for edition in editions})


def measure(report: TickReport, seconds: float) -> None:
    """What a tick's line in the log and its metrics say.

    Its time becomes one only where there is something else to tell: a metric costs money for each hour in which it is
    told, and AWS Lambda tells how long a call took for nothing.
    """
    failed = sum(source.outcome == "failed" for source in report.sources)
    found = sum(source.changes.new for source in report.sources)
    sending = [edition.id for edition in report.editions.values() if edition.state is State.SENDING]
    count("SourcesFailed", failed)
    count("EntriesFound", found)
    if failed or found or sending:
        count("TickSeconds", round(seconds, 3))
    LOG.info("Tick in %.1f s: %d new entries, %d sources failed, being sent: %s", seconds, found, failed,
             ", ".join(sending) or "nothing")  # fmt: skip


def log_report(report: TickReport) -> None:
    """What went wrong, in the log."""
    for source in report.sources:
        if source.outcome == "failed":
            LOG.warning("Source %s failed: %s", source.source, source.health.error)
    for trouble in report.troubles:
        LOG.error("%s", trouble)


@dataclass(slots=True)
class Ticker:
    """What a tick works with."""

    site: Site
    table: Table
    queue: Queue
    fetch: Fetch
    composer: Composer
    dispatcher: Dispatcher
    transport: Callable[[], Transport]
    on_source: CollectProgress | None = None
    has_monthly: Callable[[str], bool] = lambda _newsletter: False
    """Whether anybody reads a newsletter at the monthly cadence."""
    tell: Callable[[], list[str]] = list
    """Tells other programs what happened; what a person should know of that."""
    retain: Callable[[datetime], object] = lambda _now: None
    """Forgets what is kept no longer: a part of a day's round."""
    guard: Guard | None = None
    forecast: Callable[[str], str] = lambda _newsletter: ""
    """What editors are told of readers and cost, beside the proof of a newsletter's edition."""

    async def tick(self, now: datetime) -> TickReport:
        """Collect, compose, send proofs and put chunks in the queue. Safe to run twice, also at once.

        On a paused site nothing is done but to say so.
        """
        with correlated():
            started, report = time.monotonic(), await self._tick(now)
            measure(report, time.monotonic() - started)
        return report

    async def _tick(self, now: datetime) -> TickReport:
        report = TickReport()
        if stopped := stand(self.table, self.site.newsletters, now):
            report.troubles.append(str(stopped))
            return report
        report.sources = collect(self.site, self.table, self.fetch, now, progress=self.on_source)
        report.saw(self.composer.tick(now))
        report.saw(self._gather(now))
        with one_look():
            await self._prove(report, now)
            report.saw(self.dispatcher.tick(now, report.troubles))
            report.troubles += await self.guard.watch(self.transport, now) if self.guard else []
        report.troubles += self.tell()
        self._retain(report, now)
        return report

    async def tick_and_send(
        self, now: datetime, worker: Worker, *, stop: Callable[[], bool] = lambda: False, at_once: int = 1
    ) -> TickReport:
        """A tick, and all sending that follows from it, until nothing is left to do now; ``at_once``: see ``drain``."""
        with correlated():
            return await self._send(await self.tick(now), now, worker, stop, at_once)

    async def _send(
        self, report: TickReport, now: datetime, worker: Worker, stop: Callable[[], bool], at_once: int
    ) -> TickReport:
        for _ in range(0 if paused(self.table) else ROUNDS):
            drained = await drain(self.queue, worker, stop=stop, at_once=at_once)
            report.saw(self.dispatcher.tick(now, report.troubles))
            report.troubles += drained.left
            if drained.trouble:
                report.troubles.append(drained.trouble)
            if drained.trouble or not drained.chunks or stop():
                break
        return report

    def _retain(self, report: TickReport, now: datetime) -> None:
        """Last, and never in the way of what is to be sent."""
        try:
            self.retain(now)
        except SendbriefError as error:
            report.troubles.append(f"What is kept no longer was not forgotten. {error}")

    def _gather(self, now: datetime) -> list[Edition]:
        made = (
            self.composer.gather(newsletter, now, partial(self.has_monthly, newsletter.name))
            for newsletter in self.site.newsletters.values()
        )
        return [edition for edition in made if edition]

    async def _prove(self, report: TickReport, now: datetime) -> None:
        """Each draft goes to the editors once; one that could not be sent, again at the next tick."""
        for edition in self._unproofed():
            try:
                proofed = self.dispatcher.editions.change(edition, proofed=True)
                content = self.dispatcher.editions.content(proofed)
                told = [*edition.lacks], self.forecast(edition.newsletter)
                await send_proofs(self.site, content, self.site.editors, self.transport(), now, *told)
            except ConflictError:
                continue  # another tick is at it
            except SendbriefError as error:
                report.troubles.append(f"The proof of {edition.id} was not sent. {error}")
                self._forget_proof(edition.id)
                continue
            report.proofs.append(edition.id)
            report.saw([proofed])

    def _unproofed(self) -> list[Edition]:
        if not self.site.editors:
            return []
        editions = (edition for name in self.site.newsletters for edition in self.dispatcher.editions.of(name))
        return [edition for edition in editions if edition.state is State.DRAFT and not edition.proofed]

    def _forget_proof(self, edition_id: str) -> None:
        editions = self.dispatcher.editions
        editions.decide(edition_id, lambda edition: editions.change(edition, proofed=False))
