"""The outbox: places that are given back, pages that pass nothing by, and no more looked at than what is kept."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.audience.happenings import KEPT, SETTLES, checked_place, happened_since, happening, moment_place
from chalicelib.content.webhooks import Happening
from chalicelib.errors import UsageError
from chalicelib.store import Key, Put
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from tests.audience.house import People

NOW = datetime(2026, 11, 23, 0, 0, 10, tzinfo=UTC)


class Counting:
    """A table that counts its queries."""

    def __init__(self, table: Any) -> None:
        self._table, self.queries = table, 0

    def query(self, *given: Any, **named: Any) -> Any:
        self.queries += 1
        return self._table.query(*given, **named)


@pytest.fixture
def outbox(people: People) -> Any:
    people.table = type(people.table)(people.database, clock=lambda: 0.0)
    return people.table


def test_no_more_days_are_looked_at_than_are_kept(outbox: Any) -> None:
    for place in ("", "0999-01-01T00:00:00.000000Z", moment_place(NOW)):
        counting = Counting(outbox)
        assert happened_since(counting, place, NOW, 10)[0] == []  # type: ignore[arg-type]
        assert counting.queries <= KEPT.days + 2


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 40 * 86_400), max_size=12), st.integers(1, 5))
def test_pages_give_each_once_in_order(ages: list[int], most: int) -> None:

    with TemporaryDirectory() as folder:
        database = Database(Path(folder) / "x.db")
        table = SqliteTable(database, clock=lambda: 0.0)
        for age in ages:
            table.transact([happening(Happening.ERASED, NOW - timedelta(seconds=age), sid="0" * 24)])
        found, place = [], ""
        for _ in range(len(ages) + 2):
            page, place = happened_since(table, place, NOW, most)
            assert len(page) <= most
            found += page
        database.close()
    shown = [age for age in ages if SETTLES.seconds < age and timedelta(seconds=age) <= KEPT]
    assert abs(len(found) - len(shown)) <= sum(age == SETTLES.seconds for age in ages)
    assert [one.place for one in found] == sorted({one.place for one in found})


def test_what_a_newer_version_wrote_is_passed_by(outbox: Any) -> None:
    moment = NOW - timedelta(minutes=5)
    place = f"{moment_place(moment)}#{'0' * 16}"
    outbox.put_many([Put(Key(f"HAPPENED#{place[:10]}", place), {"kind": "sang", "at": moment.isoformat()})])
    outbox.transact([happening(Happening.MOVED, moment + timedelta(seconds=1), sid="0" * 24)])
    assert [one.kind for one in happened_since(outbox, "", NOW, 10)[0]] == [Happening.MOVED]


def test_it_is_forgotten_after_thirty_days(outbox: Any) -> None:
    write = happening(Happening.MOVED, NOW, sid="0" * 24)
    assert getattr(write, "expires", None) == int((NOW + timedelta(days=30)).timestamp())


def test_places_are_in_utc_and_of_one_shape() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=9)))
    assert moment_place(there) == moment_place(NOW) == "2026-11-23T00:00:10.000000Z"
    assert checked_place(moment_place(NOW)) == moment_place(NOW)


@given(st.text(max_size=60))
def test_any_other_text_is_no_place(text: str) -> None:
    with pytest.raises(UsageError):
        checked_place(text)
