"""Slots in every zone of the tz database, over ten years of changes of its clocks: none is lost, none comes twice."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.compose.schedule import is_slot, latest_slot, next_slot, slots_from
from chalicelib.content.values import Schedule

ZONES = sorted(available_timezones())
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULES = (
    "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TH", "FREQ=MONTHLY;BYDAY=-1SU",
    "FREQ=MONTHLY;BYDAY=1TU",
    "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=WEEKLY;BYDAY=MO,SU", "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU",
)  # fmt: skip


@cache
def transitions(zone: ZoneInfo) -> tuple[datetime, ...]:
    """The first moments after each change of the clocks, to the minute."""
    found = []
    for number in range((LAST - FIRST).days):
        low, high = FIRST + number * DAY, FIRST + (number + 1) * DAY
        before = low.astimezone(zone).utcoffset()
        if before == high.astimezone(zone).utcoffset():
            continue
        while high - low > MINUTE:
            middle = low + timedelta(minutes=(high - low) // MINUTE // 2)
            low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
        found.append(high)
    return tuple(found)


def kinds() -> dict[tuple[object, ...], ZoneInfo]:
    """One zone of each kind: many names stand for the same ten years."""
    found: dict[tuple[object, ...], ZoneInfo] = {}
    for name in ZONES:
        zone = ZoneInfo(name)
        at = (FIRST, *transitions(zone))
        found.setdefault((at, *(moment.astimezone(zone).utcoffset() for moment in at)), zone)
    return found


def times(zone: ZoneInfo, change: datetime) -> Iterator[time]:
    """Local times at the edges and in the middle of what a change skips or repeats."""
    old, new = ((change + n * MINUTE).astimezone(zone) for n in (-1, 0))
    one, other = sorted((old.replace(tzinfo=None) + MINUTE, new.replace(tzinfo=None)))
    for moment in (one - MINUTE, one, one + (other - one) / 2, other - MINUTE, other):
        yield moment.time().replace(second=0, microsecond=0)


def check(zone: ZoneInfo, schedule: Schedule, change: datetime) -> None:
    """Ticks about a change see each date of a daily schedule once, in order, at its time or the gap later."""
    slots = list(islice(slots_from(schedule, zone, change - 2 * DAY), 5))
    dates = [date.fromisoformat(slot.name) for slot in slots]
    assert all(later - earlier == DAY for earlier, later in pairwise(dates)), (zone, schedule.at, change)
    for slot, day in zip(slots, dates, strict=True):
        local = slot.at.astimezone(zone).replace(tzinfo=None)
        late = local - datetime.combine(day, schedule.at)
        assert timedelta(0) <= late < 3 * HOUR, (zone, schedule.at, slot)
        assert late == timedelta(0) or abs(slot.at - change) < 3 * HOUR
    for slot, following in pairwise(slots):
        assert 20 * HOUR < following.at - slot.at < 28 * HOUR, (zone, schedule.at, slot)
        for now in (slot.at, slot.at + MINUTE, following.at - MINUTE):
            assert latest_slot(schedule, zone, now) == slot
            assert next_slot(schedule, zone, now) == following
    assert all(is_slot(schedule, zone, slot.name) for slot in slots)


def check_all(zone: ZoneInfo, changes: tuple[datetime, ...]) -> int:
    checked = 0
    for change in changes:
        starts = datetime.combine((change - 5 * DAY).date(), time())
        for at in sorted(set(times(zone, change))):
            check(zone, Schedule("FREQ=DAILY", at, starts), change)
            checked += 1
    return checked


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago"]
)
def test_changes_of_some_zones(name: str) -> None:
    zone = ZoneInfo(name)
    assert check_all(zone, transitions(zone)[:4]) >= 12


@pytest.mark.slow
def test_every_change_of_every_zone_for_ten_years() -> None:
    zones = kinds().values()
    assert len(zones) > 50
    assert sum(check_all(zone, transitions(zone)) for zone in zones) > 1000


@settings(deadline=None)
@given(
    st.sampled_from(ZONES),
    st.sampled_from(RULES),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)).map(lambda moment: moment.replace(tzinfo=UTC)),
)
def test_each_date_of_a_rule_has_one_slot_in_any_zone(name: str, rule: str, at: time, start: datetime) -> None:
    zone, begin = ZoneInfo(name), datetime.combine(start.date(), time()) - 400 * DAY
    schedule = Schedule(rule, at, begin)
    slots = list(islice(slots_from(schedule, zone, start), 6))
    first = date.fromisoformat(slots[0].name)
    named = rrulestr(rule, dtstart=begin).between(
        datetime.combine(first, time()), datetime.combine(date.fromisoformat(slots[-1].name), time()), inc=True
    )
    assert [slot.name for slot in slots] == [f"{day:%Y-%m-%d}" for day in named]
    assert all(earlier.at < later.at for earlier, later in pairwise(slots))
    now = start
    for slot in slots[1:] if slots[0].at == start else slots:  # from slot to slot, as the ticks go
        following = next_slot(schedule, zone, now)
        assert following == slot
        assert latest_slot(schedule, zone, slot.at) == slot
        assert latest_slot(schedule, zone, slot.at - MINUTE) != slot
        now = slot.at
