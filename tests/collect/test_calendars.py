"""ICS calendars: every shape of time RFC 5545 knows, and what claims to be one."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collect import calendars
from chalicelib.collect.calendars import read_calendar
from chalicelib.collect.found import Found, SourceError
from chalicelib.content.values import Kind, Site
from tests.sites import NOW, SITE, calendar_source, make_site


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
        ("DTSTART:20261121T100000Z|STATUS:CANCELLED", []),
        ("DTSTART:00010101T000000", []),
        (
            "DTSTART:20261126T100000Z|RRULE:FREQ=WEEKLY;COUNT=3|EXDATE;VALUE=DATE:20261203",
            ["11-26 10:00", "12-10 10:00"],
        ),
        (
            "DTSTART:20261126T100000Z|RRULE:FREQ=DAILY;COUNT=4|EXRULE:FREQ=DAILY;INTERVAL=2",
            ["11-27 10:00", "11-29 10:00"],
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20261126T100000|RRULE:FREQ=DAILY;COUNT=2|EXDATE:20261127T090000Z",
            ["11-26 09:00"],
        ),
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


def told(found: Found) -> list[tuple[str, str, str]]:
    """Start, change and what it was moved from, of each entry."""
    return [
        (f"{e.starts:%m-%d %H:%M}", str(e.change), f"{e.moved_from:%m-%d %H:%M}" if e.moved_from else "")
        for e in found.entries
        if e.starts
    ]


CHANGED = "UID:s|SUMMARY:Series|RECURRENCE-ID:20261203T100000Z|"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("DTSTART:20261204T150000Z", ("12-04 15:00", "moved", "12-03 10:00")),
        ("DTSTART:20261203T100000Z|LOCATION:Elsewhere", ("12-03 10:00", "", "")),
        ("DTSTART:20261203T100000Z|STATUS:CANCELLED", ("12-03 10:00", "cancelled", "")),
        ("DTSTART:20261203T100000Z|STATUS:CONFIRMED", ("12-03 10:00", "", "")),
        ("DTSTART:20270601T100000Z", ("06-01 10:00", "moved", "12-03 10:00")),
    ],
)
def test_what_became_of_an_occurrence_is_told(site: Site, change: str, expected: tuple[str, str, str]) -> None:
    before = {entry.id for entry in read(site, SERIES).entries}
    for events in ((SERIES, CHANGED + change), (CHANGED + change, SERIES)):
        found = read(site, *events)
        assert sorted(told(found)) == sorted([("11-26 10:00", "", ""), expected, ("12-10 10:00", "", "")])
        assert {entry.id for entry in found.entries} == before
        assert {entry.series for entry in found.entries} == {"s"}


def test_a_change_that_names_only_the_day_means_its_occurrence(site: Site) -> None:
    change = "UID:s|SUMMARY:Series|RECURRENCE-ID;VALUE=DATE:20261203|DTSTART:20261204T150000Z"
    assert {e.id for e in read(site, SERIES, change).entries} == {e.id for e in read(site, SERIES).entries}


def test_a_change_in_another_zone_means_the_same_moment(site: Site) -> None:
    change = (
        "UID:s|SUMMARY:S|RECURRENCE-ID;TZID=Asia/Tokyo:20261203T190000|DTSTART;TZID=Europe/Berlin:20261203T120000"
        "|DTEND;TZID=Europe/Berlin:20261203T130000"
    )
    found = read(site, SERIES, change)
    assert ("12-03 11:00", "moved", "12-03 10:00") in told(found)
    assert len(found.entries) == 3


def test_a_change_of_an_occurrence_that_no_series_has_is_told_all_the_same(site: Site) -> None:
    assert told(read(site, CHANGED + "DTSTART:20261204T150000Z")) == [("12-04 15:00", "moved", "12-03 10:00")]


def test_what_was_moved_away_and_is_over_is_gone(site: Site) -> None:
    early = CHANGED + "DTSTART:20261101T150000Z"
    assert starts(read(site, SERIES, early)) == ["11-26 10:00", "12-10 10:00"]


def test_a_cancelled_event_is_told_until_its_time(site: Site) -> None:
    kept, cancelled = (
        f"UID:1|SUMMARY:M|DTSTART:20261201T100000Z|DTEND:20261201T110000Z{x}" for x in ("", "|STATUS:CANCELLED")
    )
    (entry,) = read(site, cancelled).entries
    assert entry.id == read(site, kept).entries[0].id
    assert (entry.change, entry.series, entry.ends) == ("cancelled", "", datetime(2026, 12, 1, 11, tzinfo=UTC))
    assert entry.offer == f"{entry.id}~cancelled"
    assert read(site, cancelled, now=datetime(2026, 12, 1, 10, tzinfo=UTC)).entries == ()


def test_a_calendar_that_is_a_cancellation_cancels(site: Site) -> None:
    body = ics("UID:1|SUMMARY:M|DTSTART:20261201T100000Z").replace(b"VERSION:2.0", b"METHOD:CANCEL")
    assert told(read_calendar(site, calendar_source(), body, NOW)) == [("12-01 10:00", "cancelled", "")]
    body += ics("UID:2|SUMMARY:M|DTSTART:20261202T100000Z")
    assert told(read_calendar(site, calendar_source(), body, NOW))[1] == ("12-02 10:00", "", "")


def test_a_cancelled_series_is_one_piece_of_news(site: Site) -> None:
    series = "UID:s|SUMMARY:S|DTSTART:20260105T100000Z|RRULE:FREQ=WEEKLY|STATUS:CANCELLED"
    found = read(site, series, CHANGED + "DTSTART:20261204T150000Z")
    assert told(found) == [("11-23 10:00", "cancelled", "")]
    later = read(site, series, now=datetime(2026, 12, 2, tzinfo=UTC)).entries
    assert [entry.offer for entry in later] == [entry.offer for entry in found.entries]
    assert read(site, series.replace("WEEKLY", "WEEKLY;UNTIL=20260301")).entries == ()
    nameless = [read(site, series.replace("UID:s|", ""), now=NOW + timedelta(days=n)).entries for n in (0, 20)]
    assert [entry.offer for entry in nameless[0]] == [entry.offer for entry in nameless[1]] != []


ONWARDS = "UID:s|SUMMARY:Series|RECURRENCE-ID;RANGE=THISANDFUTURE:20261203T100000Z|"


def test_a_series_that_is_moved_from_some_time_on(site: Site) -> None:
    long = SERIES.replace("COUNT=3", "COUNT=30")
    found = read(site, long, ONWARDS + "DTSTART:20261204T110000Z")
    assert told(found)[:3] == [
        ("11-26 10:00", "", ""), ("12-04 11:00", "moved", "12-03 10:00"), ("12-11 11:00", "moved", "12-10 10:00"),
    ]  # fmt: skip
    assert {e.id for e in found.entries} <= {e.id for e in read(site, long).entries}
    later = read(site, long, ONWARDS + "DTSTART:20261204T110000Z", now=datetime(2027, 4, 1, tzinfo=UTC))
    assert told(later)[0] == ("04-02 11:00", "", "")
    ended = read(site, long, ONWARDS + "DTSTART:20261203T100000Z|STATUS:CANCELLED")
    assert told(ended) == [("11-26 10:00", "", ""), ("12-03 10:00", "cancelled", "")]


def test_a_series_that_moves_for_good_keeps_its_local_time(site: Site) -> None:
    series = "UID:s|SUMMARY:S|DTSTART;TZID=Europe/Berlin:20260305T180000|RRULE:FREQ=WEEKLY"
    change = "UID:s|SUMMARY:S|RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260319T180000"
    change += "|DTSTART;TZID=Europe/Berlin:20260319T190000"
    found = read(site, series, change, now=datetime(2026, 3, 18, tzinfo=UTC))
    assert starts(found)[:3] == ["03-19 18:00", "03-26 18:00", "04-02 17:00"]


def test_the_latest_version_of_an_event_counts(site: Site) -> None:
    versions = [f"UID:1|SUMMARY:M|SEQUENCE:{n}|DTSTART:2026120{n + 1}T100000Z" for n in range(3)]
    for order in (versions, versions[::-1]):
        assert starts(read(site, *order)) == ["12-03 10:00"]
    gone = "UID:1|SUMMARY:M|SEQUENCE:9|DTSTART:20250101T100000Z"
    assert starts(read(site, *versions, gone)) == []
    changes = [f"{CHANGED}SEQUENCE:{n}|DTSTART:2026120{n}T150000Z" for n in (4, 5)]
    assert ("12-05 15:00", "moved", "12-03 10:00") in told(read(site, SERIES, *changes))
    assert len(read(site, SERIES, *changes).entries) == 3
    assert len(read(site, versions[0], versions[0]).entries) == 1


@pytest.mark.parametrize(
    ("until", "zone"),
    [
        ("20261231T000000Z", "Europe/Berlin"), ("20261231T000000", "Europe/Berlin"),
        ("20261230T230000Z", "Europe/Berlin"), ("20261231T000000Z", "Asia/Tokyo"),
        ("20261231T000000Z", "America/New_York"), ("20261231T050000Z", "America/New_York"),
    ],
)  # fmt: skip
def test_until_at_midnight_does_not_drop_the_last_day(site: Site, until: str, zone: str) -> None:
    event = f"UID:1|SUMMARY:Call|DTSTART;TZID={zone}:20261210T150500|RRULE:FREQ=WEEKLY;UNTIL={until}"
    found = read(site, event)
    assert [f"{entry.starts:%d}" for entry in found.entries] == ["10", "17", "24", "31"]
    assert "'Call' repeats UNTIL 2026-12-31 at midnight" in why(found)
    assert read(site, event, now=datetime(2027, 1, 1, 10, tzinfo=UTC)).problems == ()  # the day was told while it came
    over = read(site, event, now=datetime(2027, 1, 3, tzinfo=UTC))
    assert (over.entries, over.problems) == ((), ())


@pytest.mark.parametrize(
    "until", ["20261230T000000Z", "20261231T235959Z", "20261231", "20261231T140500Z", "20270101T000000Z"]
)
def test_until_that_drops_nothing_needs_no_warning(site: Site, until: str) -> None:
    event = f"UID:1|SUMMARY:M|DTSTART;TZID=Europe/Berlin:20261210T150500|RRULE:FREQ=WEEKLY;UNTIL={until}"
    assert read(site, event).problems == ()


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        ("Europe/Berlin", 9), ("europe/berlin", 9), ("/freeassociation.sourceforge.net/Europe/Berlin", 9),
        ("/ics.py/2020.1/Europe/Berlin", 9), ("/mozilla.org/20050126_1/America/Argentina/Buenos_Aires", 13),
        ("W. Europe Standard Time", 9), ("Eastern Standard Time", 15), ('"Tokyo Standard Time"', 1), ("UTC", 10),
    ],
)  # fmt: skip
def test_zones_by_many_names(site: Site, zone: str, hour: int) -> None:
    found = read(site, f"UID:1|SUMMARY:M|DTSTART;TZID={zone}:20261201T100000")
    assert starts(found) == [f"12-01 {hour:02}:00"]
    assert found.problems == ()


def test_a_zone_nobody_knows_is_named_with_the_one_that_was_used(site: Site) -> None:
    found = read(
        site,
        "UID:1|SUMMARY:Meet|DTSTART;TZID=Nowhere/Place:20261201T100000",
        "UID:2|SUMMARY:B|DTSTART:20261201T100000Z",
    )
    assert starts(found) == ["12-01 09:00", "12-01 10:00"]
    assert "'Meet' is in the time zone 'Nowhere/Place', which is unknown; it is read as Europe/Berlin" in why(found)


ZONE = (
    "BEGIN:VTIMEZONE|TZID:{name}|BEGIN:DAYLIGHT|TZOFFSETFROM:+0500|TZOFFSETTO:+0600|DTSTART:19700329T020000"
    "|RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU|END:DAYLIGHT|BEGIN:STANDARD|TZOFFSETFROM:+0600|TZOFFSETTO:+0500"
    "|DTSTART:19701025T030000|RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU|END:STANDARD|END:VTIMEZONE|"
)


def with_zone(definition: str, *events: str) -> bytes:
    return ics(*events).replace(b"PRODID:x", b"PRODID:x\r\n" + definition.replace("|", "\r\n").encode().rstrip())


@pytest.mark.parametrize("name", ["Custom", "(UTC+05:00) Somewhere, else"])
def test_a_zone_that_the_calendar_defines(site: Site, name: str) -> None:
    event = f"UID:1|SUMMARY:M|DTSTART;TZID={name}:20260324T100000|RRULE:FREQ=DAILY"
    body = with_zone(ZONE.format(name=name), event)
    found = read_calendar(site, calendar_source(), body, datetime(2026, 3, 27, 12, tzinfo=UTC))
    assert starts(found)[:4] == ["03-27 05:00", "03-28 05:00", "03-29 04:00", "03-30 04:00"]
    assert found.problems == ()
    assert "unknown" in why(read(site, event))  # what one calendar defines says nothing to another


@pytest.mark.parametrize(
    ("local", "moment"),
    [("0329T015959", "03-28 20:59"), ("0329T023000", "03-28 21:30"), ("0329T030000", "03-28 21:00"),
     ("1025T023000", "10-24 20:30"), ("1025T030000", "10-24 22:00")],
)  # fmt: skip
def test_hours_that_a_defined_zone_skips_and_repeats(site: Site, local: str, moment: str) -> None:
    body = with_zone(ZONE.format(name="C"), f"UID:1|SUMMARY:M|DTSTART;TZID=C:2026{local}")
    assert starts(read_calendar(site, calendar_source(), body, datetime(2026, int(local[:2]), 20, tzinfo=UTC))) == [
        moment
    ]


@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
@pytest.mark.parametrize(
    "broken",
    ["FREQ=SECONDLY", "FREQ=DAILY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;UNTIL=99991231T000000Z", "garbage"],
)
def test_a_zone_that_is_defined_badly_is_unknown(site: Site, broken: str) -> None:
    zone = ZONE.format(name="C").replace("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", broken)
    body = with_zone(zone, "UID:1|SUMMARY:M|DTSTART;TZID=C:20261201T100000")
    found = read_calendar(site, calendar_source(), body, NOW)
    assert len(found.entries) == 1
    assert ("unknown" in str(found.problems)) is (
        broken != "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;UNTIL=99991231T000000Z"
    )


def test_times_without_a_zone_are_in_the_calendars_and_days_in_the_sites(site: Site) -> None:
    body = ics("UID:1|SUMMARY:A|DTSTART:20261201T100000", "UID:2|SUMMARY:B|DTSTART;VALUE=DATE:20261201")
    body = body.replace(b"VERSION:2.0", b"X-WR-TIMEZONE:Asia/Tokyo")
    assert starts(read_calendar(site, calendar_source(), body, NOW)) == ["12-01 01:00", "11-30 23:00"]


@pytest.mark.parametrize(
    ("event", "ends"),
    [
        ("DTSTART;VALUE=DATE:20260328|DTEND;VALUE=DATE:20260330", "03-29 22:00"),
        ("DTSTART;VALUE=DATE:20260329", "03-29 22:00"),
        ("DTSTART;VALUE=DATE:20260329|DTEND;VALUE=DATE:20260329", "03-29 22:00"),
        ("DTSTART;VALUE=DATE:20260328|DURATION:P2D", "03-29 22:00"),
        ("DTSTART;TZID=Europe/Berlin:20260328T120000|DURATION:P1D", "03-29 10:00"),
        ("DTSTART;TZID=Europe/Berlin:20260328T120000|DURATION:PT50M", "03-28 11:50"),
        ("DTSTART;TZID=Europe/Berlin:20260328T120000|DTEND;TZID=Europe/Berlin:20260329T120000", "03-29 10:00"),
        ("DTSTART:20260328T120000Z", None),
        ("DTSTART:20260327T120000Z|RDATE;VALUE=PERIOD:20260328T100000Z/PT3H|RDATE:20260329T100000Z", "03-28 13:00"),
    ],
)
def test_ends(site: Site, event: str, ends: str | None) -> None:
    found = read(site, f"UID:1|SUMMARY:M|{event}", now=datetime(2026, 3, 27, tzinfo=UTC)).entries
    entry = found[1] if "RDATE" in event else found[0]
    assert (f"{entry.ends:%m-%d %H:%M}" if entry.ends else None) == ends


def test_what_still_lasts_is_there(site: Site) -> None:
    fair = "UID:1|SUMMARY:Fair|DTSTART;VALUE=DATE:20261115|DTEND;VALUE=DATE:20261125"
    assert starts(read(site, fair)) == ["11-14 23:00"]
    assert starts(read(site, fair, now=datetime(2026, 11, 27, tzinfo=UTC))) == []


def test_a_file_that_breaks_off_withdraws_nothing(site: Site) -> None:
    body = ics("UID:1|SUMMARY:A|DTSTART:20261201T100000Z", "UID:2|SUMMARY:B|DTSTART:20261202T100000Z")
    found = read_calendar(site, calendar_source(), body[:-60], NOW)
    assert [entry.slug for entry in found.entries] == ["2026-12-01-a"]
    assert not found.complete
    assert "breaks off" in why(found)


@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
def test_ten_thousand_events_that_are_over_cost_nothing_to_know(site: Site) -> None:
    old = [f"UID:{n}|SUMMARY:M|DTSTART:20200101T100000Z|DESCRIPTION:{n}" for n in range(10_000)]
    found = read(site, *old, "UID:x|SUMMARY:Good|DTSTART:20261202T100000Z")
    assert [entry.slug for entry in found.entries] == ["2026-12-02-good"]
    assert (found.problems, found.complete) == ((), True)


def test_too_many_dates_are_cut_and_named_and_nothing_is_withdrawn(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "MAX_ENTRIES", 5)
    found = read(site, *[f"UID:{n}|SUMMARY:M{n}|DTSTART:20261201T100000Z|RRULE:FREQ=DAILY;COUNT=3" for n in range(4)])
    assert len(found.entries) == 6
    assert "the events from 'M2' on are not read" in why(found)
    assert not found.complete


def test_many_problems_are_counted_not_listed(site: Site) -> None:
    found = read(site, *[f"UID:{n}|SUMMARY:M{n}|DTSTART:soon" for n in range(200)])
    assert len(found.problems) == calendars.MAX_PROBLEMS + 1
    assert "170 further" in found.problems[-1].message


def test_the_same_bytes_read_at_other_times_and_in_other_zones(site: Site, tmp_path: Path) -> None:
    body = ics("UID:1|SUMMARY:M|DTSTART:20260101T100000|RRULE:FREQ=WEEKLY")
    first = read_calendar(site, calendar_source(), body, NOW)
    read_calendar(site, calendar_source(), body, datetime(2027, 6, 1, tzinfo=UTC))
    tokyo = make_site(tmp_path, site=SITE.replace("Europe/Berlin", "Asia/Tokyo"))
    assert starts(read_calendar(tokyo, calendar_source("x"), body, NOW))[0] == "11-26 01:00"
    assert read_calendar(site, calendar_source(), body, NOW) == first


def test_a_single_event_that_is_moved_stays_itself(site: Site) -> None:
    one, two = (read(site, f"UID:1|SUMMARY:M|DTSTART:202612{day}T100000Z").entries[0] for day in ("01", "08"))
    assert one.id == two.id
    assert one.starts != two.starts


def test_events_that_share_a_uid_or_have_none_stay_apart(site: Site) -> None:
    shared = [f"UID:same|SUMMARY:{name}|DTSTART:2026120{n}T100000Z" for n, name in enumerate("ABC", 1)]
    assert len(read(site, *shared).entries) == 3
    assert "shares its UID" in read(site, *shared).problems[0].message
    nameless = [f"SUMMARY:{name}|DTSTART:2026120{n}T100000Z" for n, name in enumerate("AAB", 1)]
    assert len(read(site, *nameless).entries) == 3
    assert "has no UID" in read(site, *nameless).problems[0].message


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
        ("SUMMARY:M|DTSTART:0000", "can't be read"),
        ("SUMMARY:M|DTSTART:00000101T000000|RRULE:FREQ=DAILY", "can't be read"),
        ("SUMMARY:M|DTSTART:00010101T000000|RRULE:FREQ=DAILY;COUNT=3", "beyond what"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|RRULE:FREQ=DAILY;INTERVAL=5001", "INTERVAL above"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|RRULE:FREQ=DAILY;RSCALE=HEBREW", "HEBREW"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|RECURRENCE-ID;RANGE=THISANDPRIOR:20261201T100000Z", "THISANDPRIOR"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|DTSTART:20261202T100000Z", "stands twice"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|RECURRENCE-ID:x", "can't be read"),
        ("SUMMARY:M|DTSTART:20261201T100000Z|RRULE:FREQ=NEVER", "no FREQ"),
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
def test_rules_have_a_budget(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    never = "SUMMARY:M|DTSTART:20200101T100000Z|RRULE:FREQ={};BYMONTH=2;BYMONTHDAY=30"
    evil = [f"UID:{freq}|{never.format(freq)}" for freq in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY") * 100]
    assert read(site, *evil).problems == ()
    long = [f"UID:{n}|SUMMARY:M{n}|DTSTART:19000101T100000Z|RRULE:FREQ=DAILY;COUNT=999999" for n in range(9)]
    monkeypatch.setattr(calendars, "BUDGET_DAYS", 100_000)
    found = read(site, *long, "UID:x|SUMMARY:Good|DTSTART:20261202T100000Z")
    assert "M8' can't be used: the rules up to it repeat for too long" in found.problems[-1].message
    assert [entry.slug for entry in found.entries][-1] == "2026-12-02-good"


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
        (b"just words", "no calendar"),
        (b"BEGIN:VEVENT\r\nEND:VEVENT\r\n", "no calendar"),
        (b"BEGIN:VEVENT\r\n" * 5000, "calendar"),
        (bytes(range(256)) * 10, "no calendar"),
        (b"\x00" * 1000, "no calendar"),
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


VALUES = [
    "", "x", "20261201T100000Z", "20261201", "20261301T000000", "-20261201", "99991231T235959Z", "\x00", "\N{SNOWMAN}",
    "=;:,", "P99999999W", "FREQ=DAILY", "FREQ=SECONDLY;COUNT=999999999", "{{ x }}", "<script>", "https://[::1",
    ",", ";", "\\",
]  # fmt: skip
PROPERTIES = [
    "UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID", "SEQUENCE", "STATUS",
    "SUMMARY", "LOCATION", "URL", "DESCRIPTION", "DTSTART;TZID=", "RECURRENCE-ID;RANGE=THISANDFUTURE",
    "RDATE;VALUE=PERIOD",
]  # fmt: skip


@pytest.mark.timeout(120)  # a guard against what is not linear, no measure
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize("name", PROPERTIES)
def test_a_hostile_value_harms_only_its_own_event(site: Site, name: str, value: str) -> None:
    base = {"UID": "1", "SUMMARY": "Evil", "DTSTART": "20261201T100000Z", "DTEND": "20261201T110000Z"}
    evil = "|".join(f"{key}:{text}" for key, text in {**base, name: value}.items())
    twice = f"{evil}|{name}:{value}"
    body = ics(evil, "UID:2|SUMMARY:Good|DTSTART:20261202T100000Z", twice.replace("UID:1", "UID:3"))
    found = read_calendar(site, calendar_source(), body, NOW)
    assert "Good" in {text.title for entry in found.entries for text in entry.texts.values()}
    assert all(problem.message.isprintable() and len(problem.message) <= 300 for problem in found.problems)
    assert all(entry.ends is None or entry.starts is None or entry.ends >= entry.starts for entry in found.entries)


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
