"""What people do meanwhile: leave, complain, pause, cancel, decide on who is in doubt, restore a backup."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalicelib.compose.edition import State
from chalicelib.deliver.chunks import task_body
from chalicelib.deliver.ledger import IN_DOUBT
from chalicelib.deliver.pausing import pause, resume
from chalicelib.errors import ConflictError, IllegalTransitionError
from chalicelib.store import Key, Put
from tests.simulation.ground import SITE
from tests.simulation.memory import MemoryBlobs, MemoryQueue, MemoryTable
from tests.simulation.parts import heard
from tests.simulation.process import Process
from tests.simulation.stage import Actor

if TYPE_CHECKING:
    from tests.simulation.world import World

ACTS = {
    "leave": 4, "suppress": 5, "repeat messages": 2, "pause": 2, "resume": 4, "hold": 1, "approve": 2, "cancel": 1,
    "pause site": 1, "resume site": 3, "resend": 2, "old version": 2, "restore": 4,
}  # fmt: skip
KINDS = [act for act, weight in ACTS.items() for _ in range(weight)]
OLD_FIELDS = ("marks", "details", "owner", "lease")
"""What a ledger had before any field was added: a version in use beside this one writes no more."""


class People:
    """Everybody who is no program. Their calls of the store never fail, but others act in between."""

    def __init__(self, world: "World", actor: Actor) -> None:
        self.world = world
        self.process = Process(world, actor, "people", faults=False)
        self.snapshot: tuple[MemoryTable, MemoryBlobs] | None = None

    def act(self, what: str) -> None:
        """One deed; what is not possible now is left."""
        world = self.world
        world.deeds[what] += not world.calmed
        world.note("people", what, ())
        world.acting = None
        if what == "resume site" and world.checks.restored:
            self.reconcile()  # as the manual says, before anything goes out again
        deeds: dict[str, Callable[[], Any]] = {
            "leave": self._leave, "suppress": self._suppress, "repeat messages": self._repeat,
            "pause site": self._pause_site, "resume site": self._resume_site, "resend": self._resend,
            "old version": self._old_version, "restore": self._restore,
        }  # fmt: skip
        deeds.get(what, lambda: self.decide(what))()

    def decide(self, what: str) -> None:
        """A word on all editions."""
        for edition in list(self.world.editions.of("digest")):
            try:
                getattr(self.world.control, what)(edition.id, self.world.clock())
            except IllegalTransitionError:
                continue

    def _somebody(self) -> str:
        return self.world.chance.choice(list(self.world.addresses))

    def _leave(self) -> None:
        self.world.audience.leave(self._somebody(), "digest", self.world.clock(), "a simulation")

    def _suppress(self) -> None:
        self.world.audience.suppress(self._somebody(), "complaint", self.world.clock())

    def _repeat(self) -> None:
        """Every chunk's message comes again."""
        queue = MemoryQueue(self.world.messages, self.world.wall, self.world.alive, "")
        for edition in self.world.editions.of("digest"):
            queue.send([task_body(edition.id, number) for number in range(edition.chunks)])

    def _pause_site(self) -> None:
        pause(self.world.table, "a person wants it", self.world.clock())

    def _resume_site(self) -> None:
        resume(self.world.table, SITE, self.world.editions)

    def _resend(self) -> None:
        """All who are in doubt get it again, because a person says so."""
        world = self.world
        for edition in list(world.editions.of("digest")):
            if edition.state not in {State.SENDING, State.HELD}:
                continue
            for number, held in list(world.chunks.ledgers(edition.id)):
                doubted = [position for position, mark in enumerate(held.ledger.marks) if mark == IN_DOUBT]
                ledger = held.ledger
                for position in doubted:
                    ledger = ledger.decide(position, resend=True)
                    place = (edition.id, number, position)
                    sid = world.chunks.recipients(edition.id, number)[position].sid
                    world.checks.resent.add(place)
                    world.checks.may_repeat[edition.id, world.addresses[sid]] += 1
                try:
                    if doubted:
                        world.chunks.write_ledger(held, ledger)
                except ConflictError:
                    continue

    def _old_version(self) -> None:
        """Ledgers as a version writes them that knows none of the newer fields."""
        table = self.world.table
        for item in [item for item in table.everything() if item.key.sk.startswith("LEDGER#")]:
            table.replace(item, {name: item.data[name] for name in OLD_FIELDS})

    def take_snapshot(self) -> None:
        """A backup."""
        self.snapshot = self.world.table.copy(), self.world.blobs.copy()

    def _restore(self) -> None:
        """The machine is lost: all processes, messages and writes since the backup. Nothing goes out by itself then."""
        world = self.world
        if self.snapshot is None or world.checks.restored:
            world.deeds["restore"] -= 1
            return
        for process in world.processes.values():
            if process is not self.process:
                process.kill()
        world.messages.clear()
        world.blobs.blobs = self.snapshot[1].blobs.copy()
        table, now = self.snapshot[0].copy(), world.clock()
        world.checks.begin_again(table)
        for item in list(table.everything()):
            if item.key.pk.startswith(("EDITIONS#", "EDITION#")):
                table.renew(
                    Put(item.key, world.parts.held(item.key.pk, item.data, now)), world.chance.randint(10**6, 10**9)
                )
        world.install(table)
        if world.parts.pauses:
            pause(table, "it was restored", now)

    def reconcile(self) -> None:
        """After a restore: what the provider knows is told once more; then people let go on what can go on."""
        world = self.world
        for edition in list(world.editions.of("digest")):
            began = [event for event in world.provider.log if event.place[0] == edition.id] or world.mails
            forgot = edition.state is not State.SENT and (edition.planned is None or not world.tells)
            if began and forgot:
                world.checks.lost = True  # who got it since the backup, nothing here can know any more
                if edition.state is not State.CANCELLED:
                    world.control.cancel(edition.id, world.clock())
        told = [heard(event, world.start) for event in world.provider.log]
        world.parts.hearing(world.table, world.blobs).record(told, world.clock())
        world.checks.restored = False


__all__ = ["KINDS", "Key", "People"]
