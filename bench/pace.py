"""How much of an allowed rate is used, and whether it is ever exceeded: workers on a clock that only we move."""

import heapq
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table as Shown

from chalicelib.content.sending import Pace
from chalicelib.deliver.pacing import Pacing
from chalicelib.store import Table
from tests.simulation.memory import MemoryTable

WORKERS = (1, 2, 8)
RATES = (11.2, 14.0, 100.0, 500.0, 1000.0)
WAVE = 50
BEGIN = 1_795_000_000.37


@dataclass(frozen=True)
class Paced:
    """What came of it: mails by the moment (microseconds) at which they were handed over."""

    rate: float
    handed_over: tuple[tuple[int, int], ...]

    def share(self, seconds: float) -> float:
        """Of the allowed rate: whole mails a second."""
        return sum(count for _, count in self.handed_over) / (int(self.rate) * seconds)

    @property
    def most(self) -> int:
        """The most mails in any half-open second."""
        return most_in(self.handed_over, 1_000_000)


def most_in(mails: Sequence[tuple[int, int]], span: int) -> int:
    """The most mails in any half-open span: it is enough to look at those that begin with one."""
    ordered = sorted(mails)
    moments, sums = [moment for moment, _ in ordered], [0]
    for _, count in ordered:
        sums.append(sums[-1] + count)
    return max((sums[bisect_left(moments, moment + span)] - sums[i] for i, moment in enumerate(moments)), default=0)


def simulate(workers: int, rate: float, seconds: float, *, wave: int = WAVE, takes: float = 0.004) -> Paced:
    """``workers`` that reserve a wave, wait for its moment, hand it over (which ``takes`` seconds), and so on."""
    table: Table = MemoryTable()
    crews = [Pacing(table, "smtp", Pace(per_second=rate), wave=wave) for _ in range(workers)]
    free = [(BEGIN + number * 0.0007, number) for number in range(workers)]
    handed_over: list[tuple[int, int]] = []
    while free[0][0] < BEGIN + seconds:
        now, number = heapq.heappop(free)
        grant = crews[number].reserve(wave, now)
        if grant.count and grant.start < BEGIN + seconds:
            handed_over.append((round(grant.start * 1_000_000), grant.count))
        heapq.heappush(free, (grant.start + takes if grant.count else grant.until, number))
    return Paced(rate, tuple(handed_over))


def table(seconds: float = 60) -> Shown:
    """Share and highest second for each number of workers and each rate."""
    shown = Shown("rate", "workers", "share of the allowed", "most in a second", box=None)
    for rate in RATES:
        for workers in WORKERS:
            paced = simulate(workers, rate, seconds)
            shown.add_row(f"{rate:g}", str(workers), f"{paced.share(seconds):.2%}", f"{paced.most:,}")
    return shown


if __name__ == "__main__":
    from rich.console import Console

    Console(width=100).print(table())
