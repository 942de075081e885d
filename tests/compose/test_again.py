"""What is told twice, and what never: reminders, moved and cancelled events, limits, highlights by rule, gaps."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.collect.entries import EntryStore
from chalicelib.collect.entry import Change, Entry
from chalicelib.compose.edition import Content, State, content_from_json, content_to_json
from chalicelib.compose.editions import Edition
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
