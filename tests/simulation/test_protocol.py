"""Hundreds of seeded worlds: nobody twice, nobody lost, the books always balanced."""

from collections import Counter

import pytest

from tests.simulation.world import World, check_end, play

BATCH = 50


@pytest.mark.parametrize("batch", [0, 1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 4, 5))])
def test_whatever_happens_nobody_gets_an_edition_twice_and_nobody_is_lost(batch: int) -> None:
    ends: Counter[str] = Counter()
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        try:
            world = play(seed)
            check_end(world)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        ends.update(_what_it_saw(world))
    assert ends["crashed"] > BATCH / 4, "the worlds must be cruel enough to prove something"
    assert ends["mailed"] > BATCH / 2


def _what_it_saw(world: World) -> list[str]:
    seen = ["crashed"] if world.crashes else []
    return [*seen, "mailed"] if world.accepted else seen
