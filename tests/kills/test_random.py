"""Processes killed from outside at random moments, while people leave and mails come back."""

import random
import re
import time
from collections import Counter

import pytest

from tests.kills.checker import check
from tests.kills.ground import Ground, World, a_ground
from tests.kills.victim import LIES, RESENDS

KILLS, SEEDS = 500, 10


def meanwhile(world: World, chance: random.Random, moment: int, delay: float) -> None:
    """While a victim is at work, some leave, and a mail comes back."""
    time.sleep(chance.uniform(0, delay))
    world.leave(chance.sample(world.ground.addresses, 6), moment)
    world.bounce(chance)


def several(world: World, chance: random.Random, most: int) -> int:
    """Victims one after another, each killed if it lives long enough: at any moment, or in mid-send; how many were."""
    kills = 0
    while kills < most:
        early = chance.random() < 0.5
        delay = chance.uniform(0, 0.4)
        pid = world.start(delay=delay if early else None)
        if not early:
            step = len(world.server.steps) + chance.randint(1, 150)
            world.server.aim(pid, step, pause=chance.uniform(0.0001, 0.02))
        if chance.random() < 0.5:
            meanwhile(world, chance, kills, delay)
        if not world.wait():
            break
        kills += 1
        if chance.random() < 0.3:
            world.server.quiet()
            world.leave(chance.sample(world.ground.addresses, 3))
    return kills


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_five_hundred_kills(large: Ground, seed: int) -> None:
    chance, kills, marks = random.Random(seed), 0, Counter[str]()
    while kills < KILLS // SEEDS:
        with large.world() as world:
            kills += several(world, chance, 25)
            world.clear_up()
            assert world.told["pending"][0] == 0, "a dead process is noticed at once on one machine"
            marks += check(world)
    print(f"{kills} kills: {dict(marks)}")


def test_a_handful_of_kills_and_the_fault_they_would_find() -> None:
    """One process after another dies at its next hand-over, before or after it, and nobody gets a mail twice."""
    with a_ground(24) as ground:
        with ground.world() as world:
            for when in ("before", "after", "after"):
                assert world.live(at=2, when=when, name="transport.send_wave")
            world.leave(world.ground.addresses[::4])
            world.clear_up()
            assert check(world)["?"] >= 6
        found = (what_fails(ground, RESENDS, at) for at in range(1, 7))
        assert any("2 times" in words for words in found), "one wave may hold only those whom nobody takes, not six"


def what_fails(ground: Ground, mutant: str, at: int, when: str = "after") -> str:
    """What is found out of a fault whose process dies at that hand-over; '' for nothing."""
    with ground.world(mutant) as world:
        assert world.live(at=at, when=when, name="transport.send_wave")
        world.clear_up()
        try:
            check(world)
        except AssertionError as error:
            return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("mutant", LIES)
def test_a_faulty_process_is_found_out(small: Ground, mutant: str) -> None:
    """One whose intents are not on record sends twice, one whose outcomes are there too early loses mails."""
    words = {"intent afterwards": "after: .* 2 times", "outcome beforehand": "before: .* s, accepted 0 times"}
    found = [f"{when}: {what_fails(small, mutant, at, when)}" for when in ("before", "after") for at in range(3, 7)]
    assert re.search(words[mutant], "\n".join(found)), found
