"""What is told twice, and what never: reminders, moved and cancelled events, limits, highlights by rule, gaps."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.collect.entries import EntryStore
from chalicelib.collect.entry import Change, Entry
from chalicelib.collect.identity import entry_id
from chalicelib.compose.edition import Content, State, content_from_json, content_to_json
from chalicelib.compose.editions import Edition
from chalicelib.compose.told import as_news
from chalicelib.content.values import (
    ArchivedIssue,
    EditionNote,
    Kind,
    NoteEntry,
    NoteSection,
    Section,
    Source,
    SourceKind,
)
from tests.compose.test_composer import MONDAY, WEEK, Desk
from tests.render.values import entry
from tests.simulation.world import DIGEST, SLOT

DAY = timedelta(days=1)
SECTIONS = (
    Section({"*": "Calls"}, kind=Kind.DEADLINE, within=6 * WEEK, remind=True),
    Section({"*": "Dates"}, kind=Kind.EVENT, within=6 * WEEK),
    Section({"*": "News"}, rest=True),
)


class Room(Desk):
    """A desk that lets every edition go out, and says what each held."""

    archive: tuple[ArchivedIssue, ...] = ()
    sources: tuple[Source, ...] = ()
    notes: dict[tuple[str, str], EditionNote]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.newsletter = replace(DIGEST, sections=SECTIONS)
        self.notes = {}

    def site(self, **changes: Any) -> Any:
        return super().site(**{"archive": self.archive, "sources": self.sources, **changes, "notes": self.notes})

    def store(self, made: Entry) -> None:
        EntryStore(self.table).keep([made])

    def run(self, weeks: int = 6) -> None:
        self.tick(MONDAY)
        for week in range(weeks):
            self.tick(SLOT + week * WEEK)

    def held(self) -> dict[str, list[str]]:
        """The titles of each edition that goes out, reminders with a mark."""
        return {slot: [self._shown(e, content) for e in content.entries] for slot, content in self.contents().items()}

    def contents(self) -> dict[str, Content]:
        store = self.composer().editions
        out = {s: e for s, e in self.editions().items() if e.state is not State.CANCELLED}
        return {slot: store.content(edition) for slot, edition in out.items()}

    @staticmethod
    def _shown(one: Entry, content: Content) -> str:
        return one.slug + (" (reminder)" if one.id in content.reminders else "")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.database.close()


def dated(number: int, kind: Kind, starts: datetime, **changes: Any) -> Entry:
    values = {"identities": (f"slug:blog:{number}",), "first_seen": MONDAY, **changes}
    return entry(number, kind=kind, starts=starts, **values)


def test_a_deadline_is_named_again_in_the_last_edition_before_it_and_never_after(room: Room) -> None:
    room.store(dated(1, Kind.DEADLINE, SLOT + 2 * WEEK + DAY))
    room.run()
    assert room.held() == {"2026-11-26": ["entry-1"], "2026-12-10": ["entry-1 (reminder)"]}


def test_a_deadline_first_named_in_its_last_edition_is_not_named_again(room: Room) -> None:
    room.store(dated(1, Kind.DEADLINE, SLOT + DAY))
    room.run()
    assert room.held() == {"2026-11-26": ["entry-1"]}


@pytest.mark.parametrize(("all_day", "again"), [(False, []), (True, ["entry-1 (reminder)"])])
def test_a_deadline_of_a_whole_day_may_be_named_on_it(room: Room, all_day: bool, again: list[str]) -> None:
    midnight = SLOT + WEEK - timedelta(hours=10)
    room.store(dated(1, Kind.DEADLINE, midnight, all_day=all_day))
    room.run()
    assert room.held().get("2026-12-03", []) == again


def test_sections_may_leave_reminders_out_and_events_have_them_on_request(room: Room) -> None:
    room.newsletter = replace(
        DIGEST, sections=(replace(SECTIONS[0], remind=False), replace(SECTIONS[1], remind=True), SECTIONS[2])
    )
    room.store(dated(1, Kind.DEADLINE, SLOT + WEEK + DAY))
    room.store(dated(2, Kind.EVENT, SLOT + WEEK + DAY))
    room.store(dated(3, Kind.EVENT, SLOT + WEEK + DAY, series="weekly"))
    room.run()
    assert room.held() == {"2026-11-26": ["entry-1", "entry-2", "entry-3"], "2026-12-03": ["entry-2 (reminder)"]}


def test_a_deadline_that_was_put_off_is_reminded_of_at_its_new_date(room: Room) -> None:
    room.store(dated(1, Kind.DEADLINE, SLOT + 4 * WEEK + DAY))
    room.run(1)
    room.store(dated(1, Kind.DEADLINE, SLOT + 2 * WEEK + DAY))
    for week in range(1, 6):
        room.tick(SLOT + week * WEEK)
    assert room.held() == {"2026-11-26": ["entry-1"], "2026-12-10": ["entry-1 (reminder)"]}


def test_an_event_that_moved_or_was_cancelled_is_told_once_more_each(room: Room) -> None:
    starts = SLOT + 5 * WEEK
    room.store(dated(1, Kind.EVENT, starts))
    room.run(1)
    room.store(dated(1, Kind.EVENT, starts + DAY, change=Change.MOVED, moved_from=starts))
    room.tick(SLOT + WEEK)
    room.tick(SLOT + 2 * WEEK)
    room.store(dated(1, Kind.EVENT, starts + DAY, change=Change.CANCELLED))
    room.tick(SLOT + 3 * WEEK)
    room.tick(SLOT + 4 * WEEK)
    changes = {slot: [e.change for e in content.entries] for slot, content in room.contents().items()}
    assert changes == {"2026-11-26": [Change.NONE], "2026-12-03": [Change.MOVED], "2026-12-17": [Change.CANCELLED]}


def test_a_cancelled_event_nobody_was_told_of_is_no_news_but_one_of_a_series_is(room: Room) -> None:
    room.store(dated(1, Kind.EVENT, SLOT + DAY, change=Change.CANCELLED))
    room.store(dated(2, Kind.EVENT, SLOT + DAY, change=Change.CANCELLED, series="weekly"))
    room.run()
    assert room.held() == {"2026-11-26": ["entry-2"]}


def test_an_event_announced_years_before_stands_when_its_time_comes(room: Room) -> None:
    room.store(dated(1, Kind.EVENT, SLOT + WEEK, first_seen=MONDAY - timedelta(days=700)))
    room.run(1)
    assert room.held() == {"2026-11-26": ["entry-1"]}


def test_what_lies_beyond_the_limit_of_a_source_is_counted_and_never_repeated(room: Room) -> None:
    room.sources = (Source("blog", SourceKind.FEED, "x", limit=3), Source("other", SourceKind.FEED, "y"))
    for number in range(1, 6):
        room.store(entry(number, identities=(f"slug:blog:{number}",), first_seen=MONDAY))
    room.store(entry(9, identities=("slug:other:9",), first_seen=MONDAY, source="other", pinned=True))
    room.run()
    (content,) = room.contents().values()
    (section,) = content.sections
    assert [e.slug for e in section.entries] == ["entry-9", "entry-1", "entry-2", "entry-3"]
    assert [e.slug for e in section.more] == ["entry-4", "entry-5"]
    assert content_from_json(content_to_json(content)) == content


@pytest.mark.parametrize(
    ("rule", "highlight"),
    [
        ("", None), ("latest", "entry-1"), ("latest security", "entry-2"), ("latest release", "entry-5"),
        ("latest Releases", "entry-5"), ("latest events", None),
    ],
)  # fmt: skip
def test_a_highlight_by_rule(room: Room, rule: str, highlight: str | None) -> None:
    room.newsletter = replace(room.newsletter, highlight=rule)
    for number in range(1, 5):
        room.store(entry(number, identities=(f"slug:blog:{number}",), first_seen=MONDAY - number * DAY / 10))
    changes = {"categories": ("Release",), "first_seen": MONDAY - DAY / 2, "identities": ("slug:blog:5",)}
    room.store(entry(5, **changes))
    room.run(1)
    (content,) = room.contents().values()
    assert (content.highlight.slug if content.highlight else None) == highlight
    assert len({e.id for e in content.entries}) == len(content.entries) == 5


@pytest.mark.parametrize(("said", "highlight"), [("entry-3", "entry-3"), ("none", None)])
def test_a_notes_highlight_wins_over_the_rule(room: Room, said: str, highlight: str | None) -> None:
    room.newsletter = replace(room.newsletter, highlight="latest")
    room.keep(1, 2, 3)
    room.notes["digest", "2026-11-26"] = EditionNote("digest", "2026-11-26", highlight=said)
    room.run(1)
    (content,) = room.contents().values()
    assert (content.highlight.slug if content.highlight else None) == highlight


def arranged(*lines: int, highlight: str = "", title: str = "News") -> EditionNote:
    entries = tuple(NoteEntry(f"{n:012x}", "n.md", n, {"en": f"Word {n}"} if n == 2 else {}) for n in lines)
    return EditionNote("digest", "2026-11-26", highlight=highlight, sections=(NoteSection(title, entries),))


def test_an_arranged_edition_holds_its_lines_and_what_was_cut_comes_next(room: Room) -> None:
    room.keep(1, 2, 3, 4)
    room.notes["digest", "2026-11-26"] = arranged(3, 2, 77, title="Our own")
    room.run(2)
    assert room.held() == {"2026-11-26": ["entry-3", "entry-2"], "2026-12-03": ["entry-1", "entry-4"]}
    content = room.contents()["2026-11-26"]
    assert content.sections[0].title == {"*": "Our own"}
    assert content.remarks == {f"{2:012x}": {"en": "<p>Word 2</p>"}}
    assert content_from_json(content_to_json(content)) == content


def test_excluded_entries_never_come_back(room: Room) -> None:
    room.keep(1, 2)
    room.notes["digest", "2026-11-26"] = EditionNote("digest", "2026-11-26", exclude=("entry-1",))
    room.run(4)
    assert room.held() == {"2026-11-26": ["entry-2"]}


def test_an_arranged_edition_says_nothing_that_is_over_or_was_published(room: Room) -> None:
    room.keep(1)
    room.run(1)
    room.keep(2)
    room.store(dated(3, Kind.EVENT, SLOT + DAY))
    room.store(dated(4, Kind.DEADLINE, SLOT + 3 * WEEK))
    note = replace(arranged(1, 2, 3, 4), slot="2026-12-03")
    room.notes["digest", "2026-12-03"] = note
    room.tick(SLOT + WEEK)
    assert room.held()["2026-12-03"] == ["entry-2", "entry-4"]
    slot = next(e for e in room.editions().values() if e.slot == "2026-12-03")
    draft = room.composer().draft(room.newsletter, _slot(slot), SLOT + WEEK)
    assert draft.selection.published == (("entries", f"{1:012x}", "#1 (2026-11-26)"),)


def _slot(edition: Edition) -> Any:
    from chalicelib.compose.schedule import Slot

    return Slot(edition.slot_at, edition.slot)


def test_the_highlight_of_an_arranged_edition_leaves_its_line(room: Room) -> None:
    room.keep(1, 2, 3)
    room.notes["digest", "2026-11-26"] = arranged(1, 2, highlight="entry-2")
    room.run(1)
    (content,) = room.contents().values()
    assert content.highlight
    assert [e.slug for e in content.entries] == ["entry-2", "entry-1"]
    assert [[e.slug for e in s.entries] for s in content.sections] == [["entry-1"]]


def test_numbers_go_on_after_imported_issues_and_their_links_count_as_published(room: Room) -> None:
    room.archive = (
        ArchivedIssue("digest", "2026-10-01", 35, "35", links=("http://www.example.org/2/",)),
        ArchivedIssue("other", "2026-10-01", 99, "99", links=("https://example.org/3",)),
    )
    for number in (1, 2, 3):
        room.store(entry(number, identities=(f"url:example.org/{number}",), first_seen=MONDAY))
    room.run(1)
    assert room.held() == {"2026-11-26": ["entry-1", "entry-3"]}
    assert room.editions()["2026-11-26"].number == 36


def test_the_gap_report_names_old_news_that_stood_nowhere_and_why(room: Room) -> None:
    room.newsletter = replace(
        room.newsletter, topics=("security",), sections=(Section({"*": "S"}, topics=("security",)),)
    )
    room.keep(1, 2)
    room.keep(3, backlog=True)
    room.run()
    late = MONDAY + timedelta(days=29)
    assert room.composer().gaps(late) == []
    (gap,) = room.composer().gaps(MONDAY + timedelta(days=31))
    assert (gap.entry.slug, gap.why) == ("entry-1", "digest: none of its topics is of this newsletter")


def test_a_deadline_on_the_day_of_an_edition_is_reminded_of_once(room: Room) -> None:
    """Named on the 26th and reminded of on the 3rd; on the 10th itself, a whole day long, it was said often enough."""
    room.store(dated(1, Kind.DEADLINE, SLOT + 2 * WEEK - timedelta(hours=10), all_day=True))
    room.run()
    assert room.held() == {"2026-11-26": ["entry-1"], "2026-12-03": ["entry-1 (reminder)"]}


def test_an_arranged_edition_reminds_of_nothing_twice(room: Room) -> None:
    room.store(dated(1, Kind.DEADLINE, SLOT + 2 * WEEK - timedelta(hours=10), all_day=True))
    for slot in ("2026-12-03", "2026-12-10"):
        room.notes["digest", slot] = replace(arranged(1), slot=slot)
    room.run()
    assert room.held() == {"2026-11-26": ["entry-1"], "2026-12-03": ["entry-1 (reminder)"]}


def test_a_highlight_counts_for_the_limit_of_its_source(room: Room) -> None:
    room.sources = (Source("blog", SourceKind.FEED, "x", limit=1),)
    room.newsletter = replace(room.newsletter, highlight="latest")
    for number in (1, 2):
        room.store(entry(number, identities=(f"slug:blog:{number}",), first_seen=MONDAY - number * DAY / 10))
    room.run(1)
    (content,) = room.contents().values()
    assert [(len(section.entries), len(section.more)) for section in content.sections] == [(0, 1)]


CALL = SLOT + 5 * WEEK
OFF = {"change": Change.CANCELLED}


def told(room: Room, *weeks: Entry | None) -> list[str]:
    """What each week's edition says of the events that are stored before it: the change, and the slug's number."""
    room.tick(MONDAY)
    for week, made in enumerate(weeks):
        if made is not None:
            room.store(made)
        room.tick(SLOT + week * WEEK)
        room.tick(SLOT + week * WEEK)
    contents = room.contents()
    slots = [f"{SLOT + week * WEEK:%Y-%m-%d}" for week in range(len(weeks))]
    return [" ".join(f"{e.change or 'new'}" for e in contents[s].entries) if s in contents else "" for s in slots]


PLAN, GONE = dated(1, Kind.EVENT, CALL), dated(1, Kind.EVENT, CALL, **OFF)
LATER = dated(1, Kind.EVENT, CALL + DAY)


@pytest.mark.parametrize(
    ("weeks", "expected"),
    [
        ((PLAN, GONE, PLAN, None), ["new", "cancelled", "again", ""]),
        ((PLAN, GONE, PLAN, GONE, PLAN), ["new", "cancelled", "again", "cancelled", "again"]),
        ((PLAN, GONE, LATER, None), ["new", "cancelled", "again", ""]),
        ((PLAN, GONE, PLAN, LATER, None), ["new", "cancelled", "again", "moved", ""]),
        ((PLAN, GONE, None, None), ["new", "cancelled", "", ""]),
        ((GONE, PLAN, None), ["", "new", ""]),
        ((replace(GONE, series="s"), replace(PLAN, series="s"), None), ["cancelled", "again", ""]),
        ((PLAN, LATER, replace(LATER, **OFF), LATER, None), ["new", "moved", "cancelled", "again", ""]),  # type: ignore[arg-type]
    ],
)
def test_a_cancelled_event_that_is_on_again_is_told_once(
    room: Room, weeks: tuple[Entry | None, ...], expected: list[str]
) -> None:
    assert told(room, *weeks) == expected


def test_what_changes_back_before_it_is_told_is_no_news(room: Room) -> None:
    assert told(room, PLAN) == ["new"]
    room.store(GONE)
    room.store(PLAN)
    room.tick(SLOT + WEEK)
    room.store(GONE)
    room.tick(SLOT + 2 * WEEK)
    room.store(PLAN)
    room.store(GONE)
    room.tick(SLOT + 3 * WEEK)
    assert {s: [str(e.change) for e in c.entries] for s, c in room.contents().items()} == {
        "2026-11-26": [""],
        "2026-12-10": ["cancelled"],
    }


def test_a_move_while_an_event_was_cancelled_is_told_with_its_being_on_again(room: Room) -> None:
    off = replace(LATER, **OFF)  # type: ignore[arg-type]
    assert told(room, PLAN, off, LATER, None) == ["new", "cancelled", "again", ""]
    (again,) = room.contents()["2026-12-10"].entries
    assert (again.starts, again.moved_from) == (CALL + DAY, CALL)


def test_a_move_that_was_told_before_the_cancellation_is_not_told_again(room: Room) -> None:
    off = replace(LATER, **OFF)  # type: ignore[arg-type]
    assert told(room, PLAN, LATER, off, LATER) == ["new", "moved", "cancelled", "again"]
    (again,) = room.contents()["2026-12-17"].entries
    assert again.moved_from is None


def test_what_was_told_as_moved_is_not_new_once_that_is_its_time(room: Room) -> None:
    moved = dated(1, Kind.EVENT, CALL, change=Change.MOVED, moved_from=CALL - DAY)
    room.tick(MONDAY)
    room.store(moved)
    room.tick(SLOT)
    edition = room.editions()["2026-11-26"]
    assert f"{moved.id}" in edition.implied
    assert edition.entries == (moved.offer,)


def test_a_cancellation_that_reached_nobody_needs_no_taking_back(room: Room) -> None:
    """The edition that told it was cancelled itself: its readers know the event as planned."""
    assert told(room, PLAN, GONE) == ["new", "cancelled"]
    store = room.composer().editions
    store.move(store.find("digest/2026-12-03"), State.CANCELLED, SLOT + WEEK)
    room.store(PLAN)
    room.tick(SLOT + 2 * WEEK)
    assert list(room.held()) == ["2026-11-26"]


def test_a_newsletter_that_announces_at_once_tells_every_turn(room: Room) -> None:
    room.newsletter = replace(DIGEST, name="digest", schedule=None, trigger_topics=("security",))
    room.tick(MONDAY)
    for day, made in enumerate((PLAN, GONE, PLAN, GONE, PLAN, PLAN)):
        room.store(replace(made, topics=("security",)))
        room.tick(MONDAY + day * DAY / 10)
        room.tick(MONDAY + day * DAY / 10)
    assert [str(e.change) for e in sorted_by_number(room)] == ["", "cancelled", "again", "cancelled", "again"]


def sorted_by_number(room: Room) -> list[Entry]:
    return [e for content in sorted(room.contents().values(), key=lambda c: c.number) for e in content.entries]


def occurrence(week: int, **changes: Any) -> Entry:
    name = f"guid:blog:weekly/{week}"
    values = {"series": "weekly", "identities": (name,), "id": entry_id(name), "slug": f"week-{week}", **changes}
    return dated(week, Kind.EVENT, SLOT + week * WEEK + DAY, **values)


ALL_OFF = occurrence(0, identities=("guid:blog:weekly",), id=entry_id("guid:blog:weekly"), slug="all", **OFF)


def test_a_series_that_is_on_again_is_one_piece_of_news() -> None:
    weeks = [occurrence(n) for n in range(4)]
    known = {entry.id for entry in weeks}
    assert as_news(weeks, known, SLOT) == weeks
    told = {*known, ALL_OFF.offer}
    first, *others = as_news(weeks[::-1], told, SLOT + DAY)[::-1]
    assert (first, others[1:]) == (weeks[0], weeks[2:]), "what is over stands for nothing"
    assert (others[0].change, others[0].whole_series) == (Change.AGAIN, True)
    assert (others[0].id, others[0].offer) == (weeks[1].id, f"{ALL_OFF.id}~again")
    assert weeks[1].id in others[0].implied
    assert as_news(weeks, {*told, others[0].offer}, SLOT) == weeks
    off = replace(ALL_OFF, starts=SLOT + 2 * WEEK)
    assert [e.change for e in as_news([*weeks, off], told, SLOT)][:4] == [Change.NONE] * 4, "still cancelled"
    (second,) = as_news([ALL_OFF], {*told, others[0].offer}, SLOT)
    assert second.offer == f"{ALL_OFF.id}~cancelled-2"


def test_a_series_that_is_on_again_stands_once_in_an_edition(room: Room) -> None:
    room.tick(MONDAY)
    room.store(occurrence(3))
    room.tick(SLOT)
    EntryStore(room.table).withdraw_missing("blog", [], SLOT)
    room.store(ALL_OFF)
    room.store(replace(ALL_OFF, starts=SLOT + 3 * WEEK))
    room.tick(SLOT + WEEK)
    EntryStore(room.table).withdraw_missing("blog", [], SLOT + WEEK)
    for week in (3, 4):
        room.store(occurrence(week))
    room.tick(SLOT + 2 * WEEK)
    room.tick(SLOT + 3 * WEEK)
    shown = {s: [(e.slug, str(e.change)) for e in c.entries] for s, c in room.contents().items()}
    assert shown == {
        "2026-11-26": [("week-3", "")],
        "2026-12-03": [("all", "cancelled")],
        "2026-12-10": [("week-3", "again"), ("week-4", "")],
    }
