"""A tick looks after the brake and the alarms, and neither ever stops it."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bench.scaling import READS_A_TICK
from chalicelib.content.sending import Pace
from chalicelib.deliver.alarms import Alarms
from chalicelib.deliver.guarding import Guard, word_of
from chalicelib.deliver.ledger import News
from chalicelib.deliver.pacing import Pacing
from chalicelib.deliver.ticking import Ticker, TickReport
from chalicelib.errors import StoreUnavailableError, TransportUnavailableError
from chalicelib.store import Page
from chalicelib.store.sqlite import SqliteTable
from chalicelib.transports.quota import Quota
from tests.deliver.house import ID, House
from tests.deliver.test_ticking import no_fetch
from tests.deliver.watched import braking_of, hear, now_of
from tests.simulation.world import SITE


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, site=replace(SITE, editors=("ed@example.org",)))
    made.start()
    yield made
    made.database.close()


def guard_of(house: House) -> Guard:
    parts = house.site, house.table, house.dispatcher.editions, house.dispatcher.chunks
    return Guard(braking_of(house), Alarms(*parts, lambda: {"chunks": house.queue}))


def tick(house: House, guard: Guard) -> TickReport:
    ticker = Ticker(
        site=house.site, table=house.table, queue=house.queue, fetch=no_fetch, dispatcher=house.dispatcher,
        composer=house.composer, transport=lambda: house.transport, guard=guard,
    )  # fmt: skip
    return asyncio.run(ticker.tick(now_of(house)))


def test_a_tick_stops_what_came_back_since_the_last_and_tells_the_editors_at_once(house: House) -> None:
    for number in range(2):
        asyncio.run(house.worker().work(ID, number))
    held = house.dispatcher.chunks.ledger(ID, 1)
    house.dispatcher.chunks.write_ledger(held, replace(held.ledger, marks="sssss"[:4] + "p"))
    hear(house, ID, 5, News.BOUNCED)
    house.transport.handed.clear()
    (trouble,) = tick(house, guard_of(house)).troubles
    assert trouble.startswith(f"{ID} was stopped. the brake: 5 of 9 mails came back")
    assert house.transport.handed == ["ed@example.org"]
    assert tick(house, guard_of(house)).troubles == []


def test_a_store_that_fails_here_is_a_trouble_of_the_tick(house: House) -> None:
    guard = guard_of(house)

    def fails(_: datetime) -> list[str]:
        raise StoreUnavailableError("The store is locked.")

    guard.braking.look = fails  # type: ignore[method-assign]
    (trouble,) = tick(house, guard).troubles
    assert "could not be looked after. The store is locked." in trouble


class Source:
    def __init__(self, *answers: Quota | None) -> None:
        self.answers = list(answers)

    def read(self) -> Quota:
        answer = self.answers.pop(0)
        if answer is None:
            raise TransportUnavailableError("no answer")
        return answer


def test_the_provider_s_word_is_what_it_last_said(house: House) -> None:
    table = SqliteTable(house.database)
    source = Source(None, Quota(stopped="SES has paused this account."), Quota())
    seconds = iter((0.0, 1.0, 2.0, 700.0))
    word = word_of(Pacing(table, "ses", Pace(), source), lambda: 1_790_000_000.0 + next(seconds))
    assert [word() for _ in range(4)] == ["", "SES has paused this account.", "SES has paused this account.", ""]
    assert word_of(Pacing(table, "maildir", Pace()), lambda: 0.0)() == ""


def test_a_tick_reads_the_ledgers_twice_whatever_it_does_with_them(house: House) -> None:
    """What a large edition costs follows from this: bench/scaling.py has the same number."""
    reads = list[str]()

    class Counting(SqliteTable):
        def query(self, pk: str, **how: Any) -> Page:
            reads.extend([pk] if how.get("prefix") == "LEDGER#" else [])
            return super().query(pk, **how)

    held = house.dispatcher.chunks.ledger(ID, 0)
    ledger = held.ledger.claim("gone", 1, now_of(house).timestamp()).begin([0, 1], {}, 1)
    house.dispatcher.chunks.write_ledger(held, ledger.claim("next", 2, now_of(house).timestamp()).release())
    house.passed = 7200.0
    house.table = Counting(house.database, house.wall)
    house.dispatcher = house.make_dispatcher()
    assert "are in doubt since" in str(guard_of(house).alarms.open(now_of(house))), "the alarms have something to tell"
    reads.clear()
    tick(house, guard_of(house))
    assert reads == [f"EDITION#{ID}"] * READS_A_TICK
    assert house.transport.handed == ["ed@example.org"]
