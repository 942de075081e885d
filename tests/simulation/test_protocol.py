"""A thousand seeded worlds, ten thousand in the long suite: nobody twice, nobody lost, the books always balanced."""

from collections import Counter

import pytest

from tests.simulation.schedule import run
from tests.simulation.stage import in_turn
from tests.simulation.world import World

BATCH = 125
MANY = 1125


@pytest.mark.parametrize(
    ("first", "count"),
    [
        *((start, BATCH) for start in range(0, 1000, BATCH)),
        *(pytest.param(start, MANY, marks=pytest.mark.slow) for start in range(1000, 10_000, MANY)),
    ],
)
def test_whatever_happens_nobody_gets_an_edition_twice_and_nobody_is_lost(first: int, count: int) -> None:
    seen: Counter[str] = Counter()
    for seed in in_turn(range(first, first + count)):
        world = World(seed)
        try:
            run(world)
        except Exception as error:
            raise AssertionError(f"{error}; follow it by: python -m tests.simulation --seed {seed} --trace") from error
        seen["cruel"] += sum(world.faults.values()) >= 3
        seen["mailed"] += world.mails > 0
    assert seen["cruel"] > count / 2, "the worlds must be cruel enough to prove something"
    assert seen["mailed"] > count / 2
