"""A seeded world: processes that crash at any port call, other actors between any two calls, and what must hold.

A process is built anew for each turn, on ports that count its calls. At a chosen call it dies (an exception
nothing may catch), or the store fails it before or after the call took effect, or another actor has its whole
turn right there: a second process, an editor, a reader who leaves, or five minutes that pass.
"""

import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from chalicelib.audience.audience import Audience, make_member
from chalicelib.audience.subscriber import Basis, membership_key, suppression_key
from chalicelib.audience.tokens import PreferencesTokens, Secrets, UnsubscribeTokens
from chalicelib.collect.entries import EntryStore
from chalicelib.compose.composer import Composer
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import Newsletter, Schedule, Section, Topic
from chalicelib.deliver.chunks import ChunkStore, task_body
from chalicelib.deliver.control import Control
from chalicelib.deliver.dispatcher import Dispatcher
from chalicelib.deliver.draining import drain
from chalicelib.deliver.worker import Sender, Worker
from chalicelib.errors import IllegalTransitionError, StoreError, StoreUnavailableError, TransportUnavailableError
from chalicelib.transports import Fate, Mail, Outcome
from tests.render.values import entry
from tests.render.values import site as make_site
from tests.simulation.memory import MemoryBlobs, MemoryQueue, MemoryTable

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SLOT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
WAVE = 3
SECRETS = Secrets(("k" * 40,))
DIGEST = Newsletter(
    "digest",
    {"*": "Digest"},
    schedule=Schedule("FREQ=WEEKLY;BYDAY=TH", time(10), datetime(2026, 11, 1)),  # noqa: DTZ001
    sections=(Section({}, rest=True),),
)
TOPICS = (Topic("security", {"*": "Security"}, ()), Topic("news", {"*": "News"}, ()))
SITE = make_site(Path("nowhere"), newsletters={"digest": DIGEST}, topics=TOPICS, editors=())


class Crash(BaseException):
    """The process is gone: nothing may catch this."""


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the simulation must not wait")


class Ports:
    """Passes calls to a port on, with ``meddle`` before and after each."""

    def __init__(self, port: Any, name: str, meddle: "Process") -> None:
        self._port, self._name, self._meddle = port, name, meddle

    def __getattr__(self, method: str) -> Callable[..., Any]:
        target = getattr(self._port, method)

        def call(*values: Any, **named: Any) -> Any:
            self._meddle.before(f"{self._name}.{method}", values)
            result = target(*values, **named)
            self._meddle.after()
            return result

        return call


class Process:
    """One process: its number, what is to happen at which of its calls, and its own view of the ports."""

    def __init__(self, world: "World", events: dict[int, str]) -> None:
        self.world, self.events, self.calls = world, events, 0
        self.name = f"process{next(world.numbers)}"
        self.member_reads: dict[str, int] = {}
        self.suppression_read = 0
        world.living.add(self.name)
        queue = MemoryQueue(world.messages, world.wall, world.alive, self.name)
        table: Any = Ports(world.table, "table", self)
        blobs: Any = Ports(world.blobs, "blobs", self)
        self.queue: Any = Ports(queue, "queue", self)
        self.composer = Composer(SITE, table, blobs)
        self.dispatcher = Dispatcher(SITE, table, blobs, self.queue, wall=world.wall, chunk_size=world.chunk_size)
        self.worker = Worker(
            SITE, table, self.dispatcher.chunks, self.dispatcher.editions, self, UnsubscribeTokens(SECRETS),
            PreferencesTokens(SECRETS), Sender(self.name, world.alive), world.clock, wall=world.wall, wave_size=WAVE,
        )  # fmt: skip

    def turn(self) -> None:
        """Tick and drain, as one `sendbrief tick` does; a crash or a failing store ends it."""
        try:
            self.composer.tick(self.world.now)
            self.dispatcher.tick(self.world.now)
            finish(drain(self.queue, self.worker))
            self.dispatcher.tick(self.world.now)
        except Crash:
            self.world.crashes += 1
        except StoreUnavailableError:
            self.world.crashes += 1  # a wave whose record failed is in doubt as after a crash
        finally:
            self.world.living.discard(self.name)

    def before(self, call: str, values: Sequence[Any]) -> None:
        self.calls += 1
        if call == "table.query" and str(values[0]).startswith("LIST#"):
            self.member_reads[values[0]] = self.world.moment
        if call == "table.get_many" and any(key.pk.startswith("SUPPRESSED#") for key in values[0]):
            self.suppression_read = self.world.moment
        match self.events.get(self.calls):
            case "crash":
                raise Crash
            case "unavailable":
                raise StoreUnavailableError("the store is away")
            case str(other) if other not in {"crash after", "lost answer"}:
                self.world.meddle(other)

    def after(self) -> None:
        match self.events.get(self.calls):
            case "crash after":
                raise Crash
            case "lost answer":
                raise StoreUnavailableError("the store's answer was lost")

    # The transport.
    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        self.calls += 1
        world, event = self.world, self.events.get(self.calls)
        for mail in mails:
            world.check_may_get(mail, self)
        if event == "crash":
            raise Crash
        if event in {"minutes pass", "pause"} or (event is None and world.chance.random() < world.faults * 0.03):
            if event:
                world.meddle(event)
            raise TransportUnavailableError("the provider is away")
        outcomes = []
        for mail in mails:
            outcomes.append(world.accept(mail))
            if event == "crash after" and world.chance.random() < 0.4:
                raise Crash
        if event == "crash after":
            raise Crash
        if event and event not in {"unavailable", "lost answer"}:
            world.meddle(event)
        if world.chance.random() < world.faults * 0.02:
            world.doubts += len(mails)
            return outcomes[:-1]
        return outcomes

    async def aclose(self) -> None:
        return None


class World:
    """Everything that lasts: the stores, the clock, who was mailed what, and who has left."""

    def __init__(self, seed: int, readers: int = 22) -> None:
        self.chance = random.Random(seed)
        self.table, self.blobs = MemoryTable(), MemoryBlobs()
        self.messages: dict[int, Any] = {}
        self.living: set[str] = set()
        self.numbers = iter(range(1, 1_000_000))
        self.chunk_size = self.chance.choice([4, 7, 22, 50])
        self.now, self.passed, self.moment = MONDAY, 0.0, 0
        self.crashes = self.doubts = self.takeovers = 0
        self.faults, self.depth = 1.0, 0
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.left: dict[str, int] = {}
        self.suppressed: dict[str, int] = {}
        self.planned: dict[str, int] = {}
        self.audience = Audience(self.table, SECRETS)
        self.sids = {f"reader{n}@example.org": "" for n in range(readers)}
        self._populate()
        self.editions = EditionStore(self.table, self.blobs)
        self.chunks = ChunkStore(self.table, self.blobs)
        self.control = Control(self.editions)

    def _populate(self) -> None:
        members = []
        for number, address in enumerate(self.sids):
            member = make_member(SECRETS, "digest", address, f"Reader {number}", ("en", "de")[number % 2])
            topics = {1: frozenset({"security"}), 2: frozenset[str]()}.get(number % 11)
            member = replace(member, topics=topics)
            self.sids[address] = member.sid
            members.append(member)
        for start in range(0, len(members), 30):
            self.audience.subscribe(members[start : start + 30], Basis.CONSENT, "test", MONDAY)
        entries = [
            entry(n, identities=(f"slug:blog:{n}",), first_seen=MONDAY + timedelta(hours=n)) for n in range(1, 4)
        ]
        EntryStore(self.table).keep(entries)

    # Clocks and processes.
    def wall(self) -> float:
        return 1_790_000_000.0 + self.passed

    def clock(self) -> datetime:
        return self.now

    def alive(self, process: str) -> bool:
        return process in self.living

    def wait(self, seconds: float) -> None:
        self.passed += seconds
        self.now += timedelta(seconds=seconds)

    # What happens between two calls.
    def meddle(self, what: str) -> None:
        self.moment += 1
        if self.depth >= 2:
            return
        self.depth += 1
        try:
            self._meddle(what)
        finally:
            self.depth -= 1

    def _meddle(self, what: str) -> None:
        if what == "other process":
            Process(self, self.events(0.4)).turn()
        elif what == "minutes pass":
            self.takeovers += 1
            self.wait(400)
            self.repeat()
            Process(self, self.events(0.5)).turn()
        elif what == "repeat":
            self.repeat()
            Process(self, {}).turn()
        elif what == "leave":
            address = self.chance.choice(sorted(self.sids))
            self.left.setdefault(address, self.moment)
            self.audience.leave(self.sids[address], "digest", self.now, "a test")
        elif what == "suppress":
            address = self.chance.choice(sorted(self.sids))
            self.suppressed.setdefault(address, self.moment)
            self.audience.suppress(self.sids[address], "manual", self.now)
        else:
            self.decide(what)

    def repeat(self) -> None:
        """Every chunk's message comes again, as a queue of at-least-once may have it."""
        queue = MemoryQueue(self.messages, self.wall, self.alive, "repeat")
        for edition in self.editions.of("digest"):
            queue.send([task_body(edition.id, number) for number in range(edition.chunks)])

    def decide(self, what: str) -> None:
        for edition in self.editions.of("digest"):
            try:
                getattr(self.control, what)(edition.id, self.now)
            except IllegalTransitionError:
                continue

    KINDS = (
        ["crash"] * 6 + ["crash after"] * 6 + ["unavailable", "lost answer"] * 2 + ["other process"] * 6
        + ["minutes pass", "repeat"] * 3 + ["leave"] * 4 + ["suppress"] * 2 + ["pause", "resume"] + ["hold", "approve"]
    )  # fmt: skip

    def events(self, rate: float) -> dict[int, str]:
        """What happens at which call of a process."""
        if self.chance.random() > rate:
            return {}
        calls = sorted(self.chance.sample(range(1, self.chance.choice([25, 60, 150])), self.chance.randint(1, 5)))
        return {call: self.chance.choice(self.KINDS) for call in calls}

    # The provider.
    def accept(self, mail: Mail) -> Outcome:
        if self.chance.random() >= self.faults * 0.15:
            self._deliver(mail)
            return Outcome(Fate.SENT)
        fate = self.chance.choice([Fate.FAILED, Fate.DEFERRED, Fate.DEFERRED, Fate.IN_DOUBT])
        if fate is Fate.IN_DOUBT:
            self.doubts += 1
            if self.chance.random() < 0.5:
                self._deliver(mail)
        return Outcome(fate, f"4.2.2 <{mail.recipient}> said {fate}")

    def _deliver(self, mail: Mail) -> None:
        key = (mail.tags["edition"], mail.recipient)
        self.accepted[key] += 1
        assert self.accepted[key] == 1, f"{key} twice"

    def check_may_get(self, mail: Mail, process: Process) -> None:
        """Nobody is written to who had left, or was suppressed, before the wave was made ready."""
        sid = self.sids[mail.recipient]
        read = process.member_reads[membership_key("digest", sid).pk]
        assert self.left.get(mail.recipient, read + 1) > read, f"{mail.recipient} had left"
        stopped = self.suppressed.get(mail.recipient, process.suppression_read + 1)
        assert stopped > process.suppression_read, f"{suppression_key(sid)} was there"

    # What must hold.
    def check(self) -> None:
        """After each step: books balance, and what was planned stays planned."""
        dispatcher = Dispatcher(SITE, self.table, self.blobs, MemoryQueue({}, self.wall, self.alive, "check"))
        for edition in self.editions.of("digest"):
            books = dispatcher.books(edition)
            assert books.balanced, (edition.id, books)
            if edition.planned is not None and edition.state is not State.CANCELLED:
                assert self.planned.setdefault(edition.id, edition.planned) == edition.planned
            self._check_marks(edition)

    def _check_marks(self, edition: Edition) -> None:
        address = {sid: address for address, sid in self.sids.items()}
        frozen: Counter[str] = Counter()
        for number, held in self.chunks.ledgers(edition.id):
            recipients = self.chunks.recipients(edition.id, number)
            assert len(recipients) == len(held.ledger.marks)
            frozen.update(recipient.sid for recipient in recipients)
            for recipient, mark in zip(recipients, held.ledger.marks, strict=True):
                got = self.accepted[edition.id, address[recipient.sid]]
                assert mark != "s" or got == 1, "recorded as sent, and was not"
                assert mark not in "pdfk" or got == 0, f"was sent, and is recorded as {mark}"
        assert not [sid for sid, count in frozen.items() if count > 1], "nobody stands in two chunks"
        if edition.planned and edition.state is not State.CANCELLED:
            staying = {sid for address, sid in self.sids.items() if address not in self.left}
            assert staying <= set(frozen), "nobody is left out"

    def in_doubt(self) -> int:
        return sum(
            held.ledger.marks.count("?")
            for edition in self.editions.of("digest")
            for _, held in self.chunks.ledgers(edition.id)
        )


def play(seed: int, steps: int = 8) -> World:
    """One world from its first tick to its end. Raises AssertionError where something does not hold."""
    world = World(seed)
    Process(world, {}).turn()
    world.wait((SLOT - world.now).total_seconds())
    for _ in range(steps):
        Process(world, world.events(0.9)).turn()
        world.check()
        world.wait(world.chance.choice([1, 60, 400, 1000]))
    if world.chance.random() < 0.2:
        world.decide("cancel")
        world.check()
    world.faults = 0.0
    for hours in (0.3, 0.3, 0.3, 5, 5, 5, 5):
        if any(edition.state is State.HELD for edition in world.editions.of("digest")):
            world.decide("resume")
            world.decide("approve")
        Process(world, {}).turn()
        world.check()
        world.wait(hours * 3600)
    return world


def check_end(world: World) -> None:
    """At the end nobody is open, and in doubt is at most a wave for each crash or take-over."""
    for edition in world.editions.of("digest"):
        if edition.slot == "2026-11-26":
            assert edition.state in {State.SENT, State.CANCELLED}, edition
            for _, held in world.chunks.ledgers(edition.id):
                assert held.ledger.done, (edition.state, held.ledger)
    allowed = world.doubts + WAVE * (world.crashes + world.takeovers)
    assert world.in_doubt() <= allowed, (world.in_doubt(), allowed)


__all__ = ["SITE", "Crash", "Process", "StoreError", "World", "check_end", "finish", "play"]
