"""Warming up a new domain: how many mails a day, growing with each day in which mail was sent. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import log

from chalicelib.content.sending import WarmUp
from chalicelib.deliver.counts import MICRO

DAY_MICROS = 86_400 * MICRO
_EPOCH = date(1970, 1, 1)
OVER = 1_000_000_000
"""A cap beyond this is none."""


@dataclass(frozen=True, slots=True)
class Warmth:
    """How far a warm-up has come: the day it began (ISO), on how many days mail was sent, and the last of them.

    Days are of UTC, ``last`` counted from 1970.
    """

    start: str = ""
    days: int = 0
    last: int = 0


def day_of(moment: int) -> int:
    """The day of UTC of a moment in microseconds."""
    return moment // DAY_MICROS


def warmed(warmth: Warmth, warm_up: WarmUp | None, day: int) -> Warmth:
    """With mail sent on ``day``. Another start is another warm-up, and begins anew."""
    if warm_up is None or day < (warm_up.start - _EPOCH).days:
        return warmth
    start = warm_up.start.isoformat()
    if warmth.start != start:
        return Warmth(start, 1, day)
    if day > warmth.last:
        return Warmth(start, warmth.days + 1, day)
    far_ahead = warmth.last > day + 1  # a clock was: the growth is not to wait for that day
    return Warmth(start, warmth.days, day) if far_ahead else warmth


def warm_day(warmth: Warmth, warm_up: WarmUp, day: int) -> int:
    """The how-manieth day of mail ``day`` is or would be, from 1; 0 before the start."""
    if day < (warm_up.start - _EPOCH).days:
        return 0
    if warmth.start != warm_up.start.isoformat():
        return 1
    return warmth.days if day <= warmth.last else warmth.days + 1


def warm_cap(warmth: Warmth, warm_up: WarmUp | None, day: int) -> int | None:
    """The most mails of ``day``, or None where it is not capped (any more)."""
    number = warm_day(warmth, warm_up, day) if warm_up else 0
    if warm_up is None or number == 0:
        return None
    if (number - 1) * log(warm_up.grow) > log(OVER / warm_up.first):
        return None
    return int(warm_up.first * warm_up.grow ** (number - 1))


def warm_words(warmth: Warmth, warm_up: WarmUp | None, quota: int | None, moment: float) -> str:
    """Where the warm-up stands, for ``status``; '' where there is none, or it has reached the day's quota."""
    day = int(moment // 86_400)
    cap = warm_cap(warmth, warm_up, day)
    if warm_up is None:
        return ""
    if day < (warm_up.start - _EPOCH).days:
        return f"warm-up begins on {warm_up.start.isoformat()} with {warm_up.first:,} mails a day"
    if cap is None or (quota is not None and cap >= quota):
        return ""
    today = datetime.fromtimestamp(moment, UTC).date().isoformat()
    return f"warm-up, day {warm_day(warmth, warm_up, day)}: {cap:,} mails at most on {today}"
