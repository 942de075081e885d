"""Slots: each date of a rule has exactly one, in every zone, over every change of its clocks."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.compose.schedule import TRIGGER_REACH, is_slot, latest_slot, next_slot, reach, slots_from
from chalicelib.content.values import Newsletter, Schedule

ZONES = sorted(
    zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "right/", "posix/"))
)
BERLIN = ZoneInfo("Europe/Berlin")


def daily(starts: date, at: time) -> Schedule:
    return Schedule("FREQ=DAILY", at, datetime.combine(starts, time()))


def weekly(rule: str = "FREQ=WEEKLY;BYDAY=TH", at: str = "10:00") -> Schedule:
    return Schedule(rule, time.fromisoformat(at), datetime(2026, 1, 8))  # noqa: DTZ001


@given(
    st.sampled_from(ZONES),
    st.dates(date(1975, 1, 1), date(2036, 12, 1)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
)
@example("Europe/Berlin", date(2026, 3, 24), time(2, 30))
@example("Europe/Berlin", date(2026, 10, 20), time(2, 30))
@example("Australia/Lord_Howe", date(2026, 10, 1), time(2, 15))
@example("America/Santiago", date(2026, 9, 4), time(0, 0))
@example("Africa/Casablanca", date(2026, 2, 13), time(2, 30))
def test_each_date_has_one_slot_and_latest_and_next_agree(zone: str, starts: date, at: time) -> None:
    place, schedule = ZoneInfo(zone), daily(starts, at)
    begin = datetime.combine(starts, time(), UTC) - timedelta(days=2)
    slots = [slot for slot, _ in zip(slots_from(schedule, place, begin), range(10), strict=False)]
    assert [slot.name for slot in slots] == [f"{starts + timedelta(days=n)}" for n in range(10)]
    assert slots == sorted(slots)
    for before, slot in zip([None, *slots], slots, strict=False):
        skipped_day = before is not None and before.at == slot.at  # a zone that left out a whole date
        just_before = slot.at - timedelta(seconds=1)
        assert latest_slot(schedule, place, just_before) in {before, *slots[:1]} or skipped_day
        following = next_slot(schedule, place, just_before)
        assert following is not None
        assert following.at == slot.at
        latest = latest_slot(schedule, place, slot.at)
        assert latest is not None
        assert latest.at == slot.at
        assert is_slot(schedule, place, slot.name)


@pytest.mark.parametrize(
    ("name", "at", "utc"),
    [
        ("2026-03-28", "02:30", "2026-03-28T01:30"),
        ("2026-03-29", "02:30", "2026-03-29T01:30"),  # 02:30 is skipped: 03:30 summer time
        ("2026-10-25", "02:30", "2026-10-25T00:30"),  # 02:30 comes twice: the first
        ("2026-10-26", "02:30", "2026-10-26T01:30"),
    ],
)
def test_a_skipped_time_moves_on_and_a_repeated_one_counts_the_first_time(name: str, at: str, utc: str) -> None:
    slot = next_slot(
        daily(date(2026, 1, 1), time.fromisoformat(at)),
        BERLIN,
        datetime.fromisoformat(f"{name}T00:00+00:00") - timedelta(hours=6),
    )
    assert slot is not None
    assert (slot.name, slot.at) == (name, datetime.fromisoformat(f"{utc}+00:00"))


def names(schedule: Schedule, count: int, start: str = "2026-01-01T00:00+00:00") -> list[str]:
    found = slots_from(schedule, BERLIN, datetime.fromisoformat(start))
    return [slot.name for slot, _ in zip(found, range(count), strict=False)]


def test_every_second_week_counts_from_where_it_starts() -> None:
    schedule = weekly("FREQ=WEEKLY;INTERVAL=2;BYDAY=TH")
    assert names(schedule, 3) == ["2026-01-08", "2026-01-22", "2026-02-05"]
    assert names(schedule, 1, "2026-11-20T00:00+00:00") == ["2026-11-26"]
    assert not is_slot(schedule, BERLIN, "2026-11-19")


def test_monthly_rules_and_counts() -> None:
    assert names(weekly("FREQ=MONTHLY;BYDAY=-1FR"), 2) == ["2026-01-30", "2026-02-27"]
    assert names(weekly("FREQ=MONTHLY;BYMONTHDAY=31"), 2) == ["2026-01-31", "2026-03-31"]
    assert names(weekly("FREQ=WEEKLY;BYDAY=TH;COUNT=2"), 9) == ["2026-01-08", "2026-01-15"]


@pytest.mark.parametrize("until", ["20260122", "20260122T000000", "20260122T000000Z", "20260122T235959Z"])
@pytest.mark.parametrize("lower", [False, True])
def test_a_rule_that_has_ended_keeps_its_last_slot_and_has_no_next(until: str, lower: bool) -> None:
    rule = f"FREQ=WEEKLY;BYDAY=TH;UNTIL={until}"
    schedule = weekly(rule.lower() if lower else rule, "23:30")
    assert names(schedule, 9) == ["2026-01-08", "2026-01-15", "2026-01-22"]
    much_later = datetime(2026, 11, 1, tzinfo=UTC)
    assert next_slot(schedule, BERLIN, much_later) is None
    latest = latest_slot(schedule, BERLIN, much_later)
    assert latest is not None
    assert latest.name == "2026-01-22"
    assert reach(Newsletter("n", {}, schedule=schedule), BERLIN, much_later) == timedelta(days=31)


def test_before_the_first_date_there_is_no_slot() -> None:
    assert latest_slot(weekly(), BERLIN, datetime(2026, 1, 8, 8, 59, 59, tzinfo=UTC)) is None
    assert latest_slot(weekly(), BERLIN, datetime(2026, 1, 8, 9, 0, tzinfo=UTC)) is not None


def test_a_first_edition_reaches_back_one_interval() -> None:
    start = datetime(2026, 11, 23, tzinfo=UTC)
    reaches = {rule: reach(Newsletter("n", {}, schedule=weekly(rule)), BERLIN, start).days for rule in
               ("FREQ=DAILY", "FREQ=WEEKLY;BYDAY=TH", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TH", "FREQ=YEARLY")}  # fmt: skip
    assert list(reaches.values()) == [1, 7, 14, 31]
    assert reach(Newsletter("n", {}), BERLIN, start) == TRIGGER_REACH
