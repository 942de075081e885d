"""Readers of the monthly cadence: nothing of the single editions, once a month what they held."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.collect.fetch import Fetched, Validators
from chalicelib.deliver.ticking import Ticker, TickReport
from tests.deliver.house import ID, House
from tests.simulation.world import DIGEST, MONDAY, SITE, SLOT

MONTHLY = replace(SITE, newsletters={"digest": replace(DIGEST, cadences=("every", "monthly"))})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, site=MONTHLY, readers=2)
    made.subscribe("seldom@example.org", cadence="monthly")
    yield made
    made.database.close()


def no_fetch(_url: str, _known: Validators) -> Fetched:
    raise AssertionError("no source is to be read")


def tick(house: House, now: datetime) -> TickReport:
    ticker = Ticker(
        site=house.site, table=house.table, queue=house.queue, fetch=no_fetch, dispatcher=house.dispatcher,
        composer=house.composer, transport=lambda: house.transport, has_monthly=house.audience.has_monthly,
    )  # fmt: skip
    return asyncio.run(ticker.tick_and_send(now, house.worker()))


def test_a_monthly_reader_gets_the_gathering_and_no_edition(house: House) -> None:
    tick(house, MONDAY)
    report = tick(house, SLOT)
    assert sorted(house.transport.handed) == ["reader0@example.org", "reader1@example.org", "seldom@example.org"]
    gathering = report.editions[f"{ID}-monthly"]
    books = house.dispatcher.count(gathering)
    assert (books.planned, books.sent, books.balanced) == (1, 1, True)
    edition = house.dispatcher.count(report.editions[ID])
    assert (edition.planned, edition.sent, edition.skipped) == (3, 2, 1)
    before = list(house.transport.handed)
    tick(house, SLOT + timedelta(minutes=5))
    assert house.transport.handed == before


def test_without_monthly_readers_there_is_no_gathering(tmp_path: Path) -> None:
    house = House(tmp_path, site=MONTHLY, readers=2)
    tick(house, MONDAY)
    assert list(tick(house, SLOT).editions) == [ID]
    house.database.close()
