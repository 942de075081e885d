"""Faults of the protocol, planted one at a time: each must be caught, or the simulation is too kind.

Each is a lie that one of a process's ports tells it, so that it stands for code that lacks a condition, whatever that
code looks like by then: a write that ignores versions, a read that is remembered, a message given up too early.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.compose.edition import State
from chalicelib.compose.editions import EditionStore
from chalicelib.deliver.chunks import ChunkStore
from chalicelib.deliver.dispatcher import Dispatcher
from chalicelib.deliver.hearing.values import Heard
from chalicelib.deliver.ledger import Ledger
from chalicelib.deliver.planner import Planner
from chalicelib.deliver.worker import Worker
from chalicelib.errors import ConflictError
from chalicelib.store import Item, Key, Page, Replace
from chalicelib.transports import Fate, Mail, Outcome
from tests.simulation.parts import Parts
from tests.simulation.process import Process
from tests.simulation.provider import Link

Mutant = Callable[[], Parts]


class Lying:
    """A table that lies: ``seen`` changes what is read by ``get`` and ``query``, ``wrote`` how a ledger is replaced."""

    def __init__(self, process: Process) -> None:
        self.process, self.table = process, process.table

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)

    def seen(self, item: Item) -> Item | None:
        """What is read instead of an item, one by one."""
        return item

    def listed(self, item: Item) -> Item:
        """What is read instead of an item in a page."""
        return item

    def wrote(self, item: Item, data: Any) -> Item:
        """Replaces a ledger."""
        return self.table.replace(item, data)  # type: ignore[no-any-return]

    def get(self, key: Key) -> Item | None:
        item = self.table.get(key)
        return item and self.seen(item)

    def query(self, pk: str, **named: Any) -> Page:
        page = self.table.query(pk, **named)
        return Page(tuple(self.listed(item) for item in page.items), page.cursor)

    def replace(self, item: Item, data: Any, expires: int | None = None) -> Item:
        return self.wrote(item, data) if _is_ledger(item.key) else self.table.replace(item, data, expires)

    def transact(self, writes: Sequence[Any]) -> None:
        if not all(isinstance(write, Replace) and _is_ledger(write.item.key) for write in writes):
            self.table.transact(writes)
            return
        for write in writes:
            self.wrote(write.item, write.data)


def _is_ledger(key: Key) -> bool:
    return key.sk.startswith("LEDGER#")


def _as(item: Item, **changes: Any) -> Item:
    return replace(item, data={**item.data, **changes})


class NoVersions(Lying):
    def wrote(self, item: Item, data: Any) -> Item:
        return self.table.replace(self.table.get(item.key), data)  # type: ignore[no-any-return]


class ConflictIsSuccess(Lying):
    def wrote(self, item: Item, data: Any) -> Item:
        try:
            return super().wrote(item, data)
        except ConflictError:
            return Item(item.key, data, item.version + 1)


class LastOneWins(Lying):
    def wrote(self, item: Item, data: Any) -> Item:
        try:
            return super().wrote(item, data)
        except ConflictError:
            return self.table.replace(self.table.get(item.key), data)  # type: ignore[no-any-return]


class ResendsOnExpiry(Lying):
    def seen(self, item: Item) -> Item:
        late = _is_ledger(item.key) and item.data["lease"] <= self.process.wall()
        return _as(item, marks=item.data["marks"].replace("w", "p")) if late else item


class LeaseIgnored(Lying):
    def seen(self, item: Item) -> Item:
        return _as(item, owner="", lease=0) if _is_ledger(item.key) else item


class Remembering(Lying):
    """Remembers some partitions as they were when it first read one of them."""

    partitions = ""

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.known: dict[str, list[Item]] = {}

    def query(self, pk: str, **named: Any) -> Page:
        if not pk.startswith(self.partitions):
            return super().query(pk, **named)
        self.table.query(pk, **named)
        if not self.known:
            self.known = {item.key.pk: [] for item in self.process.world.table.everything()}
            for item in self.process.world.table.everything():
                self.known[item.key.pk].append(item)
        first, last = named.get("first") or "", named.get("last") or "\U0010ffff"
        return Page(tuple(item for item in self.known.get(pk, ()) if first <= item.key.sk <= last), None)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = self.table.get_many([key for key in keys if not key.pk.startswith(self.partitions)])
        for key in keys:
            if key.pk.startswith(self.partitions):
                page = self.query(key.pk, first=key.sk, last=key.sk)
                found.update({item.key: item for item in page.items})
        return found


class RemembersSuppressions(Remembering):
    partitions = "SUPPRESSED#"


class RemembersMembers(Remembering):
    partitions = "LIST#"


class PlansFromTheStart(Lying):
    def listed(self, item: Item) -> Item:
        return _as(item, cursor="") if item.key.pk.startswith("EDITIONS#") else item


class TwoForASlot(Lying):
    def insert(self, key: Key, data: Any, expires: int | None = None) -> Item:
        try:
            return self.table.insert(key, data, expires)  # type: ignore[no-any-return]
        except ConflictError:
            if not key.pk.startswith("EDITIONS#"):
                raise
            other = Key(key.pk, f"{key.sk}-2")
            return self.table.insert(other, {**data, "slot": other.sk}, expires)  # type: ignore[no-any-return]


class IntentAfterwards(Lying):
    def wrote(self, item: Item, data: Any) -> Item:
        return Item(item.key, data, item.version) if "w" in data["marks"] else super().wrote(item, data)


class OutcomeBeforehand(Lying):
    def wrote(self, item: Item, data: Any) -> Item:
        return replace(super().wrote(item, {**data, "marks": data["marks"].replace("w", "s")}), data=data)


class SettlesTwice(Lying):
    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.settled: dict[tuple[Key, int], str] = {}

    def wrote(self, item: Item, data: Any) -> Item:
        pairs = enumerate(zip(item.data["marks"], data["marks"], strict=True))
        self.settled.update({(item.key, position): now for position, (was, now) in pairs if was == "w" != now})
        return super().wrote(item, data)

    def seen(self, item: Item) -> Item:
        if not _is_ledger(item.key):
            return item
        marks = [self.settled.get((item.key, position), mark) for position, mark in enumerate(item.data["marks"])]
        return _as(item, marks="".join(marks))


class ClosesEarly(Lying):
    def listed(self, item: Item) -> Item:
        return _as(item, marks=item.data["marks"].replace("d", "f")) if _is_ledger(item.key) else item


class PauseIgnored(Lying):
    def seen(self, item: Item) -> Item | None:
        if item.key.pk == "SITE":
            return None
        held = item.key.pk.startswith("EDITIONS#") and item.data["was_sending"]
        return _as(item, state=str(State.SENDING)) if held else item

    def listed(self, item: Item) -> Item:
        return replace(item, key=Key("SITE", "NOTHING")) if item.key.pk == "SITE" else item


class GivesUpEarly:
    """A queue whose messages are gone once they were received."""

    def __init__(self, process: Process) -> None:
        self.queue = process.queue

    def __getattr__(self, name: str) -> Any:
        return getattr(self.queue, name)

    def receive(self, most: int = 1, *, visibility: int = 300, wait: int = 0) -> Any:
        messages = self.queue.receive(most, visibility=visibility, wait=wait)
        for message in messages:
            self.queue.delete(message)
        return messages


class QueuesOnce:
    """A queue that takes each message once."""

    def __init__(self, process: Process) -> None:
        self.queue, self.world = process.queue, process.world

    def __getattr__(self, name: str) -> Any:
        return getattr(self.queue, name)

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        new = [body for body in bodies if body not in self.world.queued]
        self.world.queued.update(new)
        self.queue.send(new, delay=delay)


class Relabelled:
    """A transport whose answers are read wrongly."""

    def __init__(self, process: Process, read: Callable[[Sequence[Mail], list[Outcome]], list[Outcome]]) -> None:
        self.link, self.read = Link(process.world.provider, process), read

    def __getattr__(self, name: str) -> Any:
        return getattr(self.link, name)

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        return self.read(mails, await self.link.send_wave(mails))


def _doubt_is_no(_: Sequence[Mail], outcomes: list[Outcome]) -> list[Outcome]:
    return [Outcome(Fate.DEFERRED) if outcome.fate is Fate.IN_DOUBT else outcome for outcome in outcomes]


def _filled_up(mails: Sequence[Mail], outcomes: list[Outcome]) -> list[Outcome]:
    return outcomes + [Outcome(Fate.SENT)] * (len(mails) - len(outcomes))


class NoTail(Planner):
    def _members_after(self, edition: Any) -> Any:
        members = list(super()._members_after(edition))
        return iter(members[: len(members) - len(members) % self._chunk_size])


def _without_tail(*values: Any, **named: Any) -> Dispatcher:
    made = Dispatcher(*values, **named)
    site, table, blobs, _ = values
    made._planner = NoTail(site, table, blobs, chunk_size=named["chunk_size"])
    return made


def _too_many(*values: Any, **named: Any) -> Worker:
    return Worker(*values, **{**named, "wave_size": named["wave_size"] + 3})


class LatestCounts:
    """Hearing by which each piece of news stands until the next one."""

    def __init__(self, table: Any, blobs: Any) -> None:
        self.table, self.chunks, self.editions = table, ChunkStore(table, blobs), EditionStore(table, blobs)

    def told(self, ledger: Ledger, heard: Heard) -> Ledger:
        marks, position = ledger.marks, heard.position
        return replace(ledger, marks=marks[:position] + heard.kind.value + marks[position + 1 :])

    def record(self, heards: Sequence[Heard], _: Any) -> None:
        for heard in heards:
            held = None
            while held is None:
                held = self.chunks.ledger(heard.edition, heard.chunk)
                try:
                    self.chunks.write_ledger(held, self.told(held.ledger, heard))
                except ConflictError:
                    held = None


class BooksStayClosed(LatestCounts):
    """Hearing that leaves closed books as they were."""

    def told(self, ledger: Ledger, heard: Heard) -> Ledger:
        return ledger.heard(heard.position, heard.kind, heard.reason)


class NoPace(Lying):
    """Nobody sees what others have reserved."""

    def get(self, key: Key) -> Item | None:
        item = super().get(key)
        return _as(item, lanes=[], hours={}) if item and key.pk.startswith("PACE#") else item


MUTANTS: dict[str, Mutant] = {
    "no claim: a write that looks at no version": lambda: Parts(table=NoVersions),
    "a conflict is taken for success": lambda: Parts(table=ConflictIsSuccess),
    "a conflict is overwritten": lambda: Parts(table=LastOneWins),
    "who was in flight is sent again when the lease runs out": lambda: Parts(table=ResendsOnExpiry),
    "a claim that somebody holds is taken": lambda: Parts(table=LeaseIgnored),
    "a mail of unknown fate is tried again": lambda: Parts(link=lambda p: Relabelled(p, _doubt_is_no)),
    "suppressions are read once": lambda: Parts(table=RemembersSuppressions),
    "memberships are read once": lambda: Parts(table=RemembersMembers),
    "the last chunk is left out": lambda: Parts(dispatcher=_without_tail),
    "a second planner starts again": lambda: Parts(table=PlansFromTheStart),
    "two editions for a slot": lambda: Parts(table=TwoForASlot),
    "the intent is written after the hand-over": lambda: Parts(table=IntentAfterwards),
    "the outcome is written before the answer": lambda: Parts(table=OutcomeBeforehand),
    "an outcome is written twice": lambda: Parts(table=SettlesTwice),
    "a message is given up before the work": lambda: Parts(queue=GivesUpEarly),
    "nothing is queued again": lambda: Parts(queue=QueuesOnce),
    "an edition is closed over deferred mails": lambda: Parts(table=ClosesEarly),
    "the latest news counts, not the worst": lambda: Parts(hearing=LatestCounts),
    "news changes no closed books": lambda: Parts(hearing=BooksStayClosed),
    "workers reserve without a look at each other": lambda: Parts(table=NoPace),
    "a restored site goes on by itself": lambda: Parts(held=lambda _pk, data, _now: data, pauses=False),
    "a pause is ignored": lambda: Parts(table=PauseIgnored),
    "a short answer is filled up": lambda: Parts(link=lambda p: Relabelled(p, _filled_up)),
    "a wave is larger than it may be": lambda: Parts(worker=_too_many),
}
"""By what they get wrong."""
