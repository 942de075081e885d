"""Measuring: the median of several runs, contenders taking turns, so that a drifting machine is fair to all."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

RUNS = 5


@dataclass(frozen=True)
class Row:
    """One line: what was measured, who, how many a second, and the ratio to the last contender."""

    what: str
    who: str
    rate: float
    ratio: float


def timings(
    contenders: Mapping[str, tuple[Callable[[int], object], int]], clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Calls a second, run by run; each contender maps to what it does for one number, and how often in a run."""
    runs: dict[str, list[float]] = {who: [] for who in contenders}
    for _ in range(RUNS):
        for who, (work, count) in contenders.items():
            begun = clock()
            for n in range(count):
                work(n)
            runs[who].append(count / (clock() - begun))
    return runs


def rows(what: str, runs: Mapping[str, list[float]]) -> list[Row]:
    """Medians, and ratios to the last contender."""
    medians = {who: median(values) for who, values in runs.items()}
    base = medians[list(medians)[-1]]
    return [Row(what, who, rate, rate / base) for who, rate in medians.items()]
