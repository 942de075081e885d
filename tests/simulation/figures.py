"""Figures of many worlds, block by block, so that several processes can play them."""

import time
from collections import Counter
from typing import Any

from tests.simulation.schedule import run
from tests.simulation.stage import in_turn
from tests.simulation.world import World

BLOCK = 500
"""Worlds that one process plays before it reports."""


def block(first: int, count: int) -> dict[str, Any]:
    """Play some worlds: figures, and the seeds that failed with why."""
    figures: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    deeds: Counter[str] = Counter()
    failed: dict[str, str] = {}
    began = time.monotonic()
    for seed in in_turn(range(first, first + count)):
        world = World(seed)
        try:
            run(world)
        except Exception as error:  # noqa: BLE001
            failed[str(seed)] = f"{type(error).__name__}: {error}"
        figures.update(figures_of(world))
        faults.update(world.faults)
        deeds.update(world.deeds)
    figures["seconds"] = round(time.monotonic() - began)
    return {"figures": dict(figures), "faults": dict(faults), "deeds": dict(deeds), "failed": failed}


def figures_of(world: World) -> dict[str, int]:
    """What one world counts for."""
    return {
        "schedules": 1,
        "mails": world.mails,
        "calls": world.steps,
        "switches": world.stage.switches,
        "at least three faults": int(sum(world.faults.values()) >= 3),
        "in doubt": world.checks.doubts,
        "settled by events": world.provider.settled,
    }
