"""How long a failing source rests, what is remembered of it, and when that is forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.collect.fetch import Validators
from chalicelib.collect.health import Health, HealthStore
from chalicelib.collect.politeness import LONGEST_WAIT, asked_to_wait, wait_after
from chalicelib.content.values import SourceKind
from chalicelib.store import Key, Table
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WELL = Health("a", location="https://a.example.org/", settings="s").well(
    NOW, 7, "mark", Validators('"e"', "then"), "https://b.example.org/"
)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    database = Database(tmp_path / "table.db")
    yield SqliteTable(database)
    database.close()


@given(st.text(max_size=20), st.integers(0, 100))
def test_waits_grow_and_stay_within_bounds(source: str, failures: int) -> None:
    whole = min(5 * MINUTE * 2 ** min(failures, 20), LONGEST_WAIT)
    assert 0.75 * whole <= wait_after(source, failures) <= whole
    assert wait_after(source, failures) == wait_after(source, failures)


def test_sources_that_fail_together_come_apart() -> None:
    waits = {wait_after(f"source-{n}", 3) for n in range(300)}
    assert len(waits) > 200
    assert max(waits) - min(waits) > 9 * MINUTE


@pytest.mark.parametrize(
    ("said", "date", "wait"),
    [
        ("120", "", 2 * MINUTE),
        (" 0 ", "", timedelta()),
        ("9" * 400, "", timedelta(hours=24)),
        ("Sun, 22 Nov 2026 12:10:00 GMT", "Sun, 22 Nov 2026 12:00:00 GMT", 10 * MINUTE),
        ("Sun, 22 Nov 2026 11:00:00 GMT", "Sun, 22 Nov 2026 12:00:00 GMT", timedelta()),
        ("Sun, 22 Nov 2046 12:10:00 GMT", "Sun, 22 Nov 2026 12:00:00 GMT", timedelta(hours=24)),
        ("Sunday, 22-Nov-26 12:10:00 GMT", "Sun Nov 22 12:00:00 2026", None),
        ("Sun, 22 Nov 2026 12:10:00 GMT", "", None),
        ("Sun, 99 Nov 2026 12:10:00 GMT", "Sun, 22 Nov 2026 12:00:00 GMT", None),
        ("Sun, 22 Nov 99999 12:10:00 GMT", "Sun, 22 Nov 2026 12:00:00 GMT", None),
        ("", "", None), ("soon", "", None), ("-5", "", None), ("1.5", "", None), ("٣", "", None), ("²", "", None),
    ],
)  # fmt: skip
def test_what_a_server_asks_for(said: str, date: str, wait: timedelta | None) -> None:
    assert asked_to_wait(said, date) == wait


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_a_server_asks_for_is_no_surprise(said: str, date: str) -> None:
    wait = asked_to_wait(said, date)
    assert wait is None or timedelta() <= wait <= timedelta(hours=24)


@pytest.mark.parametrize(("asked", "least"), [(None, 3.75), (timedelta(), 3.75), (MINUTE, 3.75), (90 * MINUTE, 90)])
def test_a_failure_waits_at_least_as_long_as_was_asked(asked: timedelta | None, least: float) -> None:
    failed = WELL.failed("answered 503", NOW, wait=asked)
    assert failed.next_try
    assert failed.next_try - NOW >= least * MINUTE
    assert failed.next_try - NOW <= max(5.0, least) * MINUTE
    assert not failed.due(failed.next_try - MINUTE)
    assert failed.due(failed.next_try)


def test_what_is_known_is_kept_through_failures() -> None:
    failed = WELL.failed("answered 500", NOW).failed("answered 500", NOW)
    assert (failed.validators, failed.digest, failed.entries, failed.started) == (WELL.validators, "mark", 7, NOW)
    assert (failed.state, failed.failures, failed.asks) == ("failing", 2, "https://b.example.org/")
    well = failed.well(NOW + MINUTE, 8, "new", Validators())
    assert (well.state, well.failures, well.next_try, well.started) == ("well", 0, None, NOW)
    assert well.asks == "https://b.example.org/"


def test_a_new_address_that_keeps_failing_is_forgotten() -> None:
    health = WELL
    for _ in range(3):
        assert health.asks == "https://b.example.org/"
        health = health.failed("answered 404", NOW)
    assert (health.asks, health.moved_to) == ("https://a.example.org/", "")


def test_a_retired_source_is_not_due_until_its_address_changes() -> None:
    gone = WELL.failed("answered 410 Gone", NOW, gone=True)
    assert (gone.state, gone.next_try, gone.due(NOW + timedelta(days=4000))) == ("retired", None, False)
    assert gone.aimed("https://a.example.org/", SourceKind.FEED, "other") == replace(
        gone, settings="other", validators=Validators()
    )
    again = gone.aimed("https://c.example.org/", SourceKind.FEED, "s")
    assert (again.state, again.due(NOW), again.asks) == ("never read", True, "https://c.example.org/")
    assert gone.well(NOW, 1, "", Validators()).state == "well"
    assert gone.failed("answered 500", NOW).state == "failing"


@pytest.mark.parametrize(("kind", "started"), [(SourceKind.FEED, None), (SourceKind.CALENDAR, NOW)])
def test_a_new_address_begins_anew(kind: SourceKind, started: datetime | None) -> None:
    aimed = WELL.aimed("https://c.example.org/", kind, "s")
    assert aimed == Health("a", started, entries=7, location="https://c.example.org/", settings="s")


def test_other_settings_ask_for_everything() -> None:
    assert WELL.aimed("https://a.example.org/", SourceKind.FEED, "s") == WELL
    aimed = WELL.aimed("https://a.example.org/", SourceKind.FEED, "t")
    assert aimed == replace(WELL, settings="t", validators=Validators())


def test_the_store_gives_back_what_it_got(table: Table) -> None:
    store, gone = HealthStore(table), replace(WELL, source="b", retired=True, next_try=NOW, error="x", failures=3)
    store.save(WELL, None)
    store.save(gone, None)
    loaded = store.load(["a", "b", "c"])
    assert [loaded[name][0] for name in "abc"] == [WELL, gone, Health("c")]
    store.save(replace(WELL, entries=9), None)  # another tick was first
    assert store.load(["a"])["a"][0] == WELL


def test_an_item_of_an_older_version_is_read(table: Table) -> None:
    HealthStore(table).save(WELL, None)
    item = table.get(Key("SOURCE#a", "STATE"))
    assert item
    new = {"location", "moved_to", "retired", "settings"}
    table.replace(item, {key: value for key, value in item.data.items() if key not in new})
    old = HealthStore(table).load(["a"])["a"][0]
    assert old == replace(WELL, location="", moved_to="", settings="")
    aimed = old.aimed("https://a.example.org/", SourceKind.FEED, "s")
    assert (aimed.started, aimed.validators) == (NOW, Validators())


def test_since_when_a_source_fails_is_kept_until_it_answers(table: Table) -> None:
    assert WELL.failing_since is None
    failing = WELL.failed("answered 500", NOW + MINUTE).failed("answered 502", NOW + 60 * MINUTE)
    assert failing.failing_since == NOW + MINUTE
    two_days = NOW + MINUTE + timedelta(hours=48)
    assert [failing.failing_long(moment) for moment in (NOW, two_days - MINUTE, two_days)] == [False, False, True]
    assert not WELL.failing_long(two_days)
    well = failing.well(NOW, 7, "mark", Validators())
    assert (well.since, well.failed("gone", two_days).failing_since) == (None, two_days)
    store = HealthStore(table)
    store.save(failing, None)
    ((read, item),) = store.load(["a"]).values()
    assert read.failing_since == NOW + MINUTE
    assert item is not None
    old = {name: value for name, value in item.data.items() if name != "since"}
    table.replace(item, old)
    ((read, _),) = store.load(["a"]).values()
    assert read.failing_since == NOW + 60 * MINUTE, "written by an older version: its last try"
    assert read.failed("again", two_days).failing_since == NOW + 60 * MINUTE
