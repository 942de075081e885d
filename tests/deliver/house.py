"""A sending house on one SQLite file, with a transport that does what a test tells it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from chalicelib.audience.audience import Audience, make_member
from chalicelib.audience.subscriber import Basis
from chalicelib.collect.entries import EntryStore
from chalicelib.compose.composer import Composer
from chalicelib.compose.editions import Edition
from chalicelib.content.values import Site
from chalicelib.deliver.books import Books
from chalicelib.deliver.control import Control
from chalicelib.deliver.dispatcher import Dispatcher
from chalicelib.deliver.worker import Sender, Worker
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_blobs import SqliteBlobs
from chalicelib.store.sqlite_database import Database
from chalicelib.store.sqlite_queue import SqliteQueue
from chalicelib.transports import Fate, Mail, Outcome
from tests.render.values import entry
from tests.simulation.world import MONDAY, SECRETS, SITE, SLOT

ID = "digest/2026-11-26"
Script = Callable[[Sequence[Mail]], Awaitable[list[Outcome]]]


async def all_sent(mails: Sequence[Mail]) -> list[Outcome]:
    return [Outcome(Fate.SENT) for _ in mails]


class Scripted:
    """A transport: counts who was handed over, then asks the script."""

    name = "scripted"

    def __init__(self, script: Script = all_sent) -> None:
        self.script, self.handed = script, list[str]()

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        outcomes = await self.script(mails)
        self.handed += [mail.recipient for mail in mails]
        return outcomes

    async def aclose(self) -> None:
        return None


class House:
    """Ten readers, three entries, chunks of five, waves of two; the wall clock stands until told."""

    def __init__(self, folder: Path, *, site: Site = SITE, readers: int = 10, table: Any = None) -> None:
        self.database, self.passed = Database(folder / "sendbrief.db"), 0.0
        self.table = table if table is not None else SqliteTable(self.database, self.wall)
        self.blobs = SqliteBlobs(self.database)
        self.queue = SqliteQueue(self.database, "chunks", max_attempts=3, wall_clock=self.wall)
        self.site, self.transport = site, Scripted()
        self.audience = Audience(self.table, SECRETS)
        self.living = {"me"}
        self.composer = Composer(site, self.table, self.blobs)
        self.dispatcher = self.make_dispatcher()
        self.control = Control(self.dispatcher.editions)
        self.sids = {f"reader{n}@example.org": "" for n in range(readers)}
        for address in self.sids:
            self.sids[address] = self.subscribe(address)
        self.keep(*(1, 2, 3))

    def subscribe(self, address: str, **changes: Any) -> str:
        member = replace(make_member(SECRETS, "digest", address, "", "en"), **changes)
        self.audience.subscribe([member], Basis.CONSENT, "a test", MONDAY)
        return member.sid

    def keep(self, *numbers: int, **changes: Any) -> None:
        made = [
            entry(n, **{"identities": (f"slug:blog:{n}",), "first_seen": MONDAY + timedelta(hours=n), **changes})
            for n in numbers
        ]
        EntryStore(self.table).keep(made)

    def wall(self) -> float:
        return 1_790_000_000.0 + self.passed

    def make_dispatcher(self, table: Any = None) -> Dispatcher:
        table = self.table if table is None else table
        return Dispatcher(self.site, table, self.blobs, self.queue, wall=self.wall, chunk_size=5)

    def worker(self, owner: str = "me", transport: Scripted | None = None, **more: Any) -> Worker:
        return Worker(
            self.site, self.table, self.dispatcher.chunks, self.dispatcher.editions, transport or self.transport,
            SECRETS, Sender(owner, self.living.__contains__),
            lambda: SLOT + timedelta(seconds=self.passed), wall=self.wall, wave_size=2,
            **more,
        )  # fmt: skip

    def start(self) -> None:
        """From nothing to an edition that is planned and in the queue."""
        self.composer.tick(MONDAY)
        self.composer.tick(SLOT)
        self.dispatcher.tick(SLOT)

    def edition(self, edition_id: str = ID) -> Edition:
        return self.dispatcher.editions.find(edition_id)

    def books(self, edition_id: str = ID) -> Books:
        return self.dispatcher.books(self.edition(edition_id))

    def marks(self, edition_id: str = ID) -> str:
        return "".join(held.ledger.marks for _, held in self.dispatcher.chunks.ledgers(edition_id))
