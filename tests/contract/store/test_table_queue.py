"""The whole contract of queues once more, with the queue over each home's table; and what is its own."""

import threading

import pytest

from chalicelib.store import Queue, Table
from chalicelib.store.table_queue import PAGE, TableQueue
from tests.contract.store.homes import MAX_ATTEMPTS, Home
from tests.contract.store.test_queue import *  # noqa: F403 (every test of the contract is collected here again)
from tests.contract.store.test_queue import bodies, drain
from tests.contract.store.test_queue import test_the_largest_messages as contract_of_size


@pytest.fixture
def home(tabled: Home) -> Home:
    return tabled


@pytest.fixture
def sturdy(tabled: Home) -> Home:
    return tabled


@pytest.fixture
def queue(tabled: Home) -> Queue:
    return tabled.queue


def test_the_largest_messages(request: pytest.FixtureRequest, queue: Queue) -> None:
    if "moto" in request.node.callspec.id:
        pytest.skip("moto adds an update's values to the item that they replace before it looks at the limit of 400 KB")
    contract_of_size(queue)


def second(home: Home) -> TableQueue:
    """Another process's view of the same queue."""
    return TableQueue(home.table, "work", max_attempts=MAX_ATTEMPTS, wall_clock=home.clock)


def test_a_stale_receipt_neither_deletes_nor_gives_back(home: Home) -> None:
    home.queue.send(["a"])
    (stale,) = home.queue.receive(visibility=1)
    home.later(1)
    (fresh,) = home.queue.receive(visibility=300)
    home.queue.delete(stale)
    home.queue.release(stale)
    assert home.queue.receive() == []
    home.queue.release(fresh)
    assert [message.attempts for message in home.queue.receive()] == [3]


def test_queues_of_one_table_are_apart(home: Home) -> None:
    other = TableQueue(home.table, "other", wall_clock=home.clock)
    home.queue.send(["a"])
    assert (other.receive(), other.peek(), other.dead()) == ([], [], [])
    assert bodies(home.queue.receive()) == ["a"]


def test_what_waits_is_found_behind_many_that_are_out_of_sight(home: Home) -> None:
    home.queue.send([f"late {n}" for n in range(4 * PAGE + 40)], delay=900)
    home.later(1)  # so that it lies behind them
    home.queue.send(["now"])
    assert bodies(drain(home.queue)) == ["now"]
    assert len(home.queue.peek()) == 4 * PAGE + 41


def test_dead_letters_are_seen_before_anybody_receives(home: Home) -> None:
    home.queue.send(["poison"])
    for _ in range(MAX_ATTEMPTS):
        home.queue.receive(visibility=1)
        home.later(1)
    assert second(home).dead() == ["poison"]
    assert home.queue.peek() == ["poison"]


class Dying:
    """A table whose process dies at its nth write; all before it are done."""

    def __init__(self, table: Table, writes: int) -> None:
        self._table, self._left = table, writes

    def __getattr__(self, name: str) -> object:
        if name not in {"insert", "replace", "delete"}:
            return getattr(self._table, name)
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return getattr(self._table, name)


@pytest.mark.parametrize("writes", range(8))
def test_a_crash_at_any_write_loses_no_message(home: Home, writes: int) -> None:
    """Dying while letters are buried and taken back leaves each somewhere, at worst twice."""
    sent = ["one", "two"]
    home.queue.send(sent)
    for _ in range(MAX_ATTEMPTS):
        for message in drain(home.queue):
            home.queue.release(message)
    dying = TableQueue(Dying(home.table, writes), "work", max_attempts=MAX_ATTEMPTS, wall_clock=home.clock)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        dying.redrive()
    assert set(home.queue.peek()) == set(sent)
    home.queue.redrive()
    found = drain(home.queue)
    assert set(bodies(found)) == set(sent)
    assert home.queue.dead() == []


def test_each_message_goes_to_one_of_many_receivers(request: pytest.FixtureRequest, home: Home) -> None:
    if "moto" in request.node.callspec.id:
        pytest.skip("moto checks and writes in two steps")
    home.queue.send([f"{n:03}" for n in range(60)])
    found: list[str] = []

    def work() -> None:
        queue = second(home)
        while messages := queue.receive(3):
            for message in messages:
                assert message.attempts == 1
                found.append(message.body)
                queue.delete(message)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found += bodies(drain(home.queue))
    assert sorted(found) == [f"{n:03}" for n in range(60)]
