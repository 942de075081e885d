"""Counts of mails by units of time, so that no span of time holds more than a limit. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

MICRO = 1_000_000
"""Microseconds in a second. Moments are whole microseconds since the epoch: sums of them are exact."""

Counts = Mapping[int, int]
"""Mails by the number of their unit since the epoch."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time as ``units`` units of ``unit`` microseconds.

    Any span of this length touches at most one unit more, so all within ``units`` of a moment's unit is counted:
    that is too many by one unit, never too few. What is counted later than that was written by a clock that is
    ahead, or is reserved (``ahead`` units), and holds up nobody.
    """

    unit: int
    units: int
    ahead: int


SECOND = Span(MICRO // 10, 10, 400)
HOUR = Span(60 * MICRO, 60, 60)
DAY = Span(3600 * MICRO, 24, 24)


def used(counts: Counts, span: Span, moment: int) -> int:
    """Mails that may lie within one span with ``moment``."""
    number = moment // span.unit
    return sum(count for unit, count in counts.items() if abs(unit - number) <= span.units)


def free_at(counts: Counts, span: Span, moment: int, limit: int) -> int:
    """The first moment, from ``moment`` on, at which fewer than ``limit`` (at least 1) are used."""
    while used(counts, span, moment) >= limit:
        moment = (moment // span.unit + 1) * span.unit
    return moment


def counted(counts: Counts, span: Span, moment: int, mails: int) -> dict[int, int]:
    """With ``mails`` more (or fewer, never below none) at ``moment``; what counts no longer is left out."""
    number = moment // span.unit
    kept = {u: n for u, n in counts.items() if number - span.units <= u <= number + span.ahead}
    kept[number] = max(0, kept.get(number, 0) + mails)
    return {unit: count for unit, count in kept.items() if count}


def taken_back(counts: Counts, span: Span, moment: int, mails: int) -> dict[int, int]:
    """With ``mails`` fewer, the latest first: they were counted at ``moment`` or somewhat before."""
    left, number = dict(counts), moment // span.unit
    for unit in sorted((u for u in counts if abs(u - number) <= span.units), reverse=True):
        part = min(mails, left[unit])
        left[unit], mails = left[unit] - part, mails - part
    return {unit: count for unit, count in left.items() if count}
