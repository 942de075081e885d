"""Alarms: what waits for a person. Read from how things stand, so that one ends by itself when its cause does."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from chalicelib.collect.health import HealthStore
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.content.values import Site
from chalicelib.deliver.brake import doubt_of
from chalicelib.deliver.braking import BRAKE, PROVIDER
from chalicelib.deliver.chunks import ChunkStore
from chalicelib.deliver.course import load_course
from chalicelib.errors import ConflictError, SendbriefError, StoreError, TransportUnavailableError
from chalicelib.metrics import count
from chalicelib.render.alarm import AlarmMail, render_alarm
from chalicelib.render.compiling import compile_notice
from chalicelib.render.letter import Letter, Reader
from chalicelib.render.templates import templates_for
from chalicelib.store import Insert, Key, Queue, Replace, Table
from chalicelib.transports import Fate, Mail, Transport

ONCE_IN = timedelta(hours=24)
"""How often the editors are written to about the same."""
DOUBT_SETTLES = timedelta(hours=1)
"""So long the provider's events have to settle who is in doubt, before a person is asked."""
DOUBT_KEPT = timedelta(days=30)
"""After so long an edition's doubts are history: nobody sends a mail of last month again."""


_DEAD = {
    "chunks": ("One chunk is a dead letter: their recipients wait.",
               "{} chunks are dead letters: their recipients wait."),
    "notices": ("One mail to a single person is a dead letter: whoever asked for it waits.",
                "{} mails to single people are dead letters: whoever asked for them waits."),
    "events": ("One event of the provider is a dead letter: what it tells of a mail is not known.",
               "{} events of the provider are dead letters: what they tell of mails is not known."),
}  # fmt: skip
"""What dead letters of a queue mean."""


class AlarmKind(StrEnum):
    """What is the matter; also the name of its words below ``mail.alarm`` and ``web.desk.alarms``."""

    BRAKE = "brake"
    PROVIDER = "provider"
    DEAD = "dead"
    DOUBT = "doubt"
    FEED = "feed"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that waits. ``words`` say it in English; ``commands`` are what to do; ``again`` tells repeats apart.

    ``dead`` is how many dead letters it is about (of SQS up to ten).
    """

    kind: AlarmKind
    words: str
    edition: str = ""
    commands: tuple[str, ...] = ()
    again: str = ""
    dead: int = 0

    @property
    def key(self) -> Key:
        """Where it is marked that the editors were told."""
        return Key("#".join(part for part in (f"ALARM#{self.kind}", self.edition, self.again) if part), "-")

    @property
    def said(self) -> str:
        """The name of its words below ``mail.alarm``; dead letters have some for each queue."""
        return f"dead_{self.again}" if self.kind is AlarmKind.DEAD and self.again else str(self.kind)

    def as_dict(self) -> dict[str, str]:
        """For programs."""
        return {"kind": str(self.kind), "edition": self.edition, "words": self.words}


class Alarms:
    """The alarms of one site. ``provider``: why the provider takes nothing, in words; '' while it does."""

    def __init__(
        self, site: Site, table: Table, editions: EditionStore, chunks: ChunkStore,
        queues: Callable[[], Mapping[str, Queue]], provider: Callable[[], str] = lambda: "",
    ) -> None:  # fmt: skip
        self._site, self._table, self._editions, self._chunks = site, table, editions, chunks
        self._queues, self._provider = queues, provider

    def open(self, now: datetime) -> list[Alarm]:
        """All that waits for a person now. Reads only."""
        found = [*self._of_provider(), *self._of_dead(), *self._of_sources(now)]
        for newsletter in self._site.newsletters:
            for edition in self._editions.of(newsletter):
                found += [*self._of_stop(edition), *self._of_doubt(edition, now)]
        return found

    async def tell(self, transport: Callable[[], Transport], now: datetime) -> list[str]:
        """Write to the editors about what they were not told of within a day; what went wrong with that, in words.

        The mark is there before the hand-over, and taken back where nothing went out for certain.
        """
        troubles = []
        found = self.open(now)
        for alarm in found:  # at every tick, also where the editors know: the provider's own alarms look at this
            count("OpenAlarms", kind=str(alarm.kind))
        for alarm in found if self._site.editors else ():
            try:
                if self._mark(alarm, now):
                    await self._send(alarm, transport(), now)
            except SendbriefError as error:
                self._unmark(alarm)
                troubles.append(f"The editors were not told of an alarm. {error}")
        return troubles

    def _of_provider(self) -> Iterator[Alarm]:
        if words := self._provider():
            yield Alarm(AlarmKind.PROVIDER, words, commands=("sendbrief status",))

    def _of_dead(self) -> Iterator[Alarm]:
        """One look at each queue. One that can't be looked at is an alarm itself, and hides no other."""
        for name, queue in self._queues().items():
            again = "" if name == "chunks" else name
            try:
                count = len(queue.dead())
            except StoreError as error:
                words = f"The dead letters of {name} can't be looked at. {error}"
                yield Alarm(AlarmKind.DEAD, words, commands=("sendbrief status",), again=again)
                continue
            if count:
                words = _DEAD[name][count > 1].format(count)
                commands = ("sendbrief redrive --list", f"sendbrief redrive --queue {name}")
                yield Alarm(AlarmKind.DEAD, words, commands=commands, again=again, dead=count)

    def _of_sources(self, now: datetime) -> Iterator[Alarm]:
        """What was wrong with an address that site.yaml has no more is nobody's matter."""
        healths = HealthStore(self._table).load(source.name for source in self._site.sources)
        for source in self._site.sources:
            health = healths[source.name][0]
            since = health.failing_since
            if since is None or not health.failing_long(now) or health.location not in {"", source.location}:
                continue
            ended = ", and is not asked any more" if health.retired else ""
            words = f"Source '{source.name}' has failed since {since:%Y-%m-%d %H:%M} UTC{ended}: it {health.error}"
            yield Alarm(AlarmKind.FEED, words, commands=("sendbrief sources", "sendbrief collect"), again=source.name)

    def _of_stop(self, edition: Edition) -> Iterator[Alarm]:
        if edition.state is not State.HELD or edition.halted not in {BRAKE, PROVIDER}:
            return
        commands = ("sendbrief status", f"sendbrief resume {edition.id}", f"sendbrief cancel {edition.id}")
        words = f"{edition.id} was stopped: {edition.why}"
        yield Alarm(AlarmKind(edition.halted), words, edition.id, commands, str(edition.halts))

    def _of_doubt(self, edition: Edition, now: datetime) -> Iterator[Alarm]:
        """Of closed books only those with doubts in them are looked into; what a look has found is not read again."""
        told = edition.totals["in_doubt"] if edition.totals else edition.chunks
        if not told or now - edition.slot_at > DOUBT_KEPT:
            return
        course = load_course(self._table, edition.id)
        known = course.version == edition.version
        count, since = course.doubt if known else doubt_of(held.ledger for _, held in self._chunks.ledgers(edition.id))
        if not count or now.timestamp() - since < DOUBT_SETTLES.total_seconds():
            return
        people = "One recipient of {} is" if count == 1 else f"{count:,} recipients of {{}} are"
        words = f"{people.format(edition.id)} in doubt since {datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M} UTC."
        show = f"sendbrief doubt {edition.id}"
        yield Alarm(AlarmKind.DOUBT, words, edition.id, (show, f"{show} --look"))

    async def _send(self, alarm: Alarm, transport: Transport, now: datetime) -> None:
        letter = self._letter(alarm)
        mails = [self._mail(alarm, letter, address, now) for address in self._site.editors]
        outcomes = await transport.send_wave(mails)
        late = [outcome.reason for outcome in outcomes if outcome.fate is Fate.DEFERRED]
        if len(late) == len(outcomes):
            raise TransportUnavailableError("The provider defers mails.", late[0][:100] if late else "")

    def _letter(self, alarm: Alarm) -> Letter:
        """In the site's first language; what a program said stays in English."""
        values = {"edition": alarm.edition, "source": alarm.again}
        mail = AlarmMail(alarm.said, self._site.fallback, alarm.words, alarm.commands, values)
        rendered = render_alarm(self._site, mail, templates=templates_for(self._site.root))
        return compile_notice(rendered, site=self._site, notice=mail)

    def _mail(self, alarm: Alarm, letter: Letter, address: str, now: datetime) -> Mail:
        domain = self._site.sender.address.rpartition("@")[2]
        place = self._site.editors.index(address)
        which = hashlib.sha256(alarm.key.pk.encode()).hexdigest()[:12]  # two alarms of a kind are two mails
        message_id = f"alarm.{alarm.kind}.{which}.{place}.{now:%Y%m%d%H%M%S%f}@{domain}"
        reader = Reader(address=address, name="", unsubscribe_url="", message_id=message_id, date=now)
        return Mail(self._site.sender.address, address, letter.personalise(reader), {"notice": "alarm"})

    def _mark(self, alarm: Alarm, now: datetime) -> bool:
        """Whether nobody was told of it within a day; from now on they were."""
        data, expires = {"at": now.isoformat(), "words": alarm.words}, int((now + ONCE_IN).timestamp())
        item = self._table.get(alarm.key)
        if item and now - datetime.fromisoformat(item.data["at"]) < ONCE_IN:
            return False
        try:
            self._table.transact([Replace(item, data, expires) if item else Insert(alarm.key, data, expires)])
        except ConflictError:
            return False
        return True

    def _unmark(self, alarm: Alarm) -> None:
        if item := self._table.get(alarm.key):
            self._table.delete(item)


__all__ = ["Alarm", "AlarmKind", "Alarms"]
