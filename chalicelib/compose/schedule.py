"""When a newsletter is due: slots from an RFC 5545 rule, in the site's own zone.

The rule gives local dates, ``at`` a local time. A time that daylight saving skips moves on by the gap, one
that it repeats counts once, the first time: every date of the rule has exactly one slot. Where ``at`` is each reader's
own time, the slot comes when the earliest zone of the earth reaches it (see reader_time.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rruleset, rrulestr

from chalicelib.compose.reader_time import first_due_in
from chalicelib.content.values import Newsletter, Schedule

_UNTIL = re.compile(r"UNTIL=(\d{8})(T\d{6}Z?)?", re.IGNORECASE)
TRIGGER_REACH = timedelta(hours=24)
"""How old a piece of news may be, when a triggered newsletter first sees it, to go out still."""


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """When an edition goes out: ``at`` aware, UTC; ``name`` the local date, which names the edition.

    ``read`` is when the site's own zone reads it, where that is another moment: at each reader's own time.
    """

    at: datetime
    name: str
    read: datetime | None = None

    @property
    def dated(self) -> datetime:
        """The moment that an edition says of itself: its date, and what it counts days from."""
        return self.read or self.at


def slots_from(schedule: Schedule, zone: ZoneInfo, start: datetime) -> Iterator[Slot]:
    """All slots at or after ``start`` (aware), in order."""
    local = start.astimezone(zone).replace(tzinfo=None)
    for date in _rule(schedule).xafter(local - timedelta(days=2), inc=True):
        slot = _slot(date, schedule, zone)
        if slot.at >= start:
            yield slot


def latest_slot(schedule: Schedule, zone: ZoneInfo, now: datetime) -> Slot | None:
    """The last slot at or before ``now``, or None before the first."""
    local = now.astimezone(zone).replace(tzinfo=None)
    rule, date = _rule(schedule), local + timedelta(days=3 if schedule.reader else 1)
    while (before := rule.before(date, inc=False)) is not None:
        slot = _slot(before, schedule, zone)
        if slot.at <= now:
            return slot
        date = before
    return None


def next_slot(schedule: Schedule, zone: ZoneInfo, now: datetime) -> Slot | None:
    """The first slot after ``now``, or None after the last."""
    return next((slot for slot in slots_from(schedule, zone, now) if slot.at > now), None)


def reach(newsletter: Newsletter, zone: ZoneInfo, start: datetime) -> timedelta:
    """How far before ``start`` the first edition reaches back: one interval of the schedule, 31 days at most."""
    return TRIGGER_REACH if newsletter.schedule is None else _interval(newsletter.schedule, zone, start)


@lru_cache(maxsize=256)  # asked for each entry of a backlog
def _interval(schedule: Schedule, zone: ZoneInfo, start: datetime) -> timedelta:
    two = list(islice(slots_from(schedule, zone, start), 2))
    return min(two[1].at - two[0].at, timedelta(days=31)) if len(two) == 2 else timedelta(days=31)


def is_slot(schedule: Schedule, zone: ZoneInfo, name: str) -> bool:
    """Whether a local date like ``2026-11-26`` is one of the schedule."""
    day = datetime.strptime(name, "%Y-%m-%d")  # noqa: DTZ007 (a local date)
    return any(date.date() == day.date() for date in _rule(schedule).between(day, day + timedelta(days=1), inc=True))


def _rule(schedule: Schedule) -> rruleset:
    """The rule on midnights; UNTIL counts to the end of its day, whatever time it carries."""
    rule = _UNTIL.sub(lambda match: f"UNTIL={match[1]}T235959", schedule.rule)
    rules = rruleset(cache=False)
    rules.rrule(rrulestr(rule, dtstart=datetime.combine(schedule.starts.date(), time())))  # type: ignore[arg-type]
    return rules


def _slot(date: datetime, schedule: Schedule, zone: ZoneInfo) -> Slot:
    moment = datetime.combine(date.date(), schedule.at, tzinfo=zone).astimezone(UTC)
    if schedule.reader:
        return Slot(first_due_in(moment, zone).astimezone(UTC), f"{date:%Y-%m-%d}", moment)
    return Slot(moment, f"{date:%Y-%m-%d}")
