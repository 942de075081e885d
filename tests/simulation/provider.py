"""The provider: takes mails or not, drops connections, answers wrongly, and tells later what became of them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.deliver.ledger import News
from chalicelib.errors import TransportUnavailableError
from chalicelib.transports import Fate, Mail, Outcome
from tests.simulation.process import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

Place = tuple[str, int, int]
"""Edition, chunk, position."""
REFUSALS = (Fate.FAILED, Fate.DEFERRED, Fate.DEFERRED, Fate.IN_DOUBT, Fate.IN_DOUBT)
WAVE_FAULTS = (
    "provider away", "throttled by provider", "crash in mid-wave", "connection dropped", "short answer",
    "shifted answer", "slow provider", "slow provider", "slow answer", "slow answer",
)  # fmt: skip
RANKS = {News.SENT: 1, News.DELIVERED: 2, News.BOUNCED: 3, News.COMPLAINED: 4}
DELAYS = (0, 1, 30, 400, 3000)


@dataclass(slots=True)
class Event:
    """News on its way: ``told`` when it happened, seen from ``due`` on (seconds of the stage)."""

    place: Place
    news: News
    told: float
    due: float


def place_of(mail: Mail) -> Place:
    """Where the mail's recipient stands, by what travels with it."""
    return mail.tags["edition"], int(mail.tags["chunk"]), int(mail.tags["position"])


class Provider:
    """What it took, what it answered, and what it has to tell. ``handed`` counts mails that reached it at all."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.handed: Counter[Place] = Counter()
        self.known: dict[Place, set[Fate]] = defaultdict(set)
        self.events: list[Event] = []
        self.log: list[Event] = []
        self.heard: dict[Place, int] = {}
        self.settled = 0
        self.moments: list[float] = []

    def take(self, mail: Mail, process: Process, fate: Fate) -> Outcome:
        """One mail: who gets it is checked here, and it is taken or not."""
        place = place_of(mail)
        self.world.checks.may_be_handed_over(mail, place, process)
        self.handed[place] += 1
        self.moments.append(self.world.stage.now)
        self.world.checks.the_pace_is_kept(self.moments)
        self.known[place].add(fate)
        if fate is Fate.SENT or (fate is Fate.IN_DOUBT and self.world.chance.random() < 0.5):
            self._accept(mail, place)
        if fate is Fate.IN_DOUBT:
            self.world.faults["fate unknown"] += 1
        return Outcome(fate, "" if fate is Fate.SENT else f"4.2.2 <{mail.recipient}> said {fate}")

    def _accept(self, mail: Mail, place: Place) -> None:
        self.accepted[place[0], mail.recipient] += 1
        self.world.mails += 1
        self.world.checks.nobody_gets_it_twice(place, mail)
        if self.world.tells:
            self._tell(place)

    def _tell(self, place: Place) -> None:
        """What comes of it: delivered, bounced or complained of; told late, twice, out of order, or never."""
        chance, now = self.world.chance, self.world.stage.now
        what = chance.random()
        news = [News.DELIVERED] if what < 0.7 else [News.BOUNCED] if what < 0.85 else [News.DELIVERED, News.COMPLAINED]
        if chance.random() < 0.3:
            news = [News.SENT, *news]
        for one in news:
            self.log.append(Event(place, one, now, now))
            fate = chance.random() / self.world.unrest_of_events if self.world.unrest_of_events else 1.0
            if fate < 0.3:
                self.world.faults["event lost"] += 1
                continue
            for _ in range(2 if fate < 0.6 else 1):
                self.events.append(Event(place, one, now, now + chance.choice(DELAYS)))
            if fate < 0.6:
                self.world.faults["event doubled"] += 1

    def was_heard(self, event: Event) -> None:
        """It is on record and does not come again."""
        if event in self.events:
            self.events.remove(event)
        self.settled += self.heard.get(event.place) is None and self.doubted(event.place)
        self.heard[event.place] = max(self.heard.get(event.place, 0), RANKS[event.news])

    def doubted(self, place: Place) -> bool:
        """Whether a mail of an unknown fate stood in doubt."""
        return place in self.world.checks.doubted

    def due(self) -> list[Event]:
        """The events that have come, in any order."""
        found = [event for event in self.events if event.due <= self.world.stage.now]
        if len(found) > 1:
            self.world.chance.shuffle(found)
        return found


class Link:
    """One process's way to the provider: the transport port."""

    name = "simulated"

    def __init__(self, provider: Provider, process: Process) -> None:
        self._provider, self._process = provider, process

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        """Several may be under way at once: each lets others act before, between and after its mails."""
        process, world = self._process, self._provider.world
        process.enter("transport.send_wave", ())
        fault = world.chance.choice(WAVE_FAULTS) if world.chance.random() < world.trouble else ""
        if fault:
            world.faults[fault] += 1
            world.note(process.name, "transport", (), fault)
        if fault in {"provider away", "throttled by provider"}:
            raise TransportUnavailableError("the provider is away")
        await process.pause(long=fault == "slow provider")
        outcomes = self._hand_over(mails, fault)
        await process.pause(long=fault == "slow answer")
        return outcomes

    def _hand_over(self, mails: Sequence[Mail], fault: str) -> list[Outcome]:
        process, provider, world = self._process, self._provider, self._provider.world
        ends = world.chance.randint(0, len(mails)) if fault in {"crash in mid-wave", "connection dropped"} else None
        outcomes = []
        lost = fault in {"short answer", "shifted answer"}
        for number, mail in enumerate(mails):
            process.enter("transport.mail", (mail.recipient,))
            if number == ends and fault == "crash in mid-wave":
                process.die()
            fate = world.chance.choice(REFUSALS) if world.chance.random() < world.trouble else Fate.SENT
            fate = Fate.IN_DOUBT if ends is not None and number >= ends else fate
            outcomes.append(provider.take(mail, process, fate))
            if lost:
                provider.known[place_of(mail)].add(Fate.IN_DOUBT)
        if fault == "crash in mid-wave" and ends == len(mails):
            process.die()
        return outcomes[: len(mails) - 1] if fault == "short answer" else outcomes[lost:]

    async def aclose(self) -> None:
        """Nothing is kept."""
