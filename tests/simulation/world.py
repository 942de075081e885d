"""A seeded world: the stores, the provider, the readers and everybody who acts, with what must hold told at each write.

What happens in it follows from its seed alone, so that a world that fails can be played again and followed:
``python -m tests.simulation --seed N --trace``. The names that other tests take from here lie in ground.py.
"""

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.audience.audience import Audience
from chalicelib.compose.editions import EditionStore
from chalicelib.content.sending import Pace
from chalicelib.deliver.chunks import ChunkStore
from chalicelib.deliver.control import Control
from tests.simulation.ground import CHUNK_SIZES, DIGEST, MONDAY, SECRETS, SITE, SLOT, Ground, ground, letters
from tests.simulation.invariants import Checks
from tests.simulation.memory import MemoryTable, Message
from tests.simulation.parts import Parts
from tests.simulation.process import Process, Unreliable
from tests.simulation.provider import Provider
from tests.simulation.stage import Stage

if TYPE_CHECKING:
    from tests.simulation.people import People

PACES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {},
    {"per_second": 0.5},
    {"per_second": 1},
    {"per_second": 3},
    {"per_day": 6},
)
STAGES = ("empty", "drafted", "approved", "approved", "planned", "planned", "planned", "planned")


class World:
    """Everything that lasts, and what is known of it that no process knows."""

    def __init__(self, seed: int, parts: Parts | None = None, *, trace: bool = False) -> None:
        self.seed, self.chance = seed, random.Random(seed)
        chance = self.chance
        self.parts = parts or Parts()
        self.trace: list[str] | None = [] if trace else None
        self.begins = chance.choice(STAGES)
        self.chunk_size, self.wave = chance.choice(CHUNK_SIZES), chance.choice((1, 2, 3))
        self.locks = chance.random() < 0.5
        """Whether the death of a process is noticed at once, as on one machine; else its lease must run out."""
        self.at_once = chance.choice((1, 1, 2, 3))
        """Chunks that one process works on at once."""
        self.groups = chance.random() < 0.5
        """Whether their ledgers share a commit."""
        self.skews = chance.choice(((0.0,), (0.0, 0.0, 900.0, -900.0, 240.0)))
        self.pace = Pace(**chance.choice(PACES))
        self.unrest = chance.choice((0.0, 0.1, 0.2))
        self.trouble = chance.choice((0.1, 0.2, 0.4))
        self.tells = chance.random() < 0.6
        self.unrest_of_events = chance.choice((0.0, 0.3, 0.8))
        self.stage = Stage(chance, chance.choice((1.0, 2.0, 5.0)))
        self.start = SLOT - timedelta(hours=2) if self.begins in {"empty", "drafted"} else SLOT
        self._populate()

    def _populate(self) -> None:
        made: Ground = ground(self.begins, self.chunk_size)
        self.sids, self.addresses = made.sids, {sid: address for address, sid in made.sids.items()}
        self.messages: dict[int, Message] = {}
        self.queued: set[str] = set()
        self.processes: dict[str, Process] = {}
        self.living: set[str] = set()
        self.acting: Process | None = None
        self.faults: Counter[str] = Counter()
        self.deeds: Counter[str] = Counter()
        self.steps = self.mails = 0
        self.calmed = False
        self.provider: Provider = Provider(self)
        self.checks: Checks = Checks(self)
        self.blobs = made.blobs.copy()
        self.blobs.blobs.update(letters())
        self.people: People | None = None
        self.install(made.table.copy(self.chance.choice((3, 6, 50))))

    def install(self, table: MemoryTable) -> None:
        """From here on this is the table, and its writes are watched."""
        self.table = table
        table.watch = self.checks.written
        self.editions, self.chunks = EditionStore(table, self.blobs), ChunkStore(table, self.blobs)
        self.audience, self.control = Audience(table, SECRETS), Control(self.editions)

    @property
    def held_up(self) -> bool:
        """Whether somebody was stopped between its turn and its hand-over, or sees another time."""
        slow = ("stall before", "stall after", "slow provider", "slow answer")
        return any(self.faults[fault] for fault in slow) or set(self.skews) != {0.0} or self.checks.ever_restored

    def calm(self) -> None:
        """From here on nothing fails."""
        self.unrest = self.trouble = self.unrest_of_events = 0.0
        self.calmed = True

    # Clocks, and who lives.
    def wall(self) -> float:
        return self.start.timestamp() + self.stage.now

    def clock(self) -> datetime:
        return self.start + timedelta(seconds=self.stage.now)

    def alive(self, process: str) -> bool:
        return not self.locks or process in self.living

    def queue(self, process: Process) -> Any:
        return Unreliable(self, process)

    def note(self, who: str, call: str, values: tuple[Any, ...], fault: str | None = None) -> None:
        """One line of the trace."""
        if self.trace is not None:
            told = " ".join(_short(value) for value in values[:2])
            what = f"  ** {fault} **" if fault else ""
            self.trace.append(f"{len(self.trace):5} {self.stage.now:9.2f}s {who:12} {call:20} {told}{what}")


def _short(value: Any) -> str:
    key = getattr(value, "key", None) or getattr(getattr(value, "item", None), "key", None)
    if isinstance(value, list) and value and not isinstance(value[0], str | tuple):
        return "+".join(_short(part) for part in value)[:100]
    return "/".join(key) if key else "/".join(map(str, value))[:100] if isinstance(value, tuple) else str(value)[:100]


__all__ = ["DIGEST", "MONDAY", "SECRETS", "SITE", "SLOT", "World"]
