"""Many at once: conditions hold, transactions are whole, counters count, messages go to one receiver."""

import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.errors import ConflictError
from chalicelib.store import Insert, Key, Put, Replace, Table
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from chalicelib.store.sqlite_queue import SqliteQueue

if TYPE_CHECKING:  # the processes spawned here would import botocore for nothing
    from tests.contract.store.homes import Home

WORKERS = 8
PROCESSES = 4
ROUNDS = 5
PURSES = [Key("purse", name) for name in "abc"]


def together(work: Callable[[int], object]) -> list[object]:
    """Runs ``work(0..7)`` in threads that start at one moment."""
    barrier = threading.Barrier(WORKERS)

    def run(number: int) -> object:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run, range(WORKERS)))


def insert_once(table: Table, number: int) -> bool:
    try:
        table.insert(Key("slot", "one"), {"winner": number})
    except ConflictError:
        return False
    return True


def count_up(table: Table, _: int) -> None:
    """A read, a decision and a conditional write, again until it holds: no update may be lost."""
    for _ in range(ROUNDS):
        while True:
            item = table.get(Key("count", "-"))
            assert item
            try:
                table.replace(item, {"n": item.data["n"] + 1})
                break
            except ConflictError:
                continue


def pass_a_coin(table: Table, number: int) -> None:
    """Takes from one purse and puts into another, in one transaction."""
    for turn in range(ROUNDS):
        giver, taker = PURSES[(number + turn) % 3], PURSES[(number + turn + 1) % 3]
        while True:
            found = table.get_many([giver, taker])
            try:
                table.transact(
                    [
                        Replace(found[giver], {"n": found[giver].data["n"] - 1}),
                        Replace(found[taker], {"n": found[taker].data["n"] + 1}),
                        Insert(Key("passed", f"{number}-{turn}"), {}),
                    ]
                )
                break
            except ConflictError:
                continue


def add_up(table: Table, number: int) -> None:
    for _ in range(ROUNDS):
        table.add(Key("total", "-"), {"all": 1, f"by {number}": 1})


def prepare(table: Table) -> None:
    table.insert(Key("count", "-"), {"n": 0})
    table.put_many(Put(key, {"n": 10}) for key in PURSES)


def check(table: Table, workers: int = WORKERS) -> None:
    counted = table.get(Key("count", "-"))
    assert counted
    assert (counted.data, counted.version) == ({"n": workers * ROUNDS}, workers * ROUNDS + 1)
    assert sum(item.data["n"] for item in table.get_many(PURSES).values()) == 30
    assert len(table.query("passed").items) == workers * ROUNDS
    total = table.get(Key("total", "-"))
    assert total
    assert total.counters == {"all": workers * ROUNDS} | {f"by {n}": ROUNDS for n in range(workers)}
    assert total.version == workers * ROUNDS


def test_of_many_who_insert_one_wins(sturdy: "Home") -> None:
    for _ in range(3):
        won = together(partial(insert_once, sturdy.table))
        item = sturdy.table.get(Key("slot", "one"))
        assert item
        assert [number for number, ok in enumerate(won) if ok] == [item.data["winner"]]
        sturdy.table.delete(item)


def test_threads_lose_nothing(sturdy: "Home") -> None:
    prepare(sturdy.table)
    for work in (count_up, pass_a_coin, add_up):
        together(partial(work, sturdy.table))
    check(sturdy.table)


def test_a_transaction_is_never_half_seen(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    table = SqliteTable(database)
    prepare(table)

    def work(number: int) -> None:
        if number % 2:
            pass_a_coin(table, number)
        else:
            for _ in range(200):
                assert sum(item.data["n"] for item in table.get_many(PURSES).values()) == 30

    together(work)
    database.close()


def test_a_message_goes_to_one_receiver(sturdy: "Home") -> None:
    sturdy.queue.send([f"{n:03}" for n in range(60)])

    def work(_: int) -> list[str]:
        found: list[str] = []
        while messages := sturdy.queue.receive(3):
            for message in messages:
                assert message.attempts == 1
                found.append(message.body)
                sturdy.queue.delete(message)
        return found

    received = together(work)
    assert sorted(body for found in received for body in found) == [f"{n:03}" for n in range(60)]  # type: ignore[attr-defined]


def in_a_process(path: Path, number: int, gate: Barrier) -> None:
    database = Database(path)
    table = SqliteTable(database)
    gate.wait(30)
    for work in (count_up, pass_a_coin, add_up):
        work(table, number)
    queue = SqliteQueue(database, "work")
    while messages := queue.receive(3):
        for message in messages:
            table.insert(Key("received", message.body), {"by": number})
            queue.delete(message)
    database.close()


def test_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    database = Database(path)
    prepare(SqliteTable(database))
    SqliteQueue(database, "work").send([f"{n:03}" for n in range(60)])
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(PROCESSES)
    processes = [context.Process(target=in_a_process, args=(path, n, gate)) for n in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    check(SqliteTable(database), PROCESSES)
    assert len(SqliteTable(database).query("received").items) == 60
    database.close()


def test_many_make_the_file_at_once(tmp_path: Path) -> None:
    """Each with a Database of its own, as processes that start together have."""
    for turn in range(5):
        path = tmp_path / f"{turn}" / "store.db"

        def work(number: int, path: Path = path) -> bool:
            database = Database(path)
            try:
                return insert_once(SqliteTable(database), number)
            finally:
                database.close()

        assert sum(map(bool, together(work))) == 1
