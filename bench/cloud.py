"""An account of AWS on a clock that only we move: the real planner, workers and listener on adapters that keep count.

Every call of the store, the queues, the blobs and SES is counted in the units in which it is paid for, and takes a
moment; whoever waits lets others act (tests/simulation/stage.py). Nothing is estimated but how long a call takes and
how much of a processor a mail costs: both are below, and only seconds of functions hang on them.
"""

import asyncio
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from bench.letters import sample
from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import membership_to_data
from chalicelib.audience.suppression import Suppressions
from chalicelib.audience.tokens import MailTokens, Secrets
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.sending import Pace
from chalicelib.deliver.chunks import ChunkStore, read_task
from chalicelib.deliver.dispatcher import Dispatcher, most_queued
from chalicelib.deliver.draining import later_seconds
from chalicelib.deliver.hearing.listening import Listener, Tally
from chalicelib.deliver.pacing import Pacing
from chalicelib.deliver.turns import Turns
from chalicelib.deliver.worker import Ended, Sender, Worker
from chalicelib.store import Data, Insert, Item, Key, Page, Put, QueueMessage, Replace, Write
from chalicelib.store.limits import encode, key_of
from chalicelib.transports import Fate, Mail, Outcome
from tests.simulation.memory import MemoryBlobs, MemoryQueue, MemoryTable, Message
from tests.simulation.stage import Actor, Stage, one_core

SECRETS = Secrets(("bench" * 8,))
TICK_SECONDS = 300
TICK_GB, CHUNKS_GB, EVENTS_GB = 1.0, 0.25, 0.5
PATIENCE_SECONDS = 20.0
"""As app.py and .chalice/config.json have them."""
EVENT_BATCH, EVENT_WINDOW = 100, 20
POLL_SECONDS = 20
TABLE_SECONDS, QUEUE_SECONDS, BLOB_SECONDS, SES_SECONDS, SES_CALLS = 0.006, 0.012, 0.03, 0.08, 10
"""What a call takes, usual within a region; and how many calls of SES a function makes at once."""
WHOLE_PROCESSOR_GB = 1769 / 1024
"""Of memory: a function with less has so much less of a processor."""
CPU_MAIL, CPU_PLANNED, CPU_EVENT = 0.0012, 0.00004, 0.0002
"""Seconds of a processor for a mail by SES (bench/ses.py), a recipient planned (bench/planning.py), an event heard."""


@dataclass
class Meter:
    """What was used, in the units in which it is paid for; and what of it by whom."""

    used: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)

    def count(self, what: str, number: float = 1) -> None:
        """So much more was used."""
        self.used[what] += number  # type: ignore[assignment]


def size_of(key: Key, text: str) -> int:
    """Bytes of an item as DynamoDB counts them: names and values; a number has about a byte for two digits."""
    return len(key.pk) + len(key.sk) + len(text.encode()) + len("pkskdvw") + 8 + 16


def _item_size(item: Item) -> int:
    counters = sum(len(name) + 5 for name in item.counters)
    return size_of(item.key, json.dumps(item.data, ensure_ascii=False, separators=(",", ":"))) + counters


class MeteredTable:
    """A table that counts DynamoDB's units: reads are strongly consistent, a transaction counts twice."""

    def __init__(self, table: MemoryTable, place: "Place") -> None:
        self._table, self._place = table, place

    def _read(self, sizes: Iterable[int], *, together: bool = False) -> None:
        """4 KB a unit: of each item by itself, or of all that a query reads together."""
        found = list(sizes)
        units = ceil(sum(found) / 4096) if together else sum(ceil(size / 4096) for size in found)
        self._place.call("dynamodb reads", max(1, units), TABLE_SECONDS)

    def _write(self, writes: Sequence[Write], times: int = 1) -> None:
        """1 KB a unit, of what is there or what is written, whichever is more."""
        units = 0
        for write in writes:
            there = self._table.get(key_of(write))
            text = encode(write.key, write.data) if isinstance(write, Insert | Put) else ""
            text = encode(write.item.key, write.data) if isinstance(write, Replace) else text
            units += ceil(max(size_of(key_of(write), text), _item_size(there) if there else 0) / 1024) * times
        self._place.call("dynamodb writes", units, TABLE_SECONDS)

    def get(self, key: Key) -> Item | None:
        item = self._table.get(key)
        self._read([_item_size(item)] if item else [1])
        return item

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), 100):
            part = self._table.get_many(distinct[start : start + 100])
            self._read(_item_size(part[key]) if key in part else 1 for key in distinct[start : start + 100])
            found |= part
        return found

    def query(self, pk: str, **how: Any) -> Page:
        page = self._table.query(pk, **how)
        self._read((_item_size(item) for item in page.items), together=True)
        return page

    def insert(self, key: Key, data: Data, expires: int | None = None) -> Item:
        self._write([Insert(key, data, expires)])
        return self._table.insert(key, data, expires)

    def replace(self, item: Item, data: Data, expires: int | None = None) -> Item:
        self._write([Replace(item, data, expires)])
        return self._table.replace(item, data, expires)

    def delete(self, item: Item) -> None:
        self._place.call("dynamodb writes", ceil(_item_size(item) / 1024), TABLE_SECONDS)
        self._table.delete(item)

    def put_many(self, puts: Iterable[Put]) -> None:
        for put in puts:
            self._write([put])
            self._table.put_many([put])

    def transact(self, writes: Sequence[Write]) -> None:
        if writes:
            self._write(writes, times=2)
            self._table.transact(writes)

    def add(self, key: Key, deltas: Mapping[str, int]) -> dict[str, int]:
        self._place.call("dynamodb writes", 1, TABLE_SECONDS)
        return self._table.add(key, deltas)

    def everything(self) -> Iterator[Item]:
        raise AssertionError("no function reads the whole table")


class MeteredBlobs:
    """Blobs that count requests of S3."""

    def __init__(self, blobs: MemoryBlobs, place: "Place") -> None:
        self._blobs, self._place = blobs, place

    def put(self, name: str, content: bytes) -> None:
        self._place.call("s3 puts", 1, BLOB_SECONDS)
        self._blobs.put(name, content)

    def get(self, name: str) -> bytes | None:
        self._place.call("s3 gets", 1, BLOB_SECONDS)
        return self._blobs.get(name)

    def names(self, prefix: str) -> list[str]:
        self._place.call("s3 puts", 1, BLOB_SECONDS)  # listing costs what putting does
        return self._blobs.names(prefix)

    def delete(self, name: str) -> None:
        self._blobs.delete(name)


class MeteredQueue:
    """A queue that counts SQS's requests: ten messages at most in one, each 64 KB of it one more."""

    def __init__(self, queue: MemoryQueue, place: "Place") -> None:
        self._queue, self._place = queue, place

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        for start in range(0, len(bodies), 10):
            part = bodies[start : start + 10]
            self._place.call("sqs requests", ceil(sum(map(len, part)) / 65_536), QUEUE_SECONDS)
            self._queue.send(part, delay=delay)

    def receive(self, most: int = 1, *, visibility: int = 300, wait: int = 0) -> list[QueueMessage]:
        self._place.meter.count("sqs requests")
        return self._queue.receive(most, visibility=visibility)

    def delete(self, *messages: QueueMessage) -> None:
        self._place.meter.count("sqs requests", ceil(len(messages) / 10))
        for message in messages:
            self._queue.delete(message)

    def release(self, message: QueueMessage, *, delay: int = 0) -> None:
        self._place.call("sqs requests", 1, QUEUE_SECONDS)
        self._queue.release(message, delay=delay)

    def dead(self) -> list[str]:
        return self._queue.dead()

    def peek(self) -> list[str]:
        return self._queue.peek()

    def redrive(self) -> int:
        return self._queue.redrive()


@dataclass
class Place:
    """Where one function runs: its adapters, its actor, and what its calls take."""

    cloud: "Cloud"
    actor: Actor
    name: str
    gigabytes: float

    def __post_init__(self) -> None:
        self.meter = self.cloud.meter
        self.table: Any = MeteredTable(self.cloud.table, self)
        self.blobs: Any = MeteredBlobs(self.cloud.blobs, self)
        self.queue: Any = self.queue_of(self.cloud.chunk_messages)
        self.event_queue: Any = self.queue_of(self.cloud.event_messages)

    def queue_of(self, messages: dict[int, Message]) -> MeteredQueue:
        """A queue as this function sees it."""
        return MeteredQueue(MemoryQueue(messages, self.cloud.wall, lambda _: True, self.name), self)

    def call(self, what: str, units: float, seconds: float) -> None:
        """One call: counted, and it takes a moment."""
        self.meter.count(what, units)
        self.actor.sleep(seconds)

    def invoked(self, work: Callable[[], None]) -> None:
        """One invocation: paid for by its memory and for how long it is there."""
        began = self.cloud.stage.now
        work()
        seconds = self.cloud.stage.now - began
        self.meter.count("lambda requests")
        self.meter.count("lambda GB-seconds", self.gigabytes * seconds)
        self.meter.seconds[self.name.rstrip("0123456789")] += seconds  # type: ignore[assignment]

    def processor(self, seconds: float) -> float:
        """How long so many seconds of a whole processor take here."""
        return seconds * max(1.0, WHOLE_PROCESSOR_GB / self.gigabytes)


class Ses:
    """SES: takes every mail, and publishes events of it."""

    name = "ses"

    def __init__(self, place: Place) -> None:
        self._place = place

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        cloud = self._place.cloud
        began = cloud.stage.now
        waiting = ceil(len(mails) / SES_CALLS) * SES_SECONDS
        self._place.actor.sleep(max(waiting, self._place.processor(len(mails) * CPU_MAIL)))
        self._place.meter.count("ses mails", len(mails))
        for mail in mails:
            cloud.sent_at.append(began)
            cloud.publish(mail)
        return [Outcome(Fate.SENT, provider_id="x") for _ in mails]

    async def aclose(self) -> None:
        return None


class Cloud:
    """One edition to ``readers`` people at ``rate`` a second (None: as fast as it goes), by ``functions`` at once.

    ``deliveries``: each delivery is an event too, not only bounces and complaints.
    """

    def __init__(self, readers: int, rate: float | None = None, *, functions: int = 2, deliveries: bool = False,
                 bounces: float = 0.01, complaints: float = 0.0002, seed: int = 1) -> None:  # fmt: skip
        self.readers, self.functions, self.deliveries = readers, functions, deliveries
        self._bounces, self._complaints, self._chance = bounces, complaints, random.Random(seed)
        self.pace = Pace(per_second=rate)
        self.meter, self.stage = Meter(), Stage(random.Random(seed), 1.0)
        self.table, self.blobs = MemoryTable(page=4000), MemoryBlobs()
        self.chunk_messages: dict[int, Message] = {}
        self.event_messages: dict[int, Message] = {}
        self.sent_at: list[float] = []
        self.done_at = self.planned_at = 0.0
        self.site, newsletter, content = sample()
        self.start = content.slot_at + timedelta(minutes=1)
        members = (make_member(SECRETS, newsletter.name, f"reader{n}@example.org", f"Reader {n}", "en")
                   for n in range(readers))  # fmt: skip
        self.table.put_many(Put(member.key, membership_to_data(member)) for member in members)
        editions = EditionStore(self.table, self.blobs)
        name = editions.save_content(content)
        edition = Edition(newsletter.name, content.slot, content.slot_at, State.APPROVED, content=name, number=1)
        self.edition_id = editions.claim_slot(edition).id
        self.editions, self.chunks = editions, ChunkStore(self.table, self.blobs)

    def wall(self) -> float:
        """Epoch seconds."""
        return self.start.timestamp() + self.stage.now

    def clock(self) -> datetime:
        """The same, aware."""
        return self.start + timedelta(seconds=self.stage.now)

    @property
    def edition(self) -> Edition:
        """The edition as it is."""
        return self.editions.find(self.edition_id)

    @property
    def over(self) -> bool:
        """Whether its books are closed and all was heard."""
        return bool(self.edition.totals) and not self.event_messages

    def run(self) -> "Cloud":
        """From approved to heard of."""
        self.stage.enter("tick", self._tick)
        for number in range(self.functions):
            self.stage.enter(f"chunks{number}", self._chunks_function, 0.1 + number * 0.01)
        self.stage.enter("events", self._events_function, 0.2)
        with one_core():
            self.stage.run()
        return self

    def publish(self, mail: Mail) -> None:
        """SES tells SNS, which puts it into the queue of events; SNS's part costs nothing more for SQS."""
        chance = self._chance.random()
        kinds = ["Delivery"] if self.deliveries and chance >= self._bounces else []
        kinds += ["Bounce"] if chance < self._bounces else ["Complaint"] if chance > 1 - self._complaints else []
        for kind in kinds:
            self.meter.count("sns requests")
            number = max(self.event_messages, default=0) + 1
            self.event_messages[number] = Message(_event(kind, mail, self.clock()), self.wall() + 2)

    def _tick(self, actor: Actor) -> None:
        place = Place(self, actor, "tick", TICK_GB)

        def work() -> None:
            house = Dispatcher(
                self.site, place.table, place.blobs, place.queue, wall=self.wall,
                most_queued=lambda: most_queued(self.pace.per_second),
            )  # fmt: skip
            house.tick(self.clock())
            if not self.planned_at:
                actor.sleep(place.processor(self.readers * CPU_PLANNED))
                self.planned_at = self.stage.now

        while not self.edition.totals:
            place.invoked(work)
            self.done_at = self.stage.now
            actor.sleep(TICK_SECONDS - self.stage.now % TICK_SECONDS)

    def _chunks_function(self, actor: Actor) -> None:
        place = Place(self, actor, actor.name, CHUNKS_GB)
        while not self.edition.totals:
            messages = place.queue.receive(1, visibility=900)
            if not messages:
                actor.sleep(self._until_seen())
                continue
            place.invoked(lambda message=messages[0]: asyncio.run(self._chunk(place, message)))  # type: ignore[misc]

    def _until_seen(self) -> float:
        """How long a poll waits: until a message comes in sight, at most as SQS lets it."""
        coming = min((message.visible for message in self.chunk_messages.values()), default=math.inf)
        return min(POLL_SECONDS, max(0.05, coming - self.wall()))

    async def _chunk(self, place: Place, message: QueueMessage) -> None:
        """What app.py does with a message."""

        async def sleep(seconds: float) -> None:
            place.actor.sleep(seconds)

        pacing = Pacing(place.table, "ses", self.pace)
        house = Dispatcher(self.site, place.table, place.blobs, place.queue, wall=self.wall)
        worker = Worker(
            self.site, place.table, house.chunks, house.editions, Ses(place), SECRETS,
            Sender(place.name, lambda _: True), self.clock, wall=self.wall, sleep=sleep,
            turns=Turns(pacing, patience=PATIENCE_SECONDS),
        )  # fmt: skip
        work = await worker.work(*read_task(message.body))
        if work.ended is Ended.LATER:
            place.queue.send([message.body], delay=later_seconds(work.until - self.wall()))
        place.queue.delete(message)

    def _events_function(self, actor: Actor) -> None:
        place = Place(self, actor, "events", EVENTS_GB)
        listener = Listener(place.table, place.blobs, Suppressions(place.table), MailTokens(SECRETS),
                            lambda: self.site.newsletters)  # fmt: skip
        while not self.over:
            actor.sleep(EVENT_WINDOW)
            while messages := self._batch(place):
                place.invoked(lambda found=messages: self._heard(place, listener, found))  # type: ignore[misc]

    def _batch(self, place: Place) -> list[QueueMessage]:
        found: list[QueueMessage] = []
        while len(found) < EVENT_BATCH and (more := place.event_queue.receive(10, visibility=360)):
            found += more
        return found

    def _heard(self, place: Place, listener: Listener, messages: list[QueueMessage]) -> None:
        failed = listener.events(messages, self.clock(), Tally())
        assert not failed, failed
        place.actor.sleep(place.processor(len(messages) * CPU_EVENT))
        place.event_queue.delete(*messages)


def _event(kind: str, mail: Mail, now: datetime) -> str:
    """An event as SES publishes it, in SNS's envelope; the mail's headers, which real ones have too, left out."""
    tags = {name: [value.replace("/", "_")] for name, value in mail.tags.items()}
    moment = now.isoformat()
    recipient = {"emailAddress": mail.recipient}
    about: dict[str, Any] = {
        "Delivery": {"delivery": {"timestamp": moment, "recipients": [mail.recipient]}},
        "Bounce": {"bounce": {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [recipient],
                              "timestamp": moment, "feedbackId": f"b-{mail.recipient}"}},
        "Complaint": {"complaint": {"complainedRecipients": [recipient], "timestamp": moment,
                                    "feedbackId": f"c-{mail.recipient}"}},
    }  # fmt: skip
    told = {"messageId": f"m-{mail.recipient}", "tags": tags, "timestamp": moment}
    said = {"eventType": kind, "mail": told, **about[kind]}
    return json.dumps({"Type": "Notification", "Message": json.dumps(said)})
