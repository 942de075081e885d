"""The monthly cadence: what a month's editions held, once, for those who chose it, after the last of them went out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.collect.entry import Change
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.compose.schedule import Slot
from chalicelib.content.values import Approval, EditionNote, Kind, NoteEntry, NoteSection
from tests.compose.test_again import Room, arranged, dated
from tests.compose.test_composer import MONDAY, WEEK
from tests.simulation.world import SLOT

LAST = "2026-11-26"  # Thursdays are the 5th, 12th, 19th and 26th: the last of November


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    made.newsletter = replace(made.newsletter, cadences=("every", "monthly"))
    yield made
    made.database.close()


def gather(room: Room, now: object = SLOT, *, wanted: bool = True) -> Edition | None:
    return room.composer().gather(room.newsletter, now, lambda: wanted)  # type: ignore[arg-type]


def fill(room: Room) -> None:
    """Two editions of November: the 19th with entries 1 and 2, the 26th with 3."""
    room.tick(SLOT - 2 * WEEK)
    room.keep(1, 2, at=SLOT - WEEK)
    room.tick(SLOT - WEEK)
    room.keep(3, at=SLOT)
    room.tick(SLOT)


def test_a_month_is_gathered_once_after_its_last_edition(room: Room) -> None:
    fill(room)
    assert gather(room, SLOT - timedelta(hours=1)) is None, "not before the last slot of the month"
    made = gather(room)
    assert made
    assert (made.slot, made.state, made.number, made.gathering) == (f"{LAST}-monthly", State.APPROVED, 1, True)
    content = room.composer().editions.content(made)
    assert [e.slug for e in content.entries] == ["entry-3", "entry-1", "entry-2"]
    assert gather(room) is None
    assert gather(room, SLOT + timedelta(days=6)) is None


def test_what_was_gathered_does_not_count_for_the_others(room: Room) -> None:
    fill(room)
    gather(room)
    room.keep(4, at=SLOT + timedelta(days=1))
    room.tick(SLOT + WEEK)
    editions = room.editions()
    assert [(s, e.number) for s, e in editions.items() if e.state is not State.CANCELLED] == [
        ("2026-11-19", 1), (LAST, 2), (f"{LAST}-monthly", 1), ("2026-12-03", 3),
    ]  # fmt: skip
    assert room.held()["2026-12-03"] == ["entry-4"]


def test_where_nobody_reads_monthly_nobody_is_looked_for_again(room: Room) -> None:
    fill(room)
    assert gather(room, wanted=False) is None
    assert gather(room, wanted=True) is None
    assert f"{LAST}-monthly" not in room.editions()


def test_a_newsletter_without_the_cadence_has_no_gatherings(room: Room) -> None:
    fill(room)
    room.newsletter = replace(room.newsletter, cadences=("every",))
    assert gather(room) is None


def test_a_month_waits_for_an_edition_that_waits_for_its_editors(room: Room) -> None:
    room.newsletter = replace(room.newsletter, approval=Approval.EDITORS)
    room.keep(1)
    room.tick(MONDAY)
    room.tick(SLOT)
    assert room.editions()[LAST].state is State.DRAFT
    assert gather(room) is None
    store = room.composer().editions
    store.move(room.editions()[LAST], State.APPROVED, SLOT)
    later = SLOT + timedelta(days=3)
    made = gather(room, later)
    assert made
    assert made.slot_at == later, "late as it is, it is not overdue"


def test_a_gathering_leaves_out_what_is_over_and_keeps_the_editors_words(room: Room) -> None:
    room.tick(SLOT - 2 * WEEK)
    room.keep(2, at=SLOT - WEEK)
    room.store(dated(5, Kind.EVENT, SLOT - timedelta(days=2), first_seen=SLOT - WEEK))
    note = replace(arranged(2), slot="2026-11-19")
    both = NoteSection("Dates", (NoteEntry(f"{5:012x}", "n.md", 9),))
    room.notes["digest", "2026-11-19"] = replace(note, sections=(*(note.sections or ()), both))
    room.tick(SLOT - WEEK)
    assert room.held()["2026-11-19"] == ["entry-2", "entry-5"]
    room.tick(SLOT)
    made = gather(room)
    assert made
    content = room.composer().editions.content(made)
    assert [e.slug for e in content.entries] == ["entry-2"]
    assert content.remarks == {f"{2:012x}": {"en": "<p>Word 2</p>"}}


def test_an_edition_that_was_cancelled_is_not_gathered(room: Room) -> None:
    room.keep(1)
    room.tick(MONDAY)
    room.tick(SLOT)
    store = room.composer().editions
    store.move(room.editions()[LAST], State.CANCELLED, SLOT)
    assert gather(room) is None


def test_a_month_of_which_a_part_went_out_waits_for_the_rest(room: Room) -> None:
    fill(room)
    store = room.composer().editions
    store.move(room.editions()[LAST], State.HELD, SLOT)
    assert gather(room) is None
    store.move(room.editions()[LAST], State.APPROVED, SLOT)
    made = gather(room)
    assert made
    assert len(made.entries) == 3


def test_a_gathering_says_what_is_known_now(room: Room) -> None:
    fill(room)
    room.keep(3, at=SLOT, slug="edited-since")
    made = gather(room)
    assert made
    assert [e.slug for e in room.composer().editions.content(made).entries] == ["edited-since", "entry-1", "entry-2"]


def test_a_move_that_a_gathering_tells_is_told_by_the_next_edition_too(room: Room) -> None:
    """The gathering says what is known now; readers of the editions were told the old time and no other."""
    starts = SLOT + 2 * WEEK
    room.tick(SLOT - 2 * WEEK)
    room.store(dated(5, Kind.EVENT, starts, first_seen=SLOT - WEEK))
    room.tick(SLOT - WEEK)
    room.keep(3, at=SLOT)
    room.tick(SLOT)
    room.store(dated(5, Kind.EVENT, starts + timedelta(days=1), change=Change.MOVED, moved_from=starts))
    made = gather(room)
    assert made
    assert any("moved" in name for name in made.entries)
    room.tick(SLOT + WEEK)
    assert room.held()["2026-12-03"] == ["entry-5"]


def test_where_an_entry_stood_is_named_by_its_edition_not_by_the_gathering(room: Room) -> None:
    fill(room)
    gather(room)
    slot = Slot(SLOT + WEEK, "2026-12-03")
    room.notes["digest", "2026-12-03"] = EditionNote("digest", "2026-12-03", highlight="entry-3")
    draft = room.composer().draft(room.newsletter, slot, SLOT + timedelta(days=1))
    assert draft.selection.published == (("highlight", "entry-3", f"#2 ({LAST})"),)


@pytest.mark.parametrize(
    ("told_before", "expected"), [(True, [Change.AGAIN]), (False, [Change.NONE])], ids=["months", "weeks"]
)
def test_a_gathering_takes_back_what_an_earlier_month_told(
    room: Room, told_before: bool, expected: list[Change]
) -> None:
    """Who reads gatherings alone was told of the cancellation by the last month's, or never."""
    starts = SLOT + 12 * WEEK
    events = [dated(5, Kind.EVENT, starts, first_seen=SLOT - WEEK, change=c) for c in (Change.NONE, Change.CANCELLED)]
    room.newsletter = replace(
        room.newsletter, sections=(replace(room.newsletter.sections[1], within=20 * WEEK), *room.newsletter.sections)
    )
    begin = SLOT - WEEK if told_before else SLOT + WEEK
    room.tick(begin - WEEK)
    for week, made in enumerate((events[0], events[1])):
        room.store(made)
        room.tick(begin + week * WEEK)
    room.store(events[0])
    for week in range(1, 6):
        room.tick(max(SLOT, begin) + week * WEEK)
    made = gather(room, SLOT + 5 * WEEK)
    assert made
    assert [e.change for e in room.composer().editions.content(made).entries] == expected
