"""Dates, times and spans as editors write them."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.content.moments import parse_moment, parse_span, parse_time

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "expected", "whole_day"),
    [
        ("2026-12-03", datetime(2026, 12, 2, 23, tzinfo=UTC), True),
        ("2026-7-3", datetime(2026, 7, 2, 22, tzinfo=UTC), True),
        ("2026-12-03 15:05", datetime(2026, 12, 3, 14, 5, tzinfo=UTC), False),
        ("2026-12-03T15:05:06Z", datetime(2026, 12, 3, 15, 5, 6, tzinfo=UTC), False),
        ("2026-12-03 15:05:06.5 UTC", datetime(2026, 12, 3, 15, 5, 6, tzinfo=UTC), False),
        ("2026-08-20 22:00:00 -0000", datetime(2026, 8, 20, 22, tzinfo=UTC), False),
        ("2026-08-20 22:00 +0530", datetime(2026, 8, 20, 16, 30, tzinfo=UTC), False),
        ("2026-08-20T22:00-04:00", datetime(2026, 8, 21, 2, tzinfo=UTC), False),
    ],
)
def test_moments(text: str, expected: datetime, whole_day: bool) -> None:
    assert parse_moment(text, BERLIN) == (expected, whole_day)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "03.12.2026", "12/03/2026", "2026-13-01", "2026-02-30", "2026-12-03 25:00", "2026-12-03 10:61",
     "2026-12-03 10", "0000-01-01", "0001-01-01", "9999-12-31 23:59 -1200", "2026-12-03 10:00 +99:99", "20261203",
     "2026-12-03 10:00 CEST", "nan", "2026-12-03\n2026-12-04"],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no date"):
        parse_moment(text, BERLIN)


@given(st.one_of(st.text(), st.from_regex(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2})?( ?[+-]\d{4})?)?", fullmatch=True)))
def test_any_text_is_a_moment_in_utc_or_refused(text: str) -> None:
    try:
        moment, _ = parse_moment(text, BERLIN)
    except ValueError:
        return
    assert moment.tzinfo is UTC


@given(st.datetimes(datetime(1900, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_what_is_written_as_iso_is_read_back(moment: datetime) -> None:
    assert parse_moment(moment.isoformat(), BERLIN)[0] == moment.replace(microsecond=0)


@pytest.mark.parametrize(("text", "expected"), [("10:00", time(10)), (" 9:05 ", time(9, 5)), ("23:59", time(23, 59))])
def test_times(text: str, expected: time) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize("text", ["24:00", "10:60", "10", "1000", "10:00:00", "-1:00", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time of day"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", timedelta(minutes=30)),
        ("48 h", timedelta(hours=48)),
        ("28d", timedelta(28)),
        ("2w", timedelta(14)),
        ("0h", timedelta()),
    ],
)
def test_spans(text: str, expected: timedelta) -> None:
    assert parse_span(text) == expected


@pytest.mark.parametrize("text", ["", "48", "h", "-1h", "1.5h", "999999h", "2 weeks", "1h30m"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="span"):
        parse_span(text)
