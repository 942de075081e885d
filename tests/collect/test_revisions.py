"""Revisions of events: they rise with each change that a calendar program must follow, and never fall."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.clock import from_iso, iso
from chalicelib.collect.calendars import read_calendar
from chalicelib.collect.entries import EntryStore
from chalicelib.collect.entry import Change, Entry, entry_from_json, entry_to_json
from chalicelib.collect.folder import read_folder
from chalicelib.collect.identity import digest
from chalicelib.content.values import Kind, Site
from chalicelib.store import Key, Table, every
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from tests.sites import NOW, SITE, calendar_source, make_site, post

HOUR = timedelta(hours=1)
EVENTS = "sources:\n  events: {folder: events, pattern: '{language}/{slug}.md', kind: event}\n"
WITH_EVENTS = SITE + EVENTS


@pytest.fixture
def table(tmp_path: Path) -> Iterator[SqliteTable]:
    database = Database(tmp_path / "table.db")
    yield SqliteTable(database)
    database.close()


class Calendar:
    """A calendar of one event as its source edits it, read and kept an hour after the last time."""

    def __init__(self, site: Site, table: Table) -> None:
        self.site, self.store, self.now = site, EntryStore(table), NOW
        self.id = ""

    def reads(self, *lines: str) -> Entry:
        self.now += HOUR
        event = "|".join(("BEGIN:VEVENT", "UID:one@example.org", "SUMMARY:Meeting", *lines, "END:VEVENT"))
        body = f"BEGIN:VCALENDAR|VERSION:2.0|{event if lines else ''}|END:VCALENDAR|".replace("|", "\r\n").encode()
        found = read_calendar(self.site, calendar_source(), body, self.now)
        assert not found.problems
        self.store.keep(found.entries, complete=True)
        self.store.withdraw_missing("calendar", found.entries, self.now)
        self.id = self.id or found.entries[0].id
        kept = self.store.find_dated(self.id, self.now)
        assert kept is not None
        return kept


@pytest.fixture
def calendar(tmp_path: Path, table: SqliteTable) -> Calendar:
    return Calendar(make_site(tmp_path / "site"), table)


FIRST, LATER = "DTSTART:20261201T100000Z", "DTSTART:20261202T100000Z"


def test_a_calendars_event_that_is_moved_cancelled_and_on_again(calendar: Calendar) -> None:
    told = [
        calendar.reads(FIRST),
        calendar.reads(FIRST),
        calendar.reads(LATER),
        calendar.reads(LATER, "STATUS:CANCELLED"),
        calendar.reads(LATER, "STATUS:CANCELLED"),
        calendar.reads(LATER),
        calendar.reads(),
        calendar.reads(LATER),
    ]
    assert [entry.revision for entry in told] == [0, 0, 1, 2, 2, 3, 4, 5]
    assert [str(entry.change) for entry in told[2:6]] == ["moved", "cancelled", "cancelled", "moved"]
    assert [entry.withdrawn for entry in told[5:]] == [False, True, False]
    hours = [entry.revised and int((entry.revised - NOW) / HOUR) for entry in told]
    assert hours == [None, None, 3, 4, 4, 6, 7, 8]


@pytest.mark.parametrize("line", ["DTEND:20261201T120000Z", "LOCATION:Room 5", "DURATION:PT1H"])
def test_an_end_or_a_place_is_a_change(calendar: Calendar, line: str) -> None:
    assert calendar.reads(FIRST).revision == 0
    assert calendar.reads(FIRST, line).revision == 1
    assert calendar.reads(FIRST, line).revision == 1


def test_a_whole_day_is_another_than_its_midnight(calendar: Calendar) -> None:
    calendar.reads("DTSTART:20261130T230000Z", "DTEND:20261201T230000Z")
    assert calendar.reads("DTSTART;VALUE=DATE:20261201").revision == 1


def test_words_alone_raise_nothing_but_are_a_modification(calendar: Calendar) -> None:
    calendar.reads(FIRST)
    told = calendar.reads(FIRST, "DESCRIPTION:Bring a laptop.")
    assert (told.revision, told.revised) == (0, calendar.now)
    assert calendar.reads(FIRST, "DESCRIPTION:Bring a laptop.").revised == calendar.now - HOUR


def test_a_sources_own_sequence_is_the_least(calendar: Calendar) -> None:
    assert calendar.reads(FIRST, "SEQUENCE:4").revision == 4
    assert calendar.reads(LATER, "SEQUENCE:4").revision == 5
    assert calendar.reads(LATER, "SEQUENCE:9").revision == 9
    assert calendar.reads(FIRST, "SEQUENCE:1").revision == 10


def test_an_event_that_is_edited_in_its_file(tmp_path: Path, table: SqliteTable) -> None:
    store = EntryStore(table)
    revisions = []
    for hour, (body, fields) in enumerate(
        [
            ("Words.", {}),
            ("Other words.", {}),
            ("Other words.", {"place": "Pier 1"}),
            ("Other words.", {"place": "Pier 1", "starts": "2026-12-03 20:00"}),
        ]
    ):
        text = post("Gathering", body, **{"starts": "2026-12-03 19:00", **fields})
        site = make_site(tmp_path, {"events/en/gathering.md": text}, site=WITH_EVENTS)
        found = read_folder(site, site.sources[0], NOW + hour * HOUR)
        store.keep(found.entries, complete=True)
        (kept,) = store.dated(NOW)
        revisions.append((kept.revision, kept.revised and kept.revised - NOW))
    assert revisions == [(0, None), (0, HOUR), (1, 2 * HOUR), (2, 3 * HOUR)]


def test_posts_have_no_revisions(tmp_path: Path, table: SqliteTable) -> None:
    store = EntryStore(table)
    site = WITH_EVENTS.replace("kind: event", "kind: post").replace("'{language}", "'{date}-{language}")
    for words in ("One.", "Two."):
        made = make_site(tmp_path, {"events/2026-11-20-en/a.md": post("A", words)}, site=site)
        store.keep(read_folder(made, made.sources[0], NOW).entries, complete=True)
    (kept,) = store.since(NOW)
    assert "Two." in kept.texts["en"].html
    assert (kept.kind, kept.revision, kept.revised) == (Kind.POST, 0, None)
    assert list(store.dated(NOW)) == []


def test_entries_from_before_there_were_revisions(calendar: Calendar, table: SqliteTable) -> None:
    told = calendar.reads(FIRST)
    data = entry_to_json(told)
    assert entry_from_json(data) == told
    assert (data.pop("revision"), data.pop("revised")) == (0, None)
    assert entry_from_json(data) == told
    changed = calendar.reads(LATER)
    assert entry_from_json(entry_to_json(changed)) == changed
    assert from_iso(iso(changed.revised)) == calendar.now


def test_events_are_found_by_their_id_also_those_kept_before_ids_led_to_them(
    calendar: Calendar, table: SqliteTable
) -> None:
    told = calendar.reads(FIRST)
    before = [item.key for item in every(table, f"DATED#{told.first_seen:%Y-%m}")]
    assert len(before) == 1
    assert calendar.store.find_dated("0" * 12, NOW) is None
    pointer = table.get(Key(f"IDENTITY#{digest(f'id:{told.id}')[:32]}", "-"))
    assert pointer is not None
    table.delete(pointer)
    assert calendar.store.find_dated(told.id, NOW) == told
    assert calendar.store.find_dated(told.id, datetime(2040, 1, 1, tzinfo=UTC)) is None


def test_withdrawn_events_are_found_but_not_listed(calendar: Calendar) -> None:
    told = calendar.reads(FIRST)
    assert list(calendar.store.dated(NOW)) == [told]
    gone = calendar.reads()
    assert gone.withdrawn
    assert gone.change is Change.NONE
    assert list(calendar.store.dated(NOW)) == []
