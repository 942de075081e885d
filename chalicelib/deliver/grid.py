"""The grid of bursts: when the next mails may be handed over, so that no second holds more than the rate. Pure.

A rate of R a second is k bursts of R/k mails, each 1/k s after the one before: any half-open second holds k
bursts at most, and any k bursts in a row hold R mails. What is left of a burst that was is lost.
"""

from dataclasses import dataclass
from math import ceil, floor

from chalicelib.deliver.counts import MICRO

MOST_AHEAD = 30 * MICRO
"""Nothing is reserved for later than this: who would wait for longer is to come back."""
SLACK = MICRO
"""By so much clocks that are right may differ."""
MOST_LANES = 3


@dataclass(frozen=True, slots=True)
class Grid:
    """``rate`` mails in ``bursts`` bursts a second, ``spacing`` microseconds apart."""

    rate: int
    bursts: int
    spacing: int

    def size(self, turn: int) -> int:
        """Mails of a burst: those of any ``bursts`` turns in a row are ``rate`` together."""
        return (turn + 1) * self.rate // self.bursts - turn * self.rate // self.bursts


@dataclass(frozen=True, slots=True)
class Lane:
    """The last burst that was begun: when, how many mails of it nobody has taken yet, and its turn."""

    burst: int
    left: int
    turn: int


@dataclass(frozen=True, slots=True)
class Place:
    """``most`` mails may go out at ``start`` (microseconds); ``lanes`` is what to keep if ``count`` of them do."""

    start: int
    most: int
    turn: int
    grid: Grid
    lanes: tuple[Lane, ...]

    def take(self, count: int) -> tuple[Lane, ...]:
        """The lanes with ``count`` of the place taken."""
        others = sorted(self.lanes, key=_burst)[1 - MOST_LANES :]
        return (*others, Lane(self.start, self.most - count, self.turn))


def grid_of(rate: float, wave: int) -> Grid:
    """The grid for ``rate`` mails a second (above 0) in bursts of at most ``wave``."""
    if rate < 1:
        return Grid(1, 1, ceil(MICRO / rate))
    bursts = ceil(floor(rate) / wave)
    return Grid(floor(rate), bursts, ceil(MICRO / bursts))


def next_place(lanes: tuple[Lane, ...], grid: Grid, now: int) -> Place:
    """Where the next mails may go out, ``now`` or later; it may be more than ``MOST_AHEAD`` later.

    A burst further ahead than anybody reserves was written under a clock that is ahead. It is left to that clock,
    as a lane of its own: both of them keep to the rate, and neither waits for the other.
    """
    mine = max((lane for lane in lanes if lane.burst <= now + MOST_AHEAD + SLACK), key=_burst, default=None)
    if mine is None:
        return Place(now, grid.size(0), 0, grid, lanes)
    others = tuple(lane for lane in lanes if lane is not mine)
    if mine.left and now <= mine.burst:
        return Place(mine.burst, min(mine.left, grid.size(mine.turn)), mine.turn, grid, others)
    start, turn = max(mine.burst + grid.spacing, now), (mine.turn + 1) % grid.bursts
    kept = (*others, mine) if now - mine.burst > MOST_AHEAD + SLACK else others
    return Place(start, grid.size(turn), turn, grid, kept)


def _burst(lane: Lane) -> int:
    return lane.burst
