"""An account of AWS on a clock that only we move: the real planner, workers and listener on adapters that keep count.

Every call of the store, the queues, the blobs and SES is counted in the units in which it is paid for, and takes a
moment; whoever waits lets others act (tests/simulation/stage.py). Nothing is estimated but how long a call takes and
how much of a processor a mail costs: both are below, and only seconds of functions hang on them.
"""

import asyncio
import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from bench.letters import sample
from bench.metering import Meter, MeteredBlobs, MeteredQueue, MeteredTable
from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import membership_to_data
from chalicelib.audience.suppression import Suppressions
from chalicelib.audience.tokens import MailTokens, Secrets
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.sending import Pace
from chalicelib.deliver.alarms import Alarms
from chalicelib.deliver.braking import Braking
from chalicelib.deliver.chunks import ChunkStore, read_task
from chalicelib.deliver.dispatcher import Dispatcher, most_queued
from chalicelib.deliver.draining import later_seconds
from chalicelib.deliver.guarding import Guard
from chalicelib.deliver.hearing.listening import Listener, Tally
from chalicelib.deliver.pacing import Pacing
from chalicelib.deliver.turns import Turns
from chalicelib.deliver.watching import Tallies, Watching
from chalicelib.deliver.worker import Ended, Sender, Worker
from chalicelib.store import Put, QueueMessage
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
SES_SECONDS, SES_CALLS = 0.08, 10
"""What a call of SES takes, usual within a region; and how many a function makes at once."""
WHOLE_PROCESSOR_GB = 1769 / 1024
"""Of memory: a function with less has so much less of a processor."""
CPU_MAIL, CPU_PLANNED, CPU_EVENT, CPU_LEDGER = 0.0012, 0.00004, 0.0002, 0.00007
"""Seconds of a processor for a mail by SES (bench/ses.py), a recipient planned (bench/planning.py), an event heard, a
ledger of 500 read and added up."""


@dataclass
class Place:
    """Where one function runs: its adapters, its actor, and what its calls take."""

    cloud: "Cloud"
    actor: Actor
    name: str
    gigabytes: float
    tallies: Tallies = field(default_factory=Tallies)
    """They live as long as the function's process."""

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

    ``deliveries``: each delivery is an event too, not only bounces and complaints; ``sends``: so is each hand-over.
    """

    def __init__(self, readers: int, rate: float | None = None, *, functions: int = 2, deliveries: bool = False,
                 sends: bool = False, bounces: float = 0.01, complaints: float = 0.0002,
                 seed: int = 1) -> None:  # fmt: skip
        self.readers, self.functions, self.deliveries, self.sends = readers, functions, deliveries, sends
        self._bounces, self._complaints, self._chance = bounces, complaints, random.Random(seed)
        self.pace = Pace(per_second=rate)
        self.meter, self.stage = Meter(), Stage(random.Random(seed), 1.0)
        self.table, self.blobs = MemoryTable(page=4000), MemoryBlobs()
        self.chunk_messages: dict[int, Message] = {}
        self.event_messages: dict[int, Message] = {}
        self.sent_at: list[float] = []
        self.done_at = self.planned_at = 0.0
        site, newsletter, content = sample()
        self.site = replace(site, editors=("editor@example.org",))
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
        kinds = ["Send"] if self.sends else []
        kinds += ["Delivery"] if self.deliveries and chance >= self._bounces else []
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
            asyncio.run(self._guard(place).watch(lambda: Ses(place), self.clock()))

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
            turns=Turns(pacing, patience=PATIENCE_SECONDS), watch=self._watch(place),
        )  # fmt: skip
        work = await worker.work(*read_task(message.body))
        if work.ended is Ended.LATER:
            place.queue.send([message.body], delay=later_seconds(work.until - self.wall()))
        place.queue.delete(message)

    def _guard(self, place: Place) -> Guard:
        house = self.site, place.table, EditionStore(place.table, place.blobs), ChunkStore(place.table, place.blobs)
        return Guard(
            Braking(*house), Alarms(*house, lambda: dict.fromkeys(("chunks", "notices", "events"), place.queue))
        )

    def _watch(self, place: Place) -> Watching:
        braking, limits = self._guard(place).braking, self.site.sending.brake
        return Watching(braking, Suppressions(place.table), limits, self.clock, "ses", place.tallies)

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
        "Send": {"send": {}},
        "Delivery": {"delivery": {"timestamp": moment, "recipients": [mail.recipient]}},
        "Bounce": {"bounce": {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [recipient],
                              "timestamp": moment, "feedbackId": f"b-{mail.recipient}"}},
        "Complaint": {"complaint": {"complainedRecipients": [recipient], "timestamp": moment,
                                    "feedbackId": f"c-{mail.recipient}"}},
    }  # fmt: skip
    told = {"messageId": f"m-{mail.recipient}", "tags": tags, "timestamp": moment}
    said = {"eventType": kind, "mail": told, **about[kind]}
    return json.dumps({"Type": "Notification", "Message": json.dumps(said)})
