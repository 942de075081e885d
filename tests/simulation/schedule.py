"""One world from its first tick to its end: who acts when, how it is cruel, and how it comes to rest."""

from chalicelib.compose.edition import State
from chalicelib.errors import StoreUnavailableError
from tests.simulation.parts import house_of
from tests.simulation.people import KINDS, People
from tests.simulation.process import Crash, Process
from tests.simulation.stage import Actor
from tests.simulation.world import World

GAPS = (0, 0, 0, 0, 0.5, 60, 400, 1000)
"""Seconds between two turns."""
RESTS = (1000, 1000, 1000, 5 * 3600, 5 * 3600, 5 * 3600, 86_400, 86_400, 1)
"""Seconds between the last turns: requeueing takes 900, the longest deferral four hours, a day's quota a day."""


def run(world: World) -> None:
    """Let everybody act until nothing is left to do. Raises AssertionError where something does not hold."""
    chance = world.chance
    for number in range(chance.choice((2, 2, 3))):
        world.stage.enter(f"machine{number}", lambda actor: _machine(world, actor), chance.choice((0, 0, 0, 0.3)))
    if world.tells:
        world.stage.enter("consumer", lambda actor: _consumer(world, actor), chance.choice((5, 100)))
    world.stage.enter("people", lambda actor: _people(world, actor), 0.0)
    world.stage.run()
    world.stage.enter("end", lambda actor: _end(world, actor), world.stage.now)
    world.stage.run()
    world.checks.at_the_end()


def _new(world: World, actor: Actor, *, faults: bool = True) -> Process:
    process = Process(world, actor, f"p{len(world.processes)}", faults=faults)
    world.living.add(process.name)
    return process


def _machine(world: World, actor: Actor) -> None:
    """A process and, whenever it dies, the next one: ticks, sends, or both at each turn."""
    chance, process = world.chance, None
    for turn in range(chance.choice((2, 3, 4))):
        if turn:
            actor.sleep(chance.choice(GAPS))
        if process is None or process.dead:
            process = _new(world, actor)
        process.arm(chance.choice((1, 1, 2)), chance.choice((15, 40, 80)))
        _turn(process, chance.choice(("both", "both", "both", "tick", "send")))
        world.checks.after_a_turn()
    world.living.discard(process.name if process else "")


def _turn(process: Process, what: str) -> None:
    world, house = process.world, house_of(process)
    try:
        if world.begins in {"empty", "drafted"} and what != "send":
            house.compose()
            if process.wall() < world.start.timestamp() + 7200:
                process.actor.sleep(7200 - process.skew)
                house.compose()
        if what != "send":
            house.tick()
        if what != "tick":
            house.send()
        if what == "both":
            house.tick()
    except (Crash, StoreUnavailableError):
        return
    finally:
        world.acting = None


def _consumer(world: World, actor: Actor) -> None:
    """Records what the provider tells."""
    process = None
    for _ in range(2):
        if process is None or process.dead:
            process = _new(world, actor)
        process.arm(world.chance.choice((0, 0, 1)), 10)
        _listen(process)
        actor.sleep(world.chance.choice(GAPS))


def _listen(process: Process) -> None:
    try:
        house_of(process).hear()
    except (Crash, StoreUnavailableError):
        return
    finally:
        process.world.acting = None


def _people(world: World, actor: Actor) -> None:
    people = world.people = People(world, actor)
    if world.chance.random() < 0.4:
        people.take_snapshot()  # last night's
    for _ in range(world.chance.choice((1, 2, 3, 4))):
        actor.sleep(world.chance.choice((0, 0.3, 0.6, 1, 1.5, 2, 3, 60, 500)))
        if world.chance.random() < 0.35:
            people.take_snapshot()
        before, what = world.deeds["restore"], world.chance.choice(KINDS)
        if what == "restore":
            actor.sleep(world.chance.choice((0, 60, 400)))  # some of it has gone out by then
        people.act(what)
        if world.deeds["restore"] > before:  # whoever restores starts the program again
            world.stage.enter("restarted", lambda actor: _machine(world, actor), world.stage.now + 0.1)


def _end(world: World, actor: Actor) -> None:
    """No more faults: whatever is left is done, by one process."""
    world.calm()
    people = world.people
    assert people is not None
    people.process.actor = actor
    if world.checks.restored:
        people.reconcile()
    people.act("resume site")
    process = _new(world, actor, faults=False)
    house = house_of(process)
    for rest in RESTS:
        editions = list(world.editions.of("digest"))
        if not editions or any(edition.state is State.DRAFT for edition in editions):
            house.compose()
        if any(edition.state is State.HELD for edition in world.editions.of("digest")):
            people.decide("resume")
            people.decide("approve")
        house.tick()
        house.send()
        house.tick()
        house.hear()
        world.acting = None
        world.checks.after_a_turn()
        editions = list(world.editions.of("digest"))
        if (
            editions
            and all(edition.totals for edition in editions if edition.chunks)
            and all(edition.state in {State.SENT, State.CANCELLED} for edition in editions)
            and not world.provider.events
        ):
            return
        actor.sleep(rest)
