"""The pace: how many mails may be handed over, when, and in words why not more. Pure; pacing.py stores it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any

from chalicelib.content.sending import Pace, WarmUp
from chalicelib.deliver.counts import DAY, MICRO, Counts, counted, free_at, taken_back, used
from chalicelib.deliver.grid import MOST_AHEAD, Grid, Lane, grid_of, next_place
from chalicelib.deliver.warming import DAY_MICROS, Warmth, day_of, warm_cap, warm_day, warmed
from chalicelib.transports.quota import Quota

RECHECK_SECONDS = 600
"""So long what a provider said of its quota counts as news."""


@dataclass(frozen=True, slots=True)
class Grant:
    """``count`` mails may be handed over at ``start`` (epoch seconds).

    Where ``count`` is 0, ``why`` says so in words, and ``until`` (epoch seconds) when to ask again.
    """

    count: int
    start: float
    why: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds now. None: no such limit."""

    rate: float | None = None
    """Mails a second."""
    per_day: int | None = None
    """In a day of UTC."""
    rolling: int | None = None
    """In any 24 hours, by this site."""
    shared: bool = False
    """Others send through the same account: what they leave may change at any time."""
    warm_up: WarmUp | None = None
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the provider said at ``at``; ``others`` is what it counted beyond our own mails. ``asked``: last tried."""

    quota: Quota
    others: int
    at: float
    asked: float


@dataclass(frozen=True, slots=True)
class PaceState:
    """What all workers share of one transport's pace."""

    lanes: tuple[Lane, ...] = ()
    hours: Counts = field(default_factory=dict)
    warmth: Warmth = field(default_factory=Warmth)
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class _Room:
    """How many mails a limit leaves, and when (microseconds) and why it leaves none."""

    left: int
    until: int = 0
    why: str = ""


def limits_of(pace: Pace, reading: Reading | None) -> Limits:
    """The tighter one of what the site sets and its share of what the provider allows.

    Of the day: our share of what others leave of it, so that what they send is not sent twice.
    """
    quota = reading.quota if reading else Quota()
    theirs = float(pace.share * Fraction(quota.per_second)) if quota.per_second is not None else None
    rates = [rate for rate in (pace.per_second, theirs) if rate is not None]
    others = reading.others if reading else 0
    rolling = None if quota.per_day is None else max(0, floor(pace.share * (quota.per_day - others)))
    return Limits(min(rates, default=None), pace.per_day, rolling, others > 0, pace.warm_up, quota.stopped)


def reserve(
    state: PaceState, limits: Limits, wanted: int, now: float, wave: int, patience: float = MOST_AHEAD / MICRO
) -> tuple[Grant, PaceState]:
    """Reserve the next mails; the state is the same one where none can be.

    A turn further away than ``patience`` seconds is left to others: whoever reserved it and went away would leave a
    gap, and where all do, nothing goes out at all.
    """
    moment = ceil(now * MICRO)
    if wanted < 1 or limits.stopped or limits.rate == 0:
        return _none_now(limits, wanted, now), state
    place = next_place(state.lanes, grid_of(limits.rate, wave), moment) if limits.rate else None
    start = place.start if place else moment
    ahead = min(MOST_AHEAD, int(patience * MICRO))
    if place and start > moment + ahead:
        why = f"the pace of {_rate_words(place.grid)} is taken for the next {ahead // MICRO} seconds"
        return Grant(0, now, why, (start - ahead) / MICRO), state
    room = _tightest(state, limits, start)
    if room.left < 1:
        return Grant(0, now, room.why, room.until / MICRO), state
    count = min(wanted, room.left, place.most if place else wanted)
    lanes = place.take(count) if place else state.lanes
    warmth = warmed(state.warmth, limits.warm_up, day_of(start))
    after = replace(state, lanes=lanes, hours=counted(state.hours, DAY, start, count), warmth=warmth)
    return Grant(count, max(now, start / MICRO)), after


def given_back(state: PaceState, count: int, now: float) -> PaceState:
    """With ``count`` mails fewer in the day's count; their moment on the grid is gone."""
    return replace(state, hours=taken_back(state.hours, DAY, ceil(now * MICRO), count))


def read(state: PaceState, quota: Quota, now: float) -> PaceState:
    """With what the provider says now. What it counted and we did not, others sent."""
    others = max(0, quota.sent - used(state.hours, DAY, ceil(now * MICRO)))
    return replace(state, reading=Reading(quota, others, now, now))


def sent_today(state: PaceState, now: float) -> int:
    """Mails reserved in the day of UTC that ``now`` lies in."""
    return _of_day(state.hours, ceil(now * MICRO))


def day_cap(state: PaceState, limits: Limits, now: float) -> int | None:
    """The most mails of the day of UTC, by the site's setting and its warm-up; None where neither holds."""
    warm = warm_cap(state.warmth, limits.warm_up, day_of(ceil(now * MICRO)))
    return min((cap for cap in (warm, limits.per_day) if cap is not None), default=None)


def _none_now(limits: Limits, wanted: int, now: float) -> Grant:
    if wanted < 1:
        return Grant(0, now, "", now)
    return Grant(0, now, limits.stopped or "the provider's rate is 0 mails a second", now + RECHECK_SECONDS)


def _tightest(state: PaceState, limits: Limits, start: int) -> _Room:
    """The limit that leaves least; of several that leave none, the one that lasts longest."""
    rooms = [*_days_rooms(state, limits, start), *_rolling_room(state, limits, start)]
    return min(rooms, key=lambda room: (max(room.left, 0), -room.until), default=_Room(1 << 60))


def _days_rooms(state: PaceState, limits: Limits, start: int) -> list[_Room]:
    day, sent = day_of(start), _of_day(state.hours, start)
    until, rooms = (day + 1) * DAY_MICROS, []
    if limits.per_day is not None:
        why = f"the day's quota of {limits.per_day:,} mails is used up: goes on at {_moment(until)}"
        rooms.append(_Room(limits.per_day - sent, until, why))
    cap = warm_cap(state.warmth, limits.warm_up, day)
    if limits.warm_up and cap is not None:
        number = warm_day(state.warmth, limits.warm_up, day)
        why = f"warm-up, day {number}: its {cap:,} mails are sent: goes on at {_moment(until)}"
        rooms.append(_Room(cap - sent, until, why))
    return rooms


def _rolling_room(state: PaceState, limits: Limits, start: int) -> list[_Room]:
    if limits.rolling is None:
        return []
    left = limits.rolling - used(state.hours, DAY, start)
    if left > 0:
        return [_Room(left)]
    until = start + RECHECK_SECONDS * MICRO
    if limits.rolling > 0 and not limits.shared:
        until = free_at(state.hours, DAY, start, limits.rolling)
    words = f"our share of the provider's quota, {limits.rolling:,} mails in 24 hours, is used up"
    return [_Room(left, until, f"{words}: goes on at {_moment(until)}")]


def _of_day(hours: Counts, moment: int) -> int:
    first = day_of(moment) * 24
    return sum(count for hour, count in hours.items() if first <= hour < first + 24)


def _rate_words(grid: Grid) -> str:
    seconds = grid.spacing / MICRO
    if seconds > 1:
        return f"one mail in {seconds:,.1f} seconds"
    return f"{grid.rate:,} mails a second" if grid.rate > 1 else "one mail a second"


def _moment(micros: int) -> str:
    return f"{datetime.fromtimestamp(micros // MICRO, UTC):%Y-%m-%dT%H:%MZ}"


def pace_to_data(state: PaceState) -> dict[str, Any]:
    """The item of a transport's pace."""
    return {
        "lanes": [[lane.burst, lane.left, lane.turn] for lane in state.lanes],
        "hours": {str(hour): count for hour, count in state.hours.items()},
        "warmth": [state.warmth.start, state.warmth.days, state.warmth.last],
        "reading": _reading_to_data(state.reading),
    }


def pace_from_data(data: Mapping[str, Any]) -> PaceState:
    """The state that ``pace_to_data`` wrote."""
    return PaceState(
        tuple(Lane(*values) for values in data["lanes"]),
        {int(hour): count for hour, count in data["hours"].items()},
        Warmth(*data["warmth"]),
        _reading_from_data(data["reading"]) if data["reading"] else None,
    )


def _reading_to_data(reading: Reading | None) -> dict[str, Any] | None:
    if reading is None:
        return None
    quota = reading.quota
    return {
        "quota": [quota.per_second, quota.per_day, quota.sent, quota.stopped, quota.warning],
        "others": reading.others,
        "at": reading.at,
        "asked": reading.asked,
    }


def _reading_from_data(data: Mapping[str, Any]) -> Reading:
    return Reading(Quota(*data["quota"]), data["others"], data["at"], data["asked"])
