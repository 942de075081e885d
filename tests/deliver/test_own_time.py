"""At each reader's own time: composed for the first zone, handed over zone by zone, once, at little cost."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib.compose.edition import State
from chalicelib.compose.schedule import latest_slot, next_slot, slots_from
from chalicelib.deliver.draining import drain
from chalicelib.deliver.own_time import waiting
from tests.deliver.house import ID, House
from tests.simulation.world import MONDAY, SITE, SLOT

DIGEST = SITE.newsletters["digest"]
assert DIGEST.schedule
READER = replace(DIGEST.schedule, reader=True)
OWN = replace(SITE, newsletters={"digest": replace(DIGEST, schedule=READER)})
FIRST = datetime(2026, 11, 25, 20, tzinfo=UTC)
"""Ten o'clock of the 26th on Kiritimati."""
ZONES = ("Pacific/Kiritimati", "Asia/Tokyo", "Asia/Kathmandu", "", "America/New_York", "Pacific/Pago_Pago")
HALF_HOUR = timedelta(minutes=30)


class Own(House):
    """A reader in each of six zones; the sending clock is set."""

    now = FIRST

    def __init__(self, folder: Path, zones: tuple[str, ...] = ZONES, table: Any = None) -> None:
        super().__init__(folder, site=OWN, readers=0, table=table)
        for number, zone in enumerate(zones):
            self.subscribe(f"reader{number}@example.org", zone=zone)

    def worker(self, owner: str = "me", transport: Any = None, **more: Any) -> Any:
        made = super().worker(owner, transport, **more)
        made._clock = lambda: self.now
        return made

    def begin(self, at: datetime = FIRST) -> None:
        """Composed, planned and in the queue."""
        self.now = at
        self.composer.tick(MONDAY)
        self.composer.tick(at)
        self.dispatcher.tick(at)

    def play(self, until: datetime) -> list[tuple[datetime, str]]:
        """A tick each half an hour: who was handed over when."""
        got = []
        while self.now <= until:
            before = len(self.transport.handed)
            self.dispatcher.tick(self.now)
            asyncio.run(drain(self.queue, self.worker()))
            got += [(self.now, address) for address in self.transport.handed[before:]]
            self.now += HALF_HOUR
            self.passed += HALF_HOUR.total_seconds()
        return got


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Own]:
    made = Own(tmp_path)
    yield made
    made.database.close()


def test_a_slot_comes_with_the_first_zone_and_is_dated_by_the_sites() -> None:
    zone = SITE.time_zone
    slot = next_slot(READER, zone, FIRST - timedelta(seconds=1))
    assert slot is not None
    assert (slot.at, slot.name, slot.dated) == (FIRST, "2026-11-26", SLOT)
    assert latest_slot(READER, zone, FIRST) == slot
    before = latest_slot(READER, zone, FIRST - timedelta(seconds=1))
    assert (before and before.name) == "2026-11-19"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York", "Europe/Berlin"])
@pytest.mark.parametrize("rule", ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=TH"])
def test_latest_and_next_agree_at_every_moment_in_any_zone(zone: str, rule: str) -> None:
    schedule, there = replace(READER, rule=rule), ZoneInfo(zone)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    slots = list(islice(slots_from(schedule, there, start), 40))
    assert slots == sorted(slots)
    for before, after in pairwise(slots):
        for moment in (before.at, before.at + timedelta(seconds=1), after.at - timedelta(seconds=1)):
            assert latest_slot(schedule, there, moment) == before
            assert next_slot(schedule, there, moment) == after


def test_each_reader_gets_it_at_ten_where_they_are(own: Own) -> None:
    own.begin()
    assert (own.edition().slot_at, own.edition().dated, own.books().deferred) == (FIRST, SLOT, 5)
    got = own.play(FIRST + timedelta(hours=30))
    local = [
        (f"{at.astimezone(ZoneInfo(zone or 'Europe/Berlin')):%d. %H:%M}", address)
        for (at, address), zone in zip(got, ZONES, strict=True)
    ]
    assert local == [
        ("26. 10:00", f"reader{number}@example.org") if number != 2 else ("26. 10:15", "reader2@example.org")
        for number in range(6)
    ], "Nepal's clocks are a quarter of an hour off, and a tick comes each half an hour"
    assert (own.edition().state, own.books().sent, own.books().balanced) == (State.SENT, 6, True)


def test_who_waits_is_told_what_for(own: Own) -> None:
    own.begin()
    ledgers = [held.ledger for _, held in own.dispatcher.chunks.ledgers(ID)]
    said = {detail.reason for ledger in ledgers for detail in ledger.details.values()}
    assert "waits for 10:00 in Asia/Tokyo" in said
    assert "waits for 10:00 in Europe/Berlin" in said


def test_late_planning_sends_at_once_to_those_whose_time_is_over(own: Own) -> None:
    own.begin(SLOT + timedelta(minutes=5))
    assert (own.books().pending, own.books().deferred) == (0, 0), (
        "it is late by more than hold_if_late: a person's word"
    )
    assert own.edition().state is State.HELD
    own.control.approve(ID, own.now)
    own.dispatcher.tick(own.now)
    assert (own.books().pending, own.books().deferred) == (4, 2)


def test_sent_before_its_time_by_a_person_nobody_waits(own: Own) -> None:
    own.composer.tick(MONDAY)
    own.composer.tick(FIRST - timedelta(hours=40))
    own.control.send(ID, FIRST - timedelta(hours=39))
    own.dispatcher.tick(FIRST - timedelta(hours=39))
    assert (own.books().pending, own.books().deferred) == (6, 0)


def test_a_zone_that_is_none_any_more_counts_as_the_sites(own: Own) -> None:
    edition = replace(own_edition(own), read=SLOT)
    wait = waiting(edition, OWN, FIRST)
    assert wait("Mars/Olympus") == wait("") == (int(SLOT.timestamp()), "waits for 10:00 in Europe/Berlin")


def own_edition(own: Own) -> Any:
    own.begin()
    return own.edition()


def test_a_usual_schedule_waits_for_nobody(tmp_path: Path) -> None:
    house = House(tmp_path, readers=0)
    house.subscribe("far@example.org", zone="Pacific/Pago_Pago")
    house.start()
    assert (house.books().pending, house.books().deferred) == (1, 0)
    house.database.close()


def test_cancelled_in_between_nobody_further_is_written_to(own: Own) -> None:
    own.begin()
    own.play(SLOT - timedelta(hours=1))
    own.control.cancel(ID, own.now)
    own.dispatcher.tick(own.now)
    books = own.books()
    assert (books.sent, books.skipped, books.balanced) == (3, 3, True)


class Counting:
    """A table that counts what ledgers cost: writes, and bytes written."""

    def __init__(self, table: Any) -> None:
        self._table, self.members, self.writes = table, 0, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def replace(self, item: Any, data: Any, *more: Any) -> Any:
        self.writes += item.key.sk.startswith("LEDGER#")
        return self._table.replace(item, data, *more)

    def query(self, pk: str, **more: Any) -> Any:
        page = self._table.query(pk, **more)
        self.members += len(page.items) if pk.startswith("LIST#") else 0
        return page


def test_a_chunk_that_is_taken_up_for_each_zone_costs_little(tmp_path: Path) -> None:
    house = Own(tmp_path, zones=tuple(ZONES * 20))
    house.begin()
    counting = Counting(house.table)
    house.table = counting
    house.play(FIRST + timedelta(hours=30))
    chunks = house.edition().chunks
    assert (house.books().sent, chunks) == (120, 24)
    assert counting.writes <= chunks * len(ZONES) * 3, "a claim, a wave and its outcomes for each zone"
    assert counting.members <= 2 * 120, "nobody's membership is read for another's sake"
    house.database.close()
