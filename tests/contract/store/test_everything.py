"""The Table port: everything that lies in it, for backups."""

import pytest

from chalicelib.errors import StoreUnavailableError
from chalicelib.store import Item, Key, Put, Table
from tests.contract.store.homes import START, Clock, Home, SqliteHome

LATER = int(START) + 60


def by_key(table: Table) -> dict[Key, Item]:
    items = list(table.everything())
    assert len(items) == len({item.key for item in items})
    return {item.key: item for item in items}


def test_everything_is_every_item_as_it_is(table: Table, clock: Clock) -> None:
    assert by_key(table) == {}
    plain = table.insert(Key("a", "1"), {"text": "ä 🎈", "deep": [{"": None}]})
    lease = table.insert(Key("a", "2"), {}, LATER)
    table.add(Key("b\x00", "1"), {"n": 4})
    clock.now = LATER + 1
    assert table.get(lease.key) is None
    assert by_key(table) == {
        plain.key: plain,
        lease.key: lease,
        Key("b\x00", "1"): Item(Key("b\x00", "1"), {}, 1, None, {"n": 4}),
    }


def test_everything_of_more_than_a_page(table: Table) -> None:
    text = "x" * 100_000
    keys = {Key(f"p{n % 3}", f"{n:02}") for n in range(25)}
    table.put_many(Put(key, {"text": text}) for key in keys)
    assert set(by_key(table)) == keys


def test_writing_while_everything_is_read_neither_waits_nor_breaks_it(home: Home) -> None:
    table = home.table
    table.put_many(Put(Key("p", f"{n:04}"), {}) for n in range(300))
    reading = table.everything()
    seen = {next(reading).key}
    table.put_many(Put(Key("q", f"{n:04}"), {}) for n in range(300))
    table.delete(table.query("p", reverse=True).items[0])
    seen |= {item.key for item in reading}
    assert {Key("p", f"{n:04}") for n in range(299)} <= seen
    if isinstance(home, SqliteHome):
        assert seen == {Key("p", f"{n:04}") for n in range(300)}  # as it was when the reading began


def test_a_reading_that_is_given_up_leaves_nothing_open(sturdy: Home) -> None:
    sturdy.table.put_many(Put(Key("p", f"{n}"), {}) for n in range(5))
    reading = sturdy.table.everything()
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert len(by_key(sturdy.table)) == 5
    if isinstance(sturdy, SqliteHome):
        sturdy.database.close()
        assert not sturdy.database.path.with_name("store.db-wal").exists()
        with pytest.raises(StoreUnavailableError, match="closed"):
            next(sturdy.table.everything())
