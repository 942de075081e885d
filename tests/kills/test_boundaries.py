"""A process killed before and after each call it makes, and at each step of SMTP; a fresh one clears up."""

import random
from collections import Counter

import pytest

from tests.kills.checker import check
from tests.kills.ground import Ground, World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PARTS = 4
"""Each tries every fourth call."""


@pytest.fixture(scope="session")
def calls(small: Ground) -> list[str]:
    """The calls of a process that nobody kills."""
    with small.world() as world:
        assert not world.live()
        names: list[str] = world.told["calls"]
    return names


@pytest.fixture(scope="session")
def steps(small: Ground) -> list[str]:
    """What the server hears of a process that nobody kills."""
    with small.world() as world:
        assert not world.live()
        return list(small.server.steps)


def afterwards(world: World, chance: random.Random) -> Counter[str]:
    """With nobody at work some leave and a mail comes back; then a fresh process does the rest, at once."""
    world.server.quiet()
    world.leave(chance.sample(world.ground.addresses, 2))
    world.bounce(chance)
    world.clear_up()
    assert world.told["pending"][0] == 0, "a dead process is noticed at once on one machine"
    return check(world)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("when", ["before", "after"])
def test_every_call(small: Ground, calls: list[str], when: str, part: int) -> None:
    kills, doubt = 0, 0
    for at in range(1 + part, len(calls) + 1, PARTS):
        with small.world() as world:
            killed = world.live(at=at, when=when)
            assert killed or len(world.told["calls"]) < at, "a call that was made has killed nobody"
            kills += killed
            doubt += afterwards(world, random.Random(at))["?"]
    print(f"{kills} kills {when} calls, {doubt} in doubt")
    assert kills > len(calls) / PARTS / 2, "how often an empty queue is asked differs with the machine, not the rest"


@pytest.mark.parametrize("when", ["before", "after"])
def test_every_step_of_smtp(small: Ground, steps: list[str], when: str) -> None:
    """Before and after the server has taken a mail in; other steps leave nothing behind, so that once is enough."""
    kills, missed, doubt = 0, 0, 0
    wanted = [at for at, verb in enumerate(steps, 1) if when == "after" or verb in {"BODY", "."}]
    for at in wanted:
        with small.world() as world:
            world.server.aim(world.start(), at, when)
            killed = world.wait()
            kills += killed
            missed += not killed and len(world.server.steps) >= at
            doubt += afterwards(world, random.Random(at))["?"]
    print(f"{kills} kills {when} steps, {doubt} in doubt")
    assert missed < 5, "at its last words a victim may be gone before it is killed"
    assert kills > len(wanted) / 2


def test_the_calls_are_those_of_a_whole_send(calls: list[str], steps: list[str]) -> None:
    """What is killed is what there is: each port, and each kind of write."""
    assert {
        "table.insert", "table.replace", "table.transact", "table.put_many", "table.query", "table.get_many",
        "blobs.put", "blobs.get", "queue.send", "queue.receive", "queue.delete", "transport.send_wave",
    } <= set(calls)  # fmt: skip
    assert {"CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "."} <= set(steps)
    assert calls.count("transport.send_wave") > 12, "several chunks, and several waves of each"
