"""Who acts next: real interleavings of synchronous code, from threads of which one holds the baton.

The code under test calls its ports synchronously, so only threads can stop it between any two calls. Turns nested
in one another at a port call would be cheaper, but have the shape of a stack: whoever came later must end first, and
"A, B, A, B" never happens. Here an actor is a thread that runs only while it holds the baton, and hands it on at port
calls that the seed chooses; so every interleaving of calls can come, and the same seed brings the same one. Pinned to
one core, handing it on takes about 8 µs (else 50); threads are kept for the next world, since starting one takes 170.

Time is the stage's own: each port call takes a moment, and where everybody sleeps it jumps to whoever wakes first.
"""

import gc
import os
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

STEP_SECONDS = 0.02
"""What a port call takes."""
TIDY = 25
"""Worlds after which what they left in cycles is put away: to look for it at any moment takes a sixth of the time."""


class Gone(BaseException):
    """The world has failed: whoever still acts goes home. Nothing may catch this."""


class _Hand(threading.Thread):
    """A thread that is lent to one actor after another."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.gate = threading.Lock()
        self.gate.acquire()
        self.job: Callable[[], None] = lambda: None
        self.start()

    def run(self) -> None:
        while True:
            self.gate.acquire()
            self.job()


_IDLE: list[_Hand] = []


class Actor:
    """Somebody who acts: sleeps until ``wake`` (seconds of the stage)."""

    __slots__ = ("hand", "name", "script", "stage", "wake")

    def __init__(self, stage: "Stage", name: str, script: Callable[["Actor"], None], wake: float) -> None:
        self.stage, self.name, self.script, self.wake = stage, name, script, wake
        self.hand = _IDLE.pop() if _IDLE else _Hand()
        self.hand.job = self._act

    def sleep(self, seconds: float) -> None:
        """Let the others act for a while."""
        self.wake = self.stage.now + seconds
        self.stage.hand_on(self)

    def _act(self) -> None:
        stage = self.stage
        try:
            self.script(self)
        except Gone:
            pass
        except BaseException as error:  # noqa: BLE001
            stage.failure = stage.failure or error
        stage.leave(self)


class Stage:
    """One world's actors and clock. ``eager`` is after how many port calls the baton is handed on, on average."""

    def __init__(self, chance: random.Random, eager: float) -> None:
        self.now = 0.0
        self.failure: BaseException | None = None
        self.switches = 0
        self._chance, self._rate = chance, 1 / eager
        self._countdown = 1
        self._actors: list[Actor] = []
        self._home = threading.Lock()
        self._home.acquire()

    def enter(self, name: str, script: Callable[[Actor], None], wake: float = 0.0) -> None:
        """Somebody who begins to act at ``wake``."""
        self._actors.append(Actor(self, name, script, wake))

    def run(self) -> None:
        """Until everybody is done. Raises what the first of them raised."""
        first = self._next()
        if first is not None:
            first.hand.gate.release()
            self._home.acquire()
        if self.failure:
            raise self.failure

    def step(self, actor: Actor) -> None:
        """A port call of whoever holds the baton; maybe others act first."""
        self.now += STEP_SECONDS
        self._countdown -= 1
        if self._countdown <= 0:
            self._countdown = int(self._chance.expovariate(self._rate)) + 1
            self.hand_on(actor)

    def hand_on(self, actor: Actor) -> None:
        """Somebody who is awake acts, maybe the same one again."""
        following = self._next()
        if following is not actor and following is not None:
            self.switches += 1
            following.hand.gate.release()
            actor.hand.gate.acquire()
        if self.failure:
            raise Gone

    def leave(self, actor: Actor) -> None:
        """An actor is done."""
        self._actors.remove(actor)
        _IDLE.append(actor.hand)
        following = self._next()
        (following.hand.gate if following else self._home).release()

    def _next(self) -> Actor | None:
        if not self._actors:
            return None
        if self.failure:
            return self._actors[0]
        awake = [actor for actor in self._actors if actor.wake <= self.now]
        if not awake:
            self.now = min(actor.wake for actor in self._actors)
            awake = [actor for actor in self._actors if actor.wake <= self.now]
        return awake[0] if len(awake) == 1 else awake[int(self._chance.random() * len(awake))]


@contextmanager
def one_core() -> Iterator[None]:
    """This thread, and those started within, keep to one core, where the system knows such a thing."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[os.getpid() % len(allowed)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def in_turn(seeds: Iterable[int]) -> Iterator[int]:
    """Seeds to be played one after another, on one core and with little time lost to tidying up."""
    gc.disable()
    try:
        with one_core():
            for number, seed in enumerate(seeds):
                yield seed
                if number % TIDY == TIDY - 1:
                    gc.collect()
    finally:
        gc.enable()
