"""A process under test: everything it has is built on ports that may fail, stall or kill it at any call."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.errors import StoreUnavailableError
from tests.simulation.loop import Loop
from tests.simulation.memory import MemoryQueue
from tests.simulation.stage import Actor

if TYPE_CHECKING:
    from tests.simulation.parts import House
    from tests.simulation.world import World

BEFORE = {"crash before": 4, "store away": 2, "throttled": 2, "stall before": 5}
AFTER = {"crash after": 4, "answer lost": 2, "stall after": 5}
"""What may happen at a port call, before or after it took effect, and how often."""
KINDS = [kind for kinds in (BEFORE, AFTER) for kind, weight in kinds.items() for _ in range(weight)]
DULL = ("ENTRIES#", "DATED#")
"""What a composer reads month by month: nothing here writes there, so it is no boundary."""
STALLS = (20, 200, 400, 1000)
"""Seconds: within a lease (300), beyond it, beyond requeueing (900)."""


class Crash(BaseException):
    """The process is gone: nothing may catch this."""


def _passing(port: str, method: str) -> Callable[..., Any]:
    """Passes one call on, and lets happen what the seed has planned for it."""
    name = f"{port}.{method}"

    def call(self: "Port", *values: Any, **named: Any) -> Any:
        process = self.process
        if name == "table.query" and values[0].startswith(DULL):
            return self.port.query(*values, **named)
        fault = process.enter(name, values)
        result = getattr(self.port, method)(*values, **named)
        if fault is not None:
            process.leave(fault)
        return result

    return call


class Port:
    """A port that belongs to one process."""

    home = ""

    def __init__(self, process: "Process", port: Any) -> None:
        self.process, self.port = process, port


def _ports(name: str, *methods: str) -> type[Port]:
    return type(name, (Port,), {method: _passing(name, method) for method in methods})


TablePort = _ports(
    "table", "get", "get_many", "query", "insert", "replace", "delete", "put_many", "transact", "add", "everything"
)
BlobsPort = _ports("blobs", "put", "get", "names", "delete")
QueuePort = _ports("queue", "send", "receive", "delete", "release", "dead", "peek", "redrive")


class Process:
    """One process. ``plan`` says at which of its calls what happens, ``flight`` what it has on record as in flight."""

    def __init__(self, world: "World", actor: Actor, name: str, *, faults: bool = True) -> None:
        self.world, self.actor, self.name = world, actor, name
        self.calls, self.dead, self.incidents = 0, False, 0
        self.skew = world.chance.choice(world.skews) if faults else 0.0
        self.plan: dict[int, str] = {}
        self.flight: set[tuple[str, int, int]] = set()
        self.seen: set[str] = set()
        self.house: House | None = None
        self.table: Any = TablePort(self, world.table)
        self.blobs: Any = BlobsPort(self, world.blobs)
        self.queue: Any = QueuePort(self, world.queue(self))
        world.processes[name] = self

    def arm(self, faults: int, within: int) -> None:
        """What will happen at which of the next calls."""
        chance = self.world.chance
        self.plan = {self.calls + chance.randint(1, within): chance.choice(KINDS) for _ in range(faults)}

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on a loop of this process."""
        loop = Loop(self.moment, self._wait, lambda: self.dead)  # type: ignore[abstract]
        return loop.run(coroutine)

    # Clocks.
    def moment(self) -> float:
        return self.world.stage.now

    def wall(self) -> float:
        return self.world.wall() + self.skew

    def clock(self) -> datetime:
        return self.world.clock() + timedelta(seconds=self.skew)

    def _wait(self, until: float) -> None:
        self.actor.sleep(until - self.world.stage.now)
        self._still_there()

    # What happens at a call.
    def enter(self, name: str, values: tuple[Any, ...]) -> str | None:
        """Before a call takes effect: others may act, it may fail. What is to happen after it."""
        world = self.world
        self._still_there()
        world.stage.step(self.actor)
        self._still_there()
        self.calls += 1
        fault = self.plan.pop(self.calls, None)
        world.steps += 1
        if world.trace is not None:
            world.note(self.name, name, values, fault)
        if fault is not None:
            world.faults[fault] += 1
            self._fail(fault)
        world.acting = self
        if name == "table.get":
            self.seen.add(values[0].sk)
        return fault if fault in AFTER else None

    def _fail(self, fault: str) -> None:
        if fault == "crash before":
            self.die()
        if fault in {"store away", "throttled"}:
            self._lose_the_store("the store is away")
        if fault == "stall before":
            self.stall()

    def leave(self, fault: str) -> None:
        """After a call took effect."""
        if fault == "crash after":
            self.die()
        if fault == "stall after":
            self.stall()
        if fault == "answer lost":
            self._lose_the_store("the store's answer was lost")

    def _lose_the_store(self, why: str) -> None:
        """What is in flight now may never get its outcome: from here on that counts as in doubt."""
        self.incidents += 1
        self.flight.clear()
        raise StoreUnavailableError(why)

    def stall(self) -> None:
        """Nothing of this process moves for a while."""
        self.actor.sleep(self.world.chance.choice(STALLS))
        self._still_there()

    async def pause(self, *, long: bool) -> None:
        """An answer takes its time: other tasks of this process act, and others too."""
        if long or self.world.chance.random() < 0.3:
            await asyncio.sleep(self.world.chance.choice(STALLS) if long else 0.1)
            self._still_there()

    def die(self) -> None:
        """It is gone from here on: any further call of whatever is left of it fails."""
        self.kill()
        raise Crash

    def kill(self) -> None:
        """Somebody ends it."""
        self.dead, self.incidents = True, self.incidents + 1
        self.world.living.discard(self.name)

    def _still_there(self) -> None:
        if self.dead:
            raise Crash


class Unreliable(MemoryQueue):
    """A queue of at-least-once: messages come late, twice, in any order, or (a tick mends it) not at all."""

    def __init__(self, world: "World", process: Process) -> None:
        super().__init__(world.messages, process.wall, world.alive, process.name)
        self._world, self._process = world, process

    def _strikes(self, fault: str) -> bool:
        world = self._world
        struck = world.chance.random() < world.unrest
        world.faults[fault] += struck
        return struck

    def send(self, bodies: Any, *, delay: int = 0) -> None:
        for body in bodies:
            if self._strikes("message lost"):
                continue
            super().send([body], delay=self._world.chance.choice((60, 600)) if self._strikes("message late") else delay)
            if self._strikes("message doubled"):
                super().send([body], delay=delay)

    def receive(self, most: int = 1, *, visibility: int = 300, wait: int = 0) -> Any:
        if len(self._messages) > 1 and self._strikes("messages reordered"):
            numbers = list(self._messages)
            self._world.chance.shuffle(numbers)
            mixed = {number: self._messages[number] for number in numbers}
            self._messages.clear()
            self._messages.update(mixed)
        return super().receive(most, visibility=visibility, wait=wait)

    def delete(self, message: Any) -> None:
        self._world.checks.a_message_is_read_before_it_is_given_up(self._process, message.body)
        if not self._strikes("deletion lost"):
            super().delete(message)
