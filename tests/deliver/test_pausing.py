"""A paused site: whatever runs, nothing is sent until a person lets it go on, and nobody is left out then."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.compose.composer import Composer
from chalicelib.compose.edition import State
from chalicelib.deliver.ledger import PENDING
from chalicelib.deliver.pausing import pause, paused, resume
from chalicelib.deliver.ticking import Ticker, TickReport
from chalicelib.errors import UsageError
from chalicelib.transports import Mail, Outcome
from tests.deliver.house import ID, House, all_sent
from tests.deliver.test_ticking import no_fetch
from tests.simulation.world import MONDAY, SLOT


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.database.close()


def tick(house: House) -> TickReport:
    ticker = Ticker(
        site=house.site, table=house.table, queue=house.queue, fetch=no_fetch, dispatcher=house.dispatcher,
        composer=Composer(house.site, house.table, house.blobs), transport=lambda: house.transport,
    )  # fmt: skip
    return asyncio.run(ticker.tick_and_send(SLOT, house.worker()))


def test_a_tick_on_a_paused_site_only_says_so(house: House) -> None:
    pause(house.table, "moving house", MONDAY)
    for _ in range(2):
        report = tick(house)
        assert (report.editions, house.transport.handed) == ({}, [])
        assert [("moving house" in words, "site resume" in words) for words in report.troubles] == [(True, True)]
    assert list(house.dispatcher.editions.of("digest")) == []
    assert resume(house.table, house.site, house.dispatcher.editions)
    assert tick(house).troubles == []
    assert sorted(house.transport.handed) == sorted(house.sids)


def test_a_pause_in_mid_send_stops_after_the_wave_and_going_on_leaves_nobody_out(house: House) -> None:
    async def pauses(mails: Sequence[Mail]) -> list[Outcome]:
        pause(house.table, "by hand", SLOT)
        return await all_sent(mails)

    house.start()
    house.transport.script = pauses
    tick(house)
    assert len(house.transport.handed) == 2
    house.passed += timedelta(minutes=1).total_seconds()
    tick(house)
    assert (len(house.transport.handed), house.edition().state) == (2, State.SENDING)
    house.transport.script = all_sent
    assert resume(house.table, house.site, house.dispatcher.editions)
    assert not resume(house.table, house.site, house.dispatcher.editions)
    tick(house)
    assert sorted(house.transport.handed) == sorted(house.sids)
    assert (house.edition().state, house.books().sent) == (State.SENT, 10)


def test_a_worker_takes_nothing_up_on_a_paused_site(house: House) -> None:
    house.start()
    pause(house.table, "by hand", SLOT)
    for number in range(2):
        asyncio.run(house.worker().work(ID, number))
    assert house.transport.handed == []
    assert set(house.marks()) == {PENDING}


def test_an_unfinished_restore_can_not_be_resumed(house: House) -> None:
    pause(house.table, "a restore is under way", MONDAY, restoring="ab" * 32)
    assert "cut off" in str(paused(house.table))
    with pytest.raises(UsageError, match="cut off"):
        resume(house.table, house.site, house.dispatcher.editions)
    assert paused(house.table)
