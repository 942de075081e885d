"""What a tick with nothing to do takes on AWS: the real tick on adapters that keep count of each call (metering.py).

Three newsletters with a hundred editions each, the last of them of a week ago, and ten feeds that say "not modified".
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Any

from bench.letters import sample
from bench.metering import Meter, MeteredBlobs, MeteredQueue, MeteredTable
from chalicelib.audience.audience import Audience
from chalicelib.audience.tokens import Secrets
from chalicelib.collect.fetch import Fetched, Validators
from chalicelib.compose.composer import Composer
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import Newsletter, Schedule, Site, Source, SourceKind
from chalicelib.deliver.alarms import Alarms
from chalicelib.deliver.braking import Braking
from chalicelib.deliver.chunks import ChunkStore
from chalicelib.deliver.dispatcher import Dispatcher
from chalicelib.deliver.guarding import Guard, word_of
from chalicelib.deliver.pacing import Pacing
from chalicelib.deliver.retention import Retention
from chalicelib.deliver.ticking import Ticker
from chalicelib.store import Key
from chalicelib.transports import Transport
from chalicelib.transports.quota import Quota
from tests.simulation.memory import MemoryBlobs, MemoryQueue, MemoryTable

NEWSLETTERS, EDITIONS, ENTRIES, SOURCES = 3, 100, 15, 10
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECRETS = Secrets(("bench" * 8,))
TICK_MINUTES = 5
QUEUES = ("chunks", "notices", "events")
_SCHEDULE = Schedule("FREQ=WEEKLY;BYDAY=TH", clock_time(10), datetime(2024, 1, 1, tzinfo=UTC))


class Asked:
    """SES, asked for its quota: that costs nothing."""

    def read(self) -> Quota:
        return Quota(per_second=14.0, per_day=50_000)


@dataclass
class Idle:
    """One site on one set of stores, and the seconds that its calls take."""

    newsletters: int = NEWSLETTERS
    editions: int = EDITIONS
    sources: int = SOURCES
    meter: Meter = field(default_factory=Meter)
    waited: float = 0.0
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.table: Any = MeteredTable(MemoryTable(page=4000), self)
        self.blobs: Any = MeteredBlobs(MemoryBlobs(), self)
        self.queues = {name: self._queue() for name in QUEUES}
        self.site = self._site()
        for newsletter in self.site.newsletters.values():
            self._history(newsletter)
        self.tick()  # the first one reads all feeds, and does the day's forgetting

    def call(self, what: str, units: float, seconds: float) -> None:
        """One call: counted, and how long it takes."""
        self.meter.count(what, units)
        self.waited += seconds

    def tick(self) -> "Idle":
        """One tick, five minutes after the last; what was used before is forgotten."""
        self.now += timedelta(minutes=TICK_MINUTES)
        self.meter, self.waited = Meter(), 0.0
        self.table.get(Key("BUNDLE", "CURRENT"))  # the runtime looks whether another site is published
        report = asyncio.run(self._ticker().tick(self.now))
        assert not report.troubles, report.troubles
        return self

    def _queue(self) -> Any:
        return MeteredQueue(MemoryQueue({}, time.time, lambda _: True, "tick"), self)

    def _site(self) -> Site:
        site, newsletter, _ = sample()
        names = [f"letter-{number}" for number in range(self.newsletters)]
        feeds = tuple(
            Source(f"blog-{number}", SourceKind.FEED, f"https://blog-{number}.example.org/feed")
            for number in range(self.sources)
        )
        made = {name: replace(newsletter, name=name, schedule=_SCHEDULE) for name in names}
        return replace(site, newsletters=made, sources=feeds, editors=("editor@example.org",))

    def _history(self, newsletter: Newsletter) -> None:
        store = EditionStore(self.table, self.blobs)
        for weeks in range(self.editions):
            slot = NOW - timedelta(days=1, weeks=weeks)
            entries = tuple(f"{weeks:04x}{number:08x}" for number in range(ENTRIES))
            store.claim_slot(Edition(
                newsletter.name, f"{slot:%Y-%m-%d}", slot, State.SENT, number=self.editions - weeks, entries=entries,
                planned=1000, totals=_TOTALS, chunks=2, queued=1.0, queued_to=2, cursor="0" * 24, proofed=True,
                content=f"editions/{newsletter.name}/{slot:%Y-%m-%d}/content-0123456789abcdef.json", changed=slot,
                subject={"en": "What was new this week, and what comes next"}, filters=("", ""),
            ))  # fmt: skip

    def _ticker(self) -> Ticker:
        house = self.site, self.table
        dispatcher = Dispatcher(*house, self.blobs, self.queues["chunks"])
        stores = EditionStore(self.table, self.blobs), ChunkStore(self.table, self.blobs)
        word = word_of(Pacing(self.table, "ses", self.site.sending.pace, Asked()), self.now.timestamp)
        retention = Retention(self.site, self.table, self.blobs, Audience(self.table, SECRETS))
        return Ticker(
            *house, self.queues["chunks"], _not_modified, Composer(*house, self.blobs), dispatcher, _no_transport,
            retain=retention.run,
            guard=Guard(Braking(*house, *stores, word), Alarms(*house, *stores, lambda: self.queues, word)),
        )  # fmt: skip


_TOTALS = {"planned": 1000, "pending": 0, "deferred": 0, "sent": 990, "failed": 8, "skipped": 2, "in_doubt": 0,
           "delivered": 980, "bounced": 6, "complained": 0}  # fmt: skip


def _not_modified(url: str, validators: Validators) -> Fetched:
    return Fetched(None, url, validators)


def _no_transport() -> Transport:
    raise AssertionError("an idle tick sends nothing")


def idle_tick(editions: int = EDITIONS) -> Counter[str]:
    """What an idle tick uses that notes nothing, in the units in which it is paid for."""
    return Idle(editions=editions).tick().meter.used


if __name__ == "__main__":
    for what, number in sorted(idle_tick().items()):
        print(f"{what:20} {number:8,.1f}")
