"""ICS calendars: every shape of time RFC 5545 knows, and what claims to be one."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collect import calendars
from chalicelib.collect.calendars import read_calendar
from chalicelib.collect.found import Found, SourceError
from chalicelib.content.values import Kind, Site
from tests.sites import NOW, calendar_source, make_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("site"))


def ics(*events: str) -> bytes:
    """Events given as lines between | signs, or as they are."""
    text = "".join(f"BEGIN:VEVENT|{event}|END:VEVENT|" for event in events)
    return f"BEGIN:VCALENDAR|VERSION:2.0|PRODID:x|{text}END:VCALENDAR|".replace("|", "\r\n").encode()


def read(site: Site, *events: str, now: datetime = NOW) -> Found:
    return read_calendar(site, calendar_source(), ics(*events), now)


def starts(found: Found) -> list[str]:
    return [f"{entry.starts:%m-%d %H:%M}" for entry in found.entries if entry.starts]


def why(found: Found) -> str:
    (problem,) = found.problems
    assert (problem.file, problem.line, problem.code, str(problem.severity)) == (
        "content/site.yaml", 8, "calendar", "warning",
    )  # fmt: skip
    return problem.message


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART:20261201T100000Z", ["12-01 10:00"]),
        ("DTSTART:20261201T100000", ["12-01 09:00"]),
        ("DTSTART;TZID=America/New_York:20261201T100000", ["12-01 15:00"]),
        ("DTSTART;TZID=Nowhere/Place:20261201T100000", ["12-01 09:00"]),
        ("DTSTART;VALUE=DATE:20261201", ["11-30 23:00"]),
        ("DTSTART:20261121T130000Z", ["11-21 13:00"]),
        ("DTSTART:20261121T110000Z", []),
        ("DTSTART:20270301T100000Z", []),
        ("DTSTART:99991231T235959Z", []),
        ("DTSTART:20261201T100000Z|RRULE:FREQ=DAILY;COUNT=3", ["12-01 10:00", "12-02 10:00", "12-03 10:00"]),
        ("DTSTART:20200101T100000Z|RRULE:FREQ=MONTHLY;BYDAY=-1FR", ["11-27 10:00", "12-25 10:00", "01-29 10:00"]),
        ("DTSTART:20261126T100000Z|RRULE:FREQ=WEEKLY;UNTIL=20261203", ["11-26 10:00", "12-03 10:00"]),
        ("DTSTART:20261126T100000Z|RRULE:FREQ=WEEKLY;UNTIL=20261203T095959Z", ["11-26 10:00"]),
        (
            "DTSTART;TZID=Europe/Berlin:20261126T100000|RRULE:FREQ=WEEKLY;UNTIL=20261203T090000Z",
            ["11-26 09:00", "12-03 09:00"],
        ),
        ("DTSTART;VALUE=DATE:20261126|RRULE:FREQ=WEEKLY;UNTIL=20261203", ["11-25 23:00", "12-02 23:00"]),
        ("DTSTART:20261126T100000Z|RRULE:FREQ=WEEKLY;COUNT=3|EXDATE:20261203T100000Z", ["11-26 10:00", "12-10 10:00"]),
        ("DTSTART:20261126T100000Z|RRULE:FREQ=WEEKLY;COUNT=2|EXDATE:20261126T100000Z,20261203T100000Z", []),
        (
            "DTSTART:20261126T100000Z|RDATE:20261128T100000Z,20261129T120000Z",
            ["11-26 10:00", "11-28 10:00", "11-29 12:00"],
        ),
        ("DTSTART:20261126T100000Z|RDATE;VALUE=PERIOD:20261128T100000Z/PT1H", ["11-26 10:00", "11-28 10:00"]),
        ("DTSTART:20261126T100000Z|STATUS:CANCELLED", []),
        ("DTSTART:20200101T100000Z|RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", []),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_times(site: Site, event: str, expected: list[str]) -> None:
    found = read(site, f"UID:1|SUMMARY:Meet|{event}")
    assert starts(found) == expected
    assert found.problems == ()
    assert found.complete


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 3, 23, tzinfo=UTC), ["03-24 17:00", "03-31 16:00"]),
        (datetime(2026, 10, 19, tzinfo=UTC), ["10-20 16:00", "10-27 17:00"]),
    ],
)
def test_a_series_keeps_its_local_time_over_daylight_saving(site: Site, now: datetime, expected: list[str]) -> None:
    event = "UID:1|SUMMARY:M|DTSTART;TZID=Europe/Berlin:20260106T180000|RRULE:FREQ=WEEKLY"
    assert starts(read(site, event, now=now))[:2] == expected
    floating = "UID:1|SUMMARY:M|DTSTART:20260106T180000|RRULE:FREQ=WEEKLY"
    assert starts(read(site, floating, now=now))[:2] == expected


SERIES = "UID:s|SUMMARY:Series|DTSTART:20261126T100000Z|RRULE:FREQ=WEEKLY;COUNT=3"


def test_a_moved_occurrence_keeps_its_identity(site: Site) -> None:
    before = {entry.starts: entry.id for entry in read(site, SERIES).entries}
    moved = read(site, SERIES, "UID:s|SUMMARY:Series|RECURRENCE-ID:20261203T100000Z|DTSTART:20261204T150000Z")
    assert sorted(starts(moved)) == ["11-26 10:00", "12-04 15:00", "12-10 10:00"]
    assert {entry.id for entry in moved.entries} == set(before.values())


def test_a_cancelled_occurrence_is_gone(site: Site) -> None:
    cancelled = "UID:s|SUMMARY:Series|RECURRENCE-ID:20261203T100000Z|DTSTART:20261203T100000Z|STATUS:CANCELLED"
    assert starts(read(site, SERIES, cancelled)) == ["11-26 10:00", "12-10 10:00"]
    assert starts(read(site, cancelled, SERIES)) == ["11-26 10:00", "12-10 10:00"]


def test_a_single_event_that_is_moved_stays_itself(site: Site) -> None:
    one, two = (read(site, f"UID:1|SUMMARY:M|DTSTART:202612{day}T100000Z").entries[0] for day in ("01", "08"))
    assert one.id == two.id
    assert one.starts != two.starts


def test_events_that_share_a_uid_or_have_none_stay_apart(site: Site) -> None:
    shared = [f"UID:same|SUMMARY:{name}|DTSTART:2026120{n}T100000Z" for n, name in enumerate("ABC", 1)]
    assert len(read(site, *shared).entries) == 3
    nameless = [f"SUMMARY:{name}|DTSTART:2026120{n}T100000Z" for n, name in enumerate("AAB", 1)]
    assert len(read(site, *nameless).entries) == 3


def test_an_event_in_full(site: Site) -> None:
    (entry,) = read(
        site,
        "UID:1|SUMMARY:Meet\\, greet & <b>x</b>|DTSTART:20261201T100000Z|DTEND:20261201T113000Z"
        "|LOCATION:Room 1\\nBerlin|URL:https://meet.example.org/x|DESCRIPTION:One <script>\\n\\nTwo {{ x }}",
    ).entries
    text = entry.texts["en"]
    assert (text.title, text.url) == ("Meet, greet & <b>x</b>", "https://meet.example.org/x")
    assert text.html == "<p>One &lt;script&gt;</p><p>Two {{ x }}</p>"
    assert (entry.kind, entry.place, entry.all_day) == (Kind.EVENT, "Room 1 Berlin", False)
    assert (entry.ends, entry.slug) == (datetime(2026, 12, 1, 11, 30, tzinfo=UTC), "2026-12-01-meet-greet-b-x-b")


def test_whole_days(site: Site) -> None:
    (entry,) = read(site, "UID:1|SUMMARY:M|DTSTART;VALUE=DATE:20261201|DTEND;VALUE=DATE:20261203").entries
    assert entry.all_day
    assert entry.ends == datetime(2026, 12, 2, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("SUMMARY:M", "no DTSTART"),
        ("DTSTART:20261201T100000Z", "no SUMMARY"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|DTEND:20261201T090000Z", "ends before it starts"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|DTEND;VALUE=DATE:20261202", "ends before it starts"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|DURATION:-PT1H", "ends before it starts"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|DURATION:long", "can't be read"),
        ("SUMMARY:M|DTSTART:tomorrow", "can't be read"),
        ("SUMMARY:M|DTSTART:00000101T000000", "can't be read"),
        ("SUMMARY:M|DTSTART:00010101T000000", "damaged"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|DTSTART:20261202T100000Z", "stands twice"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|RECURRENCE-ID:x", "can't be read"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|RRULE:FREQ=NEVER", "can't be read"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|RRULE:garbage", "no FREQ"),
        ("SUMMARY:M|DTSTART:20000101T100000Z|RRULE:FREQ=SECONDLY", "more often"),
        ("SUMMARY:M|DTSTART:20000101T100000Z|RRULE:FREQ=MINUTELY;INTERVAL=5", "more often"),
        ("SUMMARY:M|DTSTART:20000101T100000Z|RRULE:FREQ=HOURLY", "more often"),
        (f"SUMMARY:M|DTSTART:20000101T100000Z|RRULE:FREQ=DAILY;BYMINUTE={','.join(map(str, range(60)))}", "more often"),
        ("SUMMARY:M|DTSTART:20000101T100000Z|RRULE:FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|RRULE:FREQ=DAILY|EXDATE:x", "can't be read"),
    ],
    ids=lambda value: value[:70],
)
@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
def test_a_broken_event_is_named_and_stops_no_other(site: Site, event: str, words: str) -> None:
    found = read(site, f"UID:1|{event}", "UID:2|SUMMARY:Good|DTSTART:20261202T100000Z")
    assert [text.title for entry in found.entries for text in entry.texts.values()] == ["Good"]
    message = why(found)
    assert words in message
    assert "attribute" not in message


@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
def test_rules_have_a_budget_of_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "BUDGET_SECONDS", 0.3)
    evil = [f"UID:{n}|SUMMARY:M|DTSTART:20200101T100000Z|RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30" for n in range(50)]
    found = read(site, *evil)
    assert "took too long" in found.problems[-1].message


def test_too_many_events_are_cut_and_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "MAX_EVENTS", 2)
    found = read(site, *[f"UID:{n}|SUMMARY:M{n}|DTSTART:20261201T100000Z" for n in range(3)])
    assert len(found.entries) == 2
    assert "only the first 2" in why(found)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"<!doctype html><html><form></form></html>", "web page"),
        (b"just words", "can't be read"),
        (b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", "no calendar"),
        (b"BEGIN:VEVENT\r\n" * 5000, "calendar"),
        (bytes(range(256)) * 10, "can't be read"),
        (b"\x00" * 1000, "can't be read"),
    ],
)
def test_what_is_no_calendar_is_said_plainly(site: Site, body: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        read_calendar(site, calendar_source(), body, NOW)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 300


def test_several_calendars_in_one_file_are_read(site: Site) -> None:
    body = ics("UID:1|SUMMARY:A|DTSTART:20261201T100000Z") + ics("UID:2|SUMMARY:B|DTSTART:20261201T100000Z")
    assert len(read_calendar(site, calendar_source(), body, NOW).entries) == 2


SHAPES = [
    "UID:1", "SUMMARY:M", "DTSTART:20261201T100000Z", "DTSTART;VALUE=DATE:20261201", "DTEND:20261130T000000Z",
    "RECURRENCE-ID:20261201T100000Z", "RRULE:FREQ=WEEKLY;BYDAY=MO", "RRULE:FREQ=DAILY;COUNT=2", "RRULE:COUNT=1",
    "EXDATE:20261201", "RDATE:20261202T100000Z", "DURATION:P1D", "DTSTART;TZID=X:20261201T100000", "STATUS:x",
    "RECURRENCE-ID;RANGE=THISANDFUTURE:20261201", "URL:https://[", "LOCATION:https://", "END:VEVENT|BEGIN:VEVENT",
]  # fmt: skip
LINES = st.lists(st.one_of(st.sampled_from(SHAPES), st.text(max_size=20)), max_size=8)


@settings(max_examples=120, deadline=None)
@given(LINES)
def test_any_lines_are_events_or_problems(site: Site, lines: list[str]) -> None:
    with suppress(SourceError):
        found = read_calendar(site, calendar_source(), ics("|".join(lines)).replace(b"\x00", b""), NOW)
        assert all(entry.starts for entry in found.entries)
