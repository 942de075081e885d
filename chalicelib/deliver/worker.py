"""The worker: takes a chunk wave by wave, with the intent on record before each hand-over."""

import asyncio
import math
import secrets as random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from chalicelib.audience.tokens import Secrets
from chalicelib.clock import Clock
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import Site
from chalicelib.deliver.chunks import ChunkStore, HeldLedger, Recipient
from chalicelib.deliver.control import halt, tell_wait
from chalicelib.deliver.ledger import FLIGHT, Ledger
from chalicelib.deliver.pausing import paused
from chalicelib.deliver.preparing import Preparer, Ready
from chalicelib.deliver.recording import DirectRecorder, Recorder
from chalicelib.deliver.turns import Turns
from chalicelib.errors import ConfigurationError, ConflictError, SendbriefError, TransportUnavailableError
from chalicelib.logs import learn, logger
from chalicelib.metrics import count
from chalicelib.store import Table
from chalicelib.transports import Fate, Mail, Outcome, Transport, nameless, provider_stopped, quota_used, wants_bulk

LOG = logger(__name__)
WAVE_SIZE = 50
"""Mails handed over at once: the most that one crash can leave in doubt."""
LEASE_SECONDS = 300
MARGIN_SECONDS = 60
"""A function with less time left than this begins no wave: what one may take at worst."""
QUOTA_PAUSE_SECONDS = 1800
"""The next look after the provider said that the day's quota is used up."""

_METRICS = {Fate.SENT: "Sent", Fate.FAILED: "Failed", Fate.DEFERRED: "Deferred", Fate.IN_DOUBT: "InDoubt"}


class Ended(StrEnum):
    """How work on a chunk ended."""

    DONE = "done"
    LOST = "lost"
    """Somebody else works on it, or took it over."""
    STOPPED = "stopped"
    """The edition is not being sent any more (held, cancelled), or the site is paused."""
    LATER = "later"
    """It is not its turn: the pace, the quiet hours, or this function's time."""


class Work(NamedTuple):
    """How work ended; with LATER, when to come again (epoch seconds of the wall clock) and why."""

    ended: Ended
    until: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who works: ``owner`` names this process, ``alive`` tells whether a process may still be at work."""

    owner: str
    alive: Callable[[str], bool]

    def may_live(self, claim: str) -> bool:
        """Whether the process that made a claim may still be at work."""
        process = claim.partition("#")[0]
        return process == self.owner or self.alive(process)


class Watch(Protocol):
    """Looks at the outcomes of each wave."""

    def saw(self, edition: Edition, sids: Sequence[str], outcomes: Sequence[Outcome]) -> str:
        """Why the edition must stop, in words; '' while it may go on."""
        ...


Progress = Callable[[str, int], None]
"""Called with an edition's id and how many more of its recipients are settled."""
Change = Callable[[Ledger], Ledger]


@dataclass(slots=True)
class _Run:
    """Work on one chunk: the ledger as it is on record, and the last wave's outcomes, which are not yet."""

    edition: Edition
    number: int
    recipients: list[Recipient]
    held: HeldLedger
    news: Change = field(default=lambda ledger: ledger)

    @property
    def ledger(self) -> Ledger:
        """As it will be."""
        return self.news(self.held.ledger)


class Worker:
    """Sends chunks of one site's editions through one transport."""

    def __init__(
        self, site: Site, table: Table, chunks: ChunkStore, editions: EditionStore, transport: Transport,
        secrets: Secrets, sender: Sender, clock: Clock, *,
        wall: Callable[[], float] = time.time, wave_size: int = WAVE_SIZE,
        progress: Progress = lambda _edition, _count: None, turns: Turns | None = None,
        recorder: Recorder | None = None, watch: Watch | None = None, time_left: Callable[[], float] = lambda: math.inf,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, bounces: str = "",
    ) -> None:  # fmt: skip
        self._table, self._chunks, self._editions = table, chunks, editions
        self._transport, self._sender, self._clock, self._wall = transport, sender, clock, wall
        self._wave_size, self._progress, self._turns, self._watch = wave_size, progress, turns or Turns(), watch
        self._recorder = recorder or DirectRecorder(table)
        self._time_left, self._sleep = time_left, sleep
        self._preparer = Preparer(site, table, chunks, editions, secrets, clock, bounces, bulk=wants_bulk(transport))

    async def work(self, edition_id: str, number: int) -> Work:
        """Send what is left of a chunk. Safe to call at any time, any number of times, from anywhere.

        Raises TransportUnavailableError or ConfigurationError with the wave undone where nothing of it was
        handed over.
        """
        learn(edition=edition_id, chunk=number)
        edition = self._editions.find(edition_id)
        learn(correlation=edition.tick)
        work = await self._work(edition, number)
        LOG.info("Work on a chunk ended: %s", f"{work.ended}, {work.why}" if work.why else work.ended)
        return work

    async def _work(self, edition: Edition, number: int) -> Work:
        if stop := self._stop(edition):
            tell_wait(self._editions, edition, stop.why)
            return stop
        try:
            held = await self._claim(edition.id, number)
            if isinstance(held, Ended):
                return Work(held)
            recipients = self._chunks.recipients(edition.id, number)
            return await self._waves(_Run(edition, number, recipients, held))
        except ConflictError:
            return Work(Ended.LOST)

    async def _claim(self, edition: str, number: int) -> HeldLedger | Ended:
        """Each claim has a name of its own: the same process working twice on a chunk loses to itself.

        Where it is news or a person that wrote to the ledger since it was read, nobody has it yet: it is read again.
        """
        owner = f"{self._sender.owner}#{random.token_hex(4)}"
        while True:
            held = self._chunks.ledger(edition, number)
            if held.ledger.held_by_other(self._wall(), alive=self._sender.may_live(held.ledger.owner)):
                return Ended.LOST
            if not held.ledger.due(self._seconds()):
                return Ended.DONE
            claimed = held.ledger.claim(owner, self._wall() + LEASE_SECONDS, self._seconds())
            with suppress(ConflictError):
                recorded = await self._chunks.record(self._recorder, held, claimed)
                count("InDoubt", held.ledger.marks.count(FLIGHT))
                return recorded

    async def _waves(self, run: _Run) -> Work:
        while True:
            wave = run.ledger.next_wave(self._wave_size)
            stop = Work(Ended.DONE) if not wave else self._stop(self._editions.find(run.edition.id))
            if stop is None:
                stop, count = await self._turn(run, len(wave))
                wave = wave[:count]
            if stop is not None:
                await self._rewrite(run, Ledger.release)
                tell_wait(self._editions, run.edition, stop.why)
                return stop
            mails, sids = await self._begin(run, wave)
            if mails:
                await self._hand_over(run, mails, sids)

    def _stop(self, edition: Edition) -> Work | None:
        """Why nothing (further) is begun: a person's word, the hour, or this function's time."""
        if edition.state is not State.SENDING or paused(self._table):
            return Work(Ended.STOPPED)
        if self._time_left() < MARGIN_SECONDS:
            return Work(Ended.LATER, self._wall(), "this function's time is over")
        quiet = self._turns.quiet_until(edition, self._clock())
        return Work(Ended.LATER, self._wall() + quiet[0], quiet[1]) if quiet else None

    async def _turn(self, run: _Run, wanted: int) -> tuple[Work | None, int]:
        """Wait for our turn: how many mails it is for. While waiting, nothing is in the air or off the record."""
        grant = self._turns.reserve(wanted, self._wall())
        if not grant.count:
            return Work(Ended.LATER, grant.until, grant.why), 0
        wait = grant.start - self._wall()
        if wait <= 0:
            return None, grant.count
        await self._rewrite(run, lambda ledger: ledger)
        await self._sleep(wait)
        stop = self._stop(self._editions.find(run.edition.id))
        if stop:
            self._turns.give_back(grant.count, self._wall())
        return stop, grant.count

    async def _begin(self, run: _Run, wave: Sequence[int]) -> tuple[dict[int, Mail], dict[int, str]]:
        """Put the intent of a wave on record, with the outcomes of the last; who left meanwhile is skipped."""
        try:
            recipients = {p: run.recipients[p] for p in wave}
            ready = self._preparer.ready(run.edition, run.number, recipients, run.ledger.alone)
        except SendbriefError:
            self._turns.give_back(len(wave), self._wall())
            await self._rewrite(run, Ledger.release)
            raise
        waits = self._not_yet(ready)
        self._turns.give_back(len(wave) - len(ready.mails), self._wall())
        lease = self._wall() + LEASE_SECONDS

        def begun(ledger: Ledger) -> Ledger:
            return ledger.begin(ready.mails, ready.skips, lease, ready.failed).wait(waits).without_guest(ready.alone)

        await self._rewrite(run, begun)
        count("Skipped", len(ready.skips))
        count("Failed", len(ready.failed))
        self._progress(run.edition.id, len(ready.skips) + len(ready.failed))
        marks = run.held.ledger.marks  # somebody may have cancelled, or told of some, in this very moment
        return {p: mail for p, mail in ready.mails.items() if marks[p] == FLIGHT}, ready.sids

    def _not_yet(self, ready: Ready) -> dict[int, tuple[float, str]]:
        """Takes those out of a wave whose domain has had its share for now: until when they wait, and why."""
        domains = {p: mail.recipient.rpartition("@")[2].lower() for p, mail in ready.mails.items()}
        allowed = self._turns.allow(Counter(domains.values()), self._wall())
        waits: dict[int, tuple[float, str]] = {}
        taken: Counter[str] = Counter()
        for position, domain in domains.items():
            share = allowed.get(domain)
            taken[domain] += 1
            if share and taken[domain] > share.count:
                waits[position] = (self._seconds() + max(0.0, share.until - self._wall()), share.why)
                del ready.mails[position]
        return waits

    async def _hand_over(self, run: _Run, mails: dict[int, Mail], sids: Mapping[int, str]) -> None:
        try:
            outcomes = await self._transport.send_wave(list(mails.values()))
        except (TransportUnavailableError, ConfigurationError):  # the port's word that nothing was handed over
            self._turns.give_back(len(mails), self._wall())
            await self._rewrite(run, lambda ledger: ledger.undo().release())
            raise
        if len(outcomes) != len(mails):
            lost = f"the transport answered {len(outcomes)} of {len(mails)} mails"
            outcomes = [Outcome(Fate.IN_DOUBT, lost)] * len(mails)
        settled = {p: nameless(outcome, mails[p]) for p, outcome in zip(mails, outcomes, strict=True)}
        for outcome in settled.values():
            count(_METRICS[outcome.fate])
        clock = self._seconds()
        run.news = lambda ledger: ledger.settle(settled, clock)
        self._progress(run.edition.id, sum(outcome.fate is not Fate.DEFERRED for outcome in outcomes))
        await self._look(run, [sids[p] for p in mails], list(settled.values()))

    async def _look(self, run: _Run, sids: Sequence[str], outcomes: Sequence[Outcome]) -> None:
        """Whether what came out of a wave is a reason to stop: the provider's word, or the brake's."""
        why = provider_stopped(self._transport)
        why = why or (self._watch.saw(run.edition, sids, outcomes) if self._watch else "")
        if why:
            await self._rewrite(run, lambda ledger: ledger)
            halt(self._editions, run.edition.id, self._clock(), why)
        elif quota_used(self._transport):
            self._turns.rest(self._wall() + QUOTA_PAUSE_SECONDS, "the provider says that the day's quota is used up")

    async def _rewrite(self, run: _Run, change: Change) -> None:
        """Write a change; where only a person or news changed the ledger meanwhile, apply it to theirs."""
        owner, news = run.held.ledger.owner, run.news
        while True:
            changed = change(news(run.held.ledger))
            if changed == run.held.ledger:
                return
            try:
                run.held, run.news = await self._chunks.record(self._recorder, run.held, changed), _same
                return
            except ConflictError:
                run.held = self._chunks.ledger(run.edition.id, run.number)
                if run.held.ledger.owner != owner:
                    raise

    def _seconds(self) -> float:
        return self._clock().timestamp()


def _same(ledger: Ledger) -> Ledger:
    return ledger
