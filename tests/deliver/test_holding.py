"""A store that is an older one of itself: noticed before anything is sent, held as after a restore, and once only."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.compose.composer import Composer
from chalicelib.compose.edition import State
from chalicelib.deliver.beyond import mails_beyond
from chalicelib.deliver.chunks import task_body
from chalicelib.deliver.holding import HELD, PASSED, held_back, passed_then
from chalicelib.deliver.ledger import News
from chalicelib.deliver.pausing import HOME, KEY, Restored, note_restored, pause, paused, resume, standing
from chalicelib.deliver.ticking import Ticker, TickReport
from chalicelib.deliver.worker import Ended
from chalicelib.store import Key, Put
from chalicelib.store.sqlite import SqliteTable
from tests.deliver.cutting import Cut, Cutting
from tests.deliver.hearing.test_recording import World, news
from tests.deliver.house import ID, House
from tests.deliver.test_ticking import no_fetch
from tests.simulation.world import MONDAY, SLOT

LATER = SLOT + timedelta(hours=1)


class Named(SqliteTable):
    """A table with a name, as those of DynamoDB have."""

    name = "sendbrief"

    @property
    def home(self) -> str:
        return self.name


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.table = Named(made.database, made.wall)
    made.dispatcher = made.make_dispatcher()
    yield made
    made.database.close()


def ticker(house: House, table: Any = None) -> Ticker:
    table = table or house.table
    return Ticker(
        site=house.site, table=table, queue=house.queue, fetch=no_fetch, dispatcher=house.make_dispatcher(table),
        composer=Composer(house.site, table, house.blobs), transport=lambda: house.transport,
    )  # fmt: skip


def tick(house: House, now: Any = SLOT) -> TickReport:
    return asyncio.run(ticker(house).tick_and_send(now, house.worker()))


def move(house: House, name: str = "sendbrief-restored") -> None:
    house.table.name = name


def test_the_first_tick_writes_down_where_it_is_and_no_other_one_does(house: House) -> None:
    assert tick(house, MONDAY).troubles == []
    item = house.table.get(HOME)
    assert item
    assert (item.data, item.version) == ({"table": "sendbrief"}, 1)
    assert tick(house, MONDAY + timedelta(minutes=5)).troubles == []
    again = house.table.get(HOME)
    assert again
    assert again.version == 1
    assert paused(house.table) is None


def test_a_store_without_a_name_is_at_home_anywhere(tmp_path: Path) -> None:
    made = House(tmp_path)
    asyncio.run(ticker(made).tick(MONDAY))
    assert made.table.get(HOME) is None
    made.database.close()


def test_a_restored_table_pauses_itself_before_anything_is_composed_or_sent(house: House) -> None:
    tick(house, SLOT - timedelta(hours=20))
    entry = house.table.get(Key("NEWSLETTER#digest", "STATE"))
    move(house)
    for _ in range(2):
        report = tick(house, LATER)
        assert "comes from sendbrief: it was restored" in "".join(report.troubles)
        assert (report.editions, report.sources, house.transport.handed) == ({}, [], [])
    assert house.table.get(Key("NEWSLETTER#digest", "STATE")) == entry
    assert standing(house.table).home == "sendbrief-restored"
    assert house.edition().state is State.HELD, "its draft was due, and who got it is not known"
    assert resume(house.table, house.site, house.dispatcher.editions)
    assert tick(house, LATER).troubles == []
    assert house.transport.handed == []


def test_a_chunk_that_outlived_the_table_in_the_queue_is_not_sent_even_before_a_tick(house: House) -> None:
    tick(house, MONDAY)
    house.start()
    move(house)
    house.queue.send([task_body(ID, 0)])
    work = asyncio.run(house.worker().work(ID, 0))
    assert (work.ended, house.transport.handed) == (Ended.STOPPED, [])
    tick(house, LATER)
    edition = house.edition()
    assert (edition.state, edition.was_sending, house.transport.handed) == (State.HELD, True, [])
    (note,) = held_back(house.table)
    assert (note.edition, note.state, note.books["pending"]) == (ID, "sending", 10)
    assert held_back(house.table, ID) == [note]


def test_a_table_that_was_paused_by_hand_is_held_all_the_same(house: House) -> None:
    tick(house, MONDAY)
    house.start()
    pause(house.table, "by hand", SLOT)
    move(house)
    assert "restored" in "".join(tick(house, LATER).troubles)
    assert house.edition().state is State.HELD
    assert "restored" in str(paused(house.table))


def test_whoever_is_cut_off_in_holding_is_followed_by_one_who_ends_it(house: House) -> None:
    tick(house, MONDAY)
    house.start()
    move(house)
    for left in range(1, 9):
        Cutting.left, Cutting.after = left, bool(left % 2)
        try:
            asyncio.run(ticker(house, Cutting(house.table)).tick(LATER))
        except Cut:
            assert paused(house.table)
    Cutting.left = 10**9
    tick(house, LATER)
    assert house.edition().state is State.HELD
    assert [note.state for note in held_back(house.table)] == ["sending"]
    restored = standing(house.table).restored
    assert restored
    assert restored.at == LATER.isoformat()


def test_a_slot_that_passed_before_the_restore_is_not_sent_by_itself_where_its_edition_is_lost(house: House) -> None:
    """Its draft was made after the backup: the old site may have sent it, and this one would make it anew."""
    note_restored(house.table, Restored(LATER.isoformat()))
    report = tick(house, LATER)
    assert house.transport.handed == []
    assert {edition.state for edition in report.editions.values()} <= {State.APPROVED, State.HELD}
    tick(house, LATER + timedelta(minutes=5))
    edition = house.edition()
    assert (edition.state, edition.why, house.transport.handed) == (State.HELD, PASSED, [])
    assert passed_then(house.table, SLOT)
    assert not passed_then(house.table, LATER + timedelta(seconds=1))
    house.control.approve(ID, LATER)
    tick(house, LATER + timedelta(minutes=10))
    assert sorted(house.transport.handed) == sorted(house.sids), "a person knows better"


def test_news_of_mails_that_the_store_does_not_know_keep_their_edition_from_going_out_again(house: House) -> None:
    note_restored(house.table, Restored((SLOT - timedelta(minutes=1)).isoformat()))
    world = World(house, house.table)
    for _ in range(2):
        world.record(news(News.DELIVERED, 1), news(News.SENT, 3), news(News.SENT, 1, chunk=1))
    assert mails_beyond(house.table) == {ID: 3}
    tick(house, MONDAY)
    for _ in range(2):
        tick(house, SLOT)
    edition = house.edition()
    assert (edition.state, house.transport.handed) == (State.HELD, [])
    assert "3 mails of it went out that this store knows nothing of" in edition.why
    house.control.approve(ID, SLOT)
    tick(house, SLOT)
    assert (house.edition().state, house.transport.handed) == (State.HELD, []), "approving does not help: cancel it"


def test_one_cut_off_in_planning_is_not_planned_anew_either(house: House) -> None:
    tick(house, MONDAY)
    house.start()
    edition = house.edition()
    house.dispatcher.editions.change(edition, planned=None)
    note_restored(house.table, Restored(LATER.isoformat()))
    World(house, house.table).record(news(News.SENT, chunk=2))
    house.dispatcher.tick(LATER)
    assert (house.edition().state, house.edition().was_sending) == (State.HELD, False)


def test_a_store_that_was_never_restored_notes_nothing_of_strangers(house: House) -> None:
    World(house, house.table).record(news(News.SENT, edition="digest/2020-01-01"))
    assert mails_beyond(house.table) == {}


def test_what_is_noted_of_a_restore_lies_where_the_documents_say(house: House) -> None:
    assert (Key("SITE", "PAUSED"), Key("SITE", "HOME"), "RESTORED") == (KEY, HOME, HELD)
    house.table.put_many([Put(KEY, {"why": "an older version wrote this", "at": MONDAY.isoformat()})])
    assert "older version" in str(paused(house.table))
