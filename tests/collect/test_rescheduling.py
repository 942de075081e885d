"""A series that is put at other times as a whole: its occurrences were moved, and none of them is new."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.collect.calendars import read_calendar
from chalicelib.collect.entries import EntryStore
from chalicelib.collect.entry import Change, Entry, EntryText, entry_from_json, entry_to_json
from chalicelib.collect.rescheduling import rescheduled
from chalicelib.content.values import Kind, Site
from chalicelib.errors import ConflictError
from chalicelib.store import Table, Write
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from tests.collect.test_calendars import ics
from tests.sites import NOW, calendar_source, make_site

DAY = timedelta(days=1)
BERLIN = "UID:s|SUMMARY:Call|DTSTART;TZID=Europe/Berlin:{}|RRULE:{}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def table(tmp_path: Path) -> Iterator[SqliteTable]:
    database = Database(tmp_path / "table.db")
    yield SqliteTable(database)
    database.close()


def keep(site: Site, table: SqliteTable, *events: str, now: datetime = NOW) -> int:
    """How many occurrences of a reading count as new."""
    found = read_calendar(site, calendar_source(), ics(*events), now)
    store = EntryStore(table)
    changes = store.keep(found.entries, complete=found.complete)
    store.withdraw_missing("calendar", found.entries, now)
    return changes.new


def told(table: SqliteTable, now: datetime = NOW) -> dict[str, str]:
    """When each coming occurrence takes place, UTC, and when it did before."""
    kept = [e for e in EntryStore(table).since(now) if e.starts and e.starts > now]
    return {
        f"{e.starts:%m-%d %H:%M}": f"{e.moved_from:%m-%d %H:%M}" if e.moved_from else str(e.change)
        for e in sorted(kept, key=lambda e: e.starts or now)
        if e.starts
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            ("20261126T180000", "FREQ=WEEKLY;COUNT=3"),
            ("20261126T200000", "FREQ=WEEKLY;COUNT=3"),
            {"11-26 19:00": "11-26 17:00", "12-03 19:00": "12-03 17:00", "12-10 19:00": "12-10 17:00"},
        ),
        (
            ("20261126T180000", "FREQ=WEEKLY;COUNT=3"),
            ("20261127T180000", "FREQ=WEEKLY;COUNT=3"),
            {"11-27 17:00": "11-26 17:00", "12-04 17:00": "12-03 17:00", "12-11 17:00": "12-10 17:00"},
        ),
        (
            ("20261126T090000", "FREQ=DAILY;COUNT=3"),
            ("20261126T230000", "FREQ=DAILY;COUNT=3"),
            {"11-26 22:00": "11-26 08:00", "11-27 22:00": "11-27 08:00", "11-28 22:00": "11-28 08:00"},
        ),
        (
            ("20261126T003000", "FREQ=DAILY;COUNT=3"),
            ("20261126T013000", "FREQ=DAILY;COUNT=3"),
            {"11-26 00:30": "11-25 23:30", "11-27 00:30": "11-26 23:30", "11-28 00:30": "11-27 23:30"},
        ),
        (
            ("20261126T100000", "FREQ=DAILY;COUNT=4;BYHOUR=10,15"),
            ("20261126T110000", "FREQ=DAILY;COUNT=4;BYHOUR=11,16"),
            {"11-26 10:00": "11-26 09:00", "11-26 15:00": "11-26 14:00",
             "11-27 10:00": "11-27 09:00", "11-27 15:00": "11-27 14:00"},
        ),
        (
            ("20260101T180000", "FREQ=MONTHLY;BYDAY=1TH;UNTIL=20270130"),
            ("20260101T180000", "FREQ=MONTHLY;BYDAY=1TU;UNTIL=20270130"),
            {"12-01 17:00": "12-03 17:00", "01-05 17:00": "01-07 17:00"},
        ),
        (
            ("20261126T180000", "FREQ=WEEKLY;COUNT=2"),
            ("20261126T180000", "FREQ=WEEKLY;COUNT=3"),
            {"11-26 17:00": "", "12-03 17:00": "", "12-10 17:00": ""},
        ),
        (
            ("20261126T180000", "FREQ=WEEKLY;COUNT=2"),
            ("20261123T180000", "FREQ=WEEKLY;COUNT=4;BYDAY=MO,WE"),
            {"11-23 17:00": "", "11-25 17:00": "11-26 17:00", "11-30 17:00": "", "12-02 17:00": "12-03 17:00"},
        ),
        (
            ("20261123T180000", "FREQ=WEEKLY;COUNT=2"),
            ("20261127T180000", "FREQ=WEEKLY;COUNT=2"),
            {"11-27 17:00": "11-23 17:00", "12-04 17:00": "11-30 17:00"},
        ),
        (
            ("20261126T180000", "FREQ=MONTHLY;COUNT=2"),
            ("20261210T180000", "FREQ=MONTHLY;COUNT=2"),
            {"12-10 17:00": "", "01-10 17:00": ""},
        ),
    ],
    ids=["hour", "weekday", "evening", "night", "twice a day", "first of the month", "longer", "twice a week",
         "four days", "too far"],
)  # fmt: skip
def test_a_series_that_is_put_elsewhere_was_moved(
    site: Site, table: SqliteTable, before: tuple[str, str], after: tuple[str, str], expected: dict[str, str]
) -> None:
    keep(site, table, BERLIN.format(*before))
    known = set(told(table))
    new = keep(site, table, BERLIN.format(*after))
    assert told(table) == expected
    assert new == sum(not old and moment not in known for moment, old in expected.items())
    assert keep(site, table, BERLIN.format(*after)) == 0
    assert told(table) == expected


def test_occurrences_keep_their_ids_however_often_a_series_moves(site: Site, table: SqliteTable) -> None:
    ids = None
    for hour in range(10, 22):
        keep(site, table, BERLIN.format(f"20261126T{hour}0000", "FREQ=WEEKLY;COUNT=4"))
        here = sorted((e.planned_on, e.id) for e in EntryStore(table).since(NOW))
        ids = ids or here
        assert here == ids
    assert [day for day, _ in ids or ()] == ["2026-11-26", "2026-12-03", "2026-12-10", "2026-12-17"]


def test_what_moves_as_its_calendar_is_empty_for_a_day_is_not_new(site: Site, table: SqliteTable) -> None:
    keep(site, table, BERLIN.format("20261126T180000", "FREQ=WEEKLY;COUNT=2"))
    keep(site, table, "UID:o|SUMMARY:Other|DTSTART:20261126T180000Z")
    assert keep(site, table, BERLIN.format("20261126T200000", "FREQ=WEEKLY;COUNT=2"), now=NOW + DAY) == 0
    assert told(table) == {"11-26 19:00": "11-26 17:00", "12-03 19:00": "12-03 17:00"}


def test_what_took_place_is_moved_to_no_other_day(site: Site, table: SqliteTable) -> None:
    """On Friday noon Thursday's becomes Friday's: today's is one more, the others move."""
    keep(site, table, BERLIN.format("20261126T180000", "FREQ=WEEKLY;COUNT=3"))
    friday = datetime(2026, 11, 27, 12, tzinfo=UTC)
    assert keep(site, table, BERLIN.format("20261127T180000", "FREQ=WEEKLY;COUNT=3"), now=friday) == 1
    expected = {"11-27 17:00": "", "12-04 17:00": "12-03 17:00", "12-11 17:00": "12-10 17:00"}
    assert told(table, friday) == expected


def test_a_series_of_another_uid_is_another_one(site: Site, table: SqliteTable) -> None:
    keep(site, table, BERLIN.format("20261126T180000", "FREQ=WEEKLY;COUNT=2"))
    other = BERLIN.format("20261126T200000", "FREQ=WEEKLY;COUNT=2").replace("UID:s", "UID:t")
    assert keep(site, table, other) == 2


class Contended:
    """A table at which somebody else is first in some transactions, counted from 1."""

    def __init__(self, table: Table, lost: set[int]) -> None:
        self.table, self.lost, self.transactions = table, lost, 0
        self.get_many, self.query = table.get_many, table.query

    def transact(self, writes: Sequence[Write]) -> None:
        self.transactions += 1
        if self.transactions in self.lost:
            raise ConflictError("another was first")
        self.table.transact(writes)


def test_a_find_that_is_tried_again_takes_none_of_its_neighbours(site: Site, table: SqliteTable) -> None:
    keep(site, table, BERLIN.format("20261126T180000", "FREQ=DAILY;COUNT=2"))
    contended = Contended(table, {1, 3})  # the whole, then the second alone
    later = BERLIN.format("20261127T200000", "FREQ=DAILY;COUNT=2")
    assert keep(site, contended, later) == 0  # type: ignore[arg-type]
    assert contended.transactions == 4
    assert told(table) == {"11-27 19:00": "11-27 17:00", "11-28 19:00": "11-26 17:00"}


def occurrence(number: int, starts: datetime, title: str = "Call", day: str | None = None) -> Entry:
    return Entry(
        f"{number:012x}", "call", Kind.EVENT, "calendar", {"en": EntryText(title, "")}, NOW, starts=starts, series="s",
        planned_on=f"{starts:%Y-%m-%d}" if day is None else day, identities=(f"guid:calendar:s/{number}",),
    )  # fmt: skip


def pairs(found: list[Entry], stored: list[Entry]) -> dict[int, int]:
    return {n: int(entry.id, 16) for n, entry in rescheduled(dict(enumerate(found)), stored)}


def test_of_one_day_those_of_one_title_are_the_same() -> None:
    ten, noon, later = (NOW + 5 * DAY + timedelta(hours=hours) for hours in (0, 2, 3))
    stored = [occurrence(1, ten, "Call"), occurrence(2, noon, "Talk")]
    assert pairs([occurrence(9, noon, "Talk"), occurrence(8, later, "Call")], stored) == {0: 2, 1: 1}
    assert pairs([occurrence(9, ten, "Else"), occurrence(8, later, "Talk")], stored) == {0: 1, 1: 2}


def test_what_has_no_day_is_the_same_by_its_order_and_what_was_withdrawn_is_not() -> None:
    starts = [NOW + n * DAY for n in (3, 10, 17)]
    stored = [occurrence(n, moment, day="") for n, moment in enumerate(starts, 1)]
    found = [occurrence(9 - n, moment + DAY) for n, moment in enumerate(starts)]
    assert pairs(found, stored) == {0: 1, 1: 2, 2: 3}
    assert pairs(found, [stored[0], replace(stored[1], withdrawn=True), stored[2]]) == {0: 1, 2: 3}
    assert pairs([replace(e, series="t") for e in found], stored) == {}


def test_the_day_an_occurrence_was_planned_for_is_kept() -> None:
    made = occurrence(1, NOW, day="2026-12-03")
    assert entry_from_json(entry_to_json(made)) == made
    assert made.change is Change.NONE
    old = {key: value for key, value in entry_to_json(made).items() if key not in {"planned_on", "offered_as"}}
    assert entry_from_json(old) == replace(made, planned_on="")
