"""Ledgers on record: several in one commit, each with an answer of its own."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chalicelib.deliver.recording import DirectRecorder, GroupingRecorder, Recorder
from chalicelib.errors import ConflictError, StoreUnavailableError
from chalicelib.store import Item, Key, Table
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database


class Counting:
    """Counts commits, and fails them where told."""

    def __init__(self, table: Table) -> None:
        self._table, self.commits, self.broken = table, 0, False

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._table, name)

        def call(*values: Any, **named: Any) -> Any:
            self.commits += name in {"replace", "transact"}
            if self.broken:
                raise StoreUnavailableError("the disk is full")
            return target(*values, **named)

        return call


@pytest.fixture
def table(tmp_path: Path) -> Any:
    return Counting(SqliteTable(Database(tmp_path / "store.db")))


def items(table: Any, count: int) -> list[Item]:
    made = [table.insert(Key("EDITION#x", f"LEDGER#{n}"), {"marks": "p"}) for n in range(count)]
    table.commits = 0
    return made


@pytest.mark.parametrize("kind", [DirectRecorder, GroupingRecorder])
def test_every_item_is_replaced_and_can_be_replaced_again(table: Any, kind: type[Any]) -> None:
    made, recorder = items(table, 5), kind(table)

    async def both(item: Item) -> Item:
        first = await recorder.replace(item, {"marks": "w"})
        return await recorder.replace(first, {"marks": "s"})

    async def run() -> list[Item]:
        return await asyncio.gather(*(both(item) for item in made))

    for item in asyncio.run(run()):
        assert table.get(item.key) == item
        assert (item.data, item.version) == ({"marks": "s"}, 3)


def test_what_is_asked_for_at_once_shares_few_commits(table: Any) -> None:
    made, recorder = items(table, 20), GroupingRecorder(table)

    async def run() -> None:
        await asyncio.gather(*(recorder.replace(item, {"marks": "w"}) for item in made))

    asyncio.run(run())
    assert table.commits <= 3


def test_who_comes_too_late_is_told_and_the_others_are_on_record(table: Any) -> None:
    made, recorder = items(table, 4), GroupingRecorder(table)
    table.replace(made[1], {"marks": "k"})

    async def run() -> list[Any]:
        return await asyncio.gather(*(recorder.replace(item, {"marks": "w"}) for item in made), return_exceptions=True)

    results = asyncio.run(run())
    assert [isinstance(result, ConflictError) for result in results] == [False, True, False, False]
    assert [table.get(item.key).data["marks"] for item in made] == ["w", "k", "w", "w"]


def test_a_broken_store_is_told_to_everybody_and_the_next_one_is_served(table: Any) -> None:
    made, recorder = items(table, 3), GroupingRecorder(table)

    async def run() -> list[Any]:
        table.broken = True
        failed = await asyncio.gather(
            *(recorder.replace(item, {"marks": "w"}) for item in made), return_exceptions=True
        )
        table.broken = False
        return [*failed, await recorder.replace(made[0], {"marks": "s"})]

    *failed, last = asyncio.run(run())
    assert all(isinstance(result, StoreUnavailableError) for result in failed)
    assert last.data == {"marks": "s"}


def test_who_does_not_wait_any_more_stops_nobody(table: Any) -> None:
    made, recorder = items(table, 2), GroupingRecorder(table)

    async def run() -> Item:
        given_up = asyncio.create_task(recorder.replace(made[0], {"marks": "w"}))
        other = asyncio.create_task(recorder.replace(made[1], {"marks": "w"}))
        await asyncio.sleep(0)
        given_up.cancel()
        return await other

    assert asyncio.run(run()).data == {"marks": "w"}


def test_both_are_recorders(table: Any) -> None:
    kinds: list[Recorder] = [DirectRecorder(table), GroupingRecorder(table)]
    assert len(kinds) == 2
