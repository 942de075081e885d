"""Quiet hours and each reader's own hour, in any zone, over every change of its clocks."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.compose.reader_time import MAX_ZONE_NAME, first_due, known_zone, last_due, reader_due
from chalicelib.content.sending import Quiet, Sending
from chalicelib.content.values import Newsletter, Schedule, Sender, Site
from chalicelib.deliver.quiet import quiet_until

ZONES = sorted(name for name in available_timezones() if name not in {"localtime", "Factory"})
BERLIN = Site(Path("/"), {}, "https://x.example", ("en",), ZoneInfo("Europe/Berlin"), Sender({}, "a@x.example"), {})
WEEKLY = Newsletter("weekly", {})
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (their bounds)
STARTS = datetime(2000, 1, 1)  # noqa: DTZ001 (a local date)


def site(start: str, to: str, zone: str = "Europe/Berlin") -> Site:
    quiet = Quiet(time.fromisoformat(start), time.fromisoformat(to))
    return replace(BERLIN, time_zone=ZoneInfo(zone), sending=Sending(quiet=quiet))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-23T19:59", None),
        ("2026-11-23T20:00", "2026-11-24T06:00"),
        ("2026-11-24T05:59", "2026-11-24T06:00"),
        ("2026-11-24T06:00", None),
        ("2026-03-28T20:00", "2026-03-29T05:00"),  # the night that is an hour shorter
        ("2026-10-24T19:00", "2026-10-25T06:00"),  # and the longer one
    ],
)
def test_a_night_is_quiet_in_the_sites_zone(now: str, until: str | None) -> None:
    assert quiet_until(site("21:00", "07:00"), WEEKLY, utc(now)) == (utc(until) if until else None)


def test_quiet_hours_may_lie_in_one_day() -> None:
    noon = site("12:00", "14:00")
    assert quiet_until(noon, WEEKLY, utc("2026-11-23T11:30")) == utc("2026-11-23T13:00")
    assert quiet_until(noon, WEEKLY, utc("2026-11-23T13:00")) is None


def test_alerts_and_readers_own_hours_are_exempt_and_so_is_a_site_without() -> None:
    midnight, quiet = utc("2026-11-23T23:00"), site("21:00", "07:00")
    own = replace(WEEKLY, schedule=Schedule("FREQ=DAILY", time(10), STARTS, reader=True))
    usual = replace(WEEKLY, schedule=Schedule("FREQ=DAILY", time(10), STARTS))
    assert quiet_until(quiet, replace(WEEKLY, quiet=False), midnight) is None
    assert quiet_until(quiet, own, midnight) is None
    assert quiet_until(BERLIN, WEEKLY, midnight) is None
    assert quiet_until(quiet, usual, midnight) is not None


@pytest.mark.parametrize(
    ("start", "to", "now", "until"),
    [
        ("22:00", "02:30", "2026-10-25T00:29", "2026-10-25T00:30"),  # ends at the first 02:30
        ("22:00", "02:30", "2026-10-25T01:10", None),  # 02:10 the second time: the night was over
        ("02:30", "06:00", "2026-10-25T01:10", "2026-10-25T05:00"),  # 02:10 the second time: it has begun
        ("22:00", "02:30", "2026-03-29T01:29", "2026-03-29T01:30"),  # there is no 02:30: it ends at 03:30
        ("02:30", "06:00", "2026-03-29T01:29", None),  # and begins there
        ("02:30", "06:00", "2026-03-29T01:30", "2026-03-29T04:00"),
    ],
)
def test_times_that_come_twice_or_never(start: str, to: str, now: str, until: str | None) -> None:
    assert quiet_until(site(start, to), WEEKLY, utc(now)) == (utc(until) if until else None)


def test_a_day_that_never_was_has_one_night() -> None:
    apia = site("21:00", "07:00", "Pacific/Apia")  # there was no 30 December 2011
    assert quiet_until(apia, WEEKLY, utc("2011-12-30T09:00")) == utc("2011-12-30T17:00")
    assert quiet_until(apia, WEEKLY, utc("2011-12-30T16:00")) == utc("2011-12-30T17:00"), "begun two days before"
    assert quiet_until(apia, WEEKLY, utc("2011-12-30T17:00")) is None


@given(st.sampled_from(ZONES), MOMENTS, st.times(), st.times())
def test_what_is_quiet_ends_within_a_day_or_two_and_is_not_quiet_then(
    zone: str, now: datetime, start: time, to: time
) -> None:
    start, to = start.replace(microsecond=0), to.replace(microsecond=0)
    there = replace(BERLIN, time_zone=ZoneInfo(zone), sending=Sending(quiet=Quiet(start, to)))
    until = quiet_until(there, WEEKLY, now)
    local = now.astimezone(there.time_zone)
    if until is not None:
        assert now < until <= now + 2 * DAY
        assert quiet_until(there, WEEKLY, until) is None or start <= to < (
            until.astimezone(there.time_zone) + MINUTE
        ).time().replace(tzinfo=None)
    usual = _offsets_are_steady(local, there.time_zone)
    inside = start <= local.time() < to if start < to else not to <= local.time() < start
    if usual and start != to:
        assert (until is not None) == inside


def _offsets_are_steady(local: datetime, zone: ZoneInfo) -> bool:
    return len({(local + DAY * days).astimezone(zone).utcoffset() for days in (-3, -2, -1, 0, 1, 2)}) == 1


@given(st.sampled_from(ZONES), st.sampled_from(ZONES), MOMENTS)
def test_every_reader_is_due_at_the_slots_local_time(own: str, theirs: str, slot_at: datetime) -> None:
    slot_at = slot_at.replace(microsecond=0)
    there = replace(BERLIN, time_zone=ZoneInfo(own))
    due = datetime.fromtimestamp(reader_due(slot_at, theirs, there), UTC)
    local = slot_at.astimezone(there.time_zone).replace(tzinfo=None)
    shown = due.astimezone(ZoneInfo(theirs)).replace(tzinfo=None)
    gap = shown - local
    assert timedelta() <= gap <= DAY  # beyond 0 only in a gap, which is a day at most (a date line that moved)
    if gap:
        assert (due - MINUTE * 24 * 60).astimezone(ZoneInfo(theirs)).utcoffset() != due.astimezone(
            ZoneInfo(theirs)
        ).utcoffset()
    assert first_due(slot_at, there) <= due <= last_due(slot_at, there) + DAY
    assert first_due(slot_at, there) <= slot_at


def test_a_reader_of_the_sites_zone_is_due_at_the_slot() -> None:
    slot = utc("2026-11-26T09:00")
    assert reader_due(slot, "Europe/Berlin", BERLIN) == slot.timestamp()
    assert reader_due(slot, "Pacific/Auckland", BERLIN) == utc("2026-11-25T21:00").timestamp()
    assert reader_due(slot, "America/Los_Angeles", BERLIN) == utc("2026-11-26T18:00").timestamp()
    assert first_due(slot, BERLIN) == utc("2026-11-25T20:00")
    assert last_due(slot, BERLIN) == utc("2026-11-26T22:00")
    assert reader_due(slot, "Pacific/Kiritimati", BERLIN) == first_due(slot, BERLIN).timestamp()


def test_an_hour_that_comes_twice_counts_once_and_one_that_never_comes_moves_on() -> None:
    slot = utc("2026-11-01T00:30")  # 01:30 in Berlin; New York has it twice
    assert reader_due(slot, "America/New_York", BERLIN) == utc("2026-11-01T05:30").timestamp()
    slot = utc("2026-03-08T01:30")  # 02:30 in Berlin; New York goes from 02:00 to 03:00
    assert reader_due(slot, "America/New_York", BERLIN) == utc("2026-03-08T07:30").timestamp()
    twice = utc("2026-10-25T01:30")  # 02:30 in Berlin, the second time
    assert reader_due(twice, "Europe/Berlin", BERLIN) == utc("2026-10-25T00:30").timestamp()


@pytest.mark.parametrize(
    "name", ["", "Nowhere/Land", "../../etc/passwd", "/etc/localtime", "Europe", "a\0b", "\ud800", "é", "A/" * 100_000]
)
def test_a_zone_that_is_none_is_the_sites(name: str) -> None:
    slot = utc("2026-11-26T09:00")
    assert known_zone(name) is None
    assert reader_due(slot, name, BERLIN) == slot.timestamp()


def test_no_zone_is_too_long_to_be_known_and_none_is_ahead_of_the_first() -> None:
    assert max(map(len, ZONES)) <= MAX_ZONE_NAME
    assert all(known_zone(name) for name in ZONES)
    for moment in (utc("2026-01-01"), utc("2026-07-01")):
        offsets = [moment.astimezone(ZoneInfo(name)).utcoffset() or timedelta() for name in ZONES]
        assert (max(offsets), min(offsets)) == (timedelta(hours=14), timedelta(hours=-12))
