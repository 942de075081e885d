"""The same kills with the state in DynamoDB, S3 and SQS of a local AWS, where only a lease tells that one is gone."""

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.contract.store.homes import shared_clients
from tests.kills.checker import check
from tests.kills.clouds import LATER, Cloud
from tests.kills.ground import Ground, World, a_ground
from tests.kills.victim import RESENDS
from tests.local_aws import LocalAws, local_aws

__all__ = ["local_aws"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KILLS = 20


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """18 readers in two chunks."""
    with a_ground(18) as ground:
        yield ground


@pytest.fixture(scope="module")
def cloud(local_aws: LocalAws, ground: Ground) -> Iterator[Cloud]:
    with shared_clients(local_aws.client) as clients:
        cloud = Cloud(local_aws.endpoint, clients)
        with cloud.world(ground) as world:
            world.live(rehearsal=True)
        yield cloud


@pytest.fixture(scope="module")
def calls(cloud: Cloud, ground: Ground) -> Counter[str]:
    """The calls of a process that nobody kills, by kind."""
    with cloud.world(ground) as world:
        assert not world.live()
        return Counter(world.told["calls"])


def afterwards(world: World, chance: random.Random) -> Counter[str]:
    """With nobody at work some leave and a mail comes back; then, later, a fresh process does the rest."""
    world.server.quiet()
    world.leave(chance.sample(world.ground.addresses, 2))
    world.bounce(chance)
    world.clear_up(LATER)
    return check(world)


@pytest.mark.parametrize("when", ["before", "after"])
def test_every_kind_of_call(cloud: Cloud, ground: Ground, calls: Counter[str], when: str) -> None:
    chance, kills, doubt = random.Random(when), 0, 0
    wanted = [(name, at) for name, count in calls.items() for at in sorted({1, (count + 1) // 2})]
    for name, at in wanted:
        with cloud.world(ground) as world:
            kills += world.live(at=at, when=when, name=name)
            doubt += afterwards(world, chance)["?"]
    print(f"{kills} kills {when} calls of {len(calls)} kinds, {doubt} in doubt")
    assert kills == len(wanted)


def test_kills_at_random_moments(cloud: Cloud, ground: Ground) -> None:
    """One after another, by the clock or when the server hears some step; each begins when the last lease is over."""
    chance, kills, marks = random.Random(1), 0, Counter[str]()
    while kills < KILLS:
        with cloud.world(ground) as world:
            for turn in range(4):
                delay = chance.choice([None, None, chance.uniform(0.1, 2.0)])
                step = len(world.server.steps) + chance.randint(1, 40)
                world.server.aim(world.start(delay=delay, ticks=[(turn * 1000, turn * 1000)]), step, "after")
                if not world.wait():
                    break
                kills += 1
                world.server.quiet()
                world.leave(chance.sample(ground.addresses, 1))
            world.clear_up([(clock + 6000, wall + 6000) for clock, wall in LATER])
            marks += check(world)
    print(f"{kills} kills: {dict(marks)}")


def test_whoever_sends_again_what_a_dead_process_had_in_flight_is_found_out(cloud: Cloud, ground: Ground) -> None:
    with cloud.world(ground, RESENDS) as world:
        assert world.live(at=2, when="after", name="transport.send_wave")
        world.clear_up(LATER)
        with pytest.raises(AssertionError, match="2 times"):
            check(world)
