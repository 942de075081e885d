"""What becomes of a stored event when its source brings it at another time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.collect.entry import Change, Entry, EntryText
from chalicelib.collect.merging import updated
from chalicelib.content.values import Kind
from tests.sites import NOW

DAY = timedelta(days=1)
EVENT = Entry(
    id="0123456789ab",
    slug="2026-12-03-call",
    kind=Kind.EVENT,
    source="calendar",
    texts={"en": EntryText("Call", "")},
    first_seen=NOW - 9 * DAY,
    starts=datetime(2026, 12, 3, 14, 5, tzinfo=UTC),
    identities=("guid:calendar:1",),
)


def found(**changes: object) -> Entry:
    return replace(EVENT, first_seen=NOW, **changes)  # type: ignore[arg-type]


def test_an_event_that_is_put_elsewhere_was_moved_and_stays_so() -> None:
    assert EVENT.starts
    later = EVENT.starts + DAY
    moved = updated(EVENT, found(starts=later), complete=True)
    assert (moved.change, moved.moved_from, moved.starts) == (Change.MOVED, EVENT.starts, later)
    assert (moved.id, moved.first_seen) == (EVENT.id, EVENT.first_seen)
    assert updated(moved, found(starts=later), complete=True) == moved
    back = updated(moved, found(), complete=True)
    assert (back.change, back.moved_from) == (Change.MOVED, later)
    assert len({EVENT.offer, moved.offer, back.offer}) == 3


@pytest.mark.parametrize("source", ["calendar", "events"])
def test_what_its_source_says_of_an_event_counts(source: str) -> None:
    assert EVENT.starts
    old = replace(EVENT, source=source)
    said = replace(found(change=Change.MOVED, moved_from=EVENT.starts - DAY), source=source)
    assert updated(old, said, complete=True).moved_from == EVENT.starts - DAY
    cancelled = replace(found(change=Change.CANCELLED, starts=EVENT.starts + DAY), source=source)
    assert updated(old, cancelled, complete=True).change is Change.CANCELLED
    again = updated(replace(old, change=Change.CANCELLED), replace(found(), source=source), complete=True)
    assert again.change is Change.NONE


def test_what_was_moved_while_it_was_cancelled_is_moved_where_it_takes_place_after_all() -> None:
    assert EVENT.starts
    later = EVENT.starts + DAY
    moved = updated(EVENT, found(starts=later), complete=True)
    for old, starts in ((moved, later), (EVENT, later)):
        cancelled = updated(old, found(starts=starts, change=Change.CANCELLED), complete=True)
        assert (cancelled.change, cancelled.moved_from) == (Change.CANCELLED, EVENT.starts)
        assert updated(cancelled, found(starts=starts), complete=True).offer == moved.offer
    as_planned = updated(EVENT, found(change=Change.CANCELLED), complete=True)
    assert updated(as_planned, found(), complete=True).change is Change.NONE


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"place": "Elsewhere"},
        {"ends": NOW + 12 * DAY},
        {"starts": NOW - DAY},
        {"starts": NOW},
        {"starts": NOW + 20 * DAY, "kind": Kind.DEADLINE},
        {"starts": None, "kind": Kind.POST},
    ],
)
def test_other_edits_move_nothing(changes: dict[str, object]) -> None:
    after = updated(EVENT, found(**changes), complete=True)
    assert (after.change, after.moved_from) == (Change.NONE, None)
