"""The Table port: items one by one, in batches, in transactions; expiry and counters."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.errors import ConflictError
from chalicelib.store import Delete, Insert, Item, Key, Put, Replace, Table
from tests.contract.store.homes import START, Clock

K = Key("EDITION#1", "CHUNK#1")
LATER = int(START) + 60
DATA: dict[str, Any] = {
    "text": 'ä "quoted" \\ \u2028 \x00 🎈',
    "numbers": [0, -1, 2**60, 0.5, 1e-7],
    "nothing": None,
    "deep": {"yes": True, "": []},
}


def test_insert_then_get(table: Table) -> None:
    assert table.get(K) is None
    item = table.insert(K, DATA)
    assert item == Item(K, DATA, 1)
    assert table.get(K) == item


def test_insert_is_refused_where_there_is_one(table: Table) -> None:
    item = table.insert(K, {"who": "first"})
    with pytest.raises(ConflictError, match="CHUNK#1"):
        table.insert(K, {"who": "second"})
    assert table.get(K) == item


def test_replace_counts_versions(table: Table) -> None:
    first = table.insert(K, {"n": 1})
    second = table.replace(first, {"n": 2}, LATER)
    assert second == Item(K, {"n": 2}, 2, LATER)
    third = table.replace(second, {"n": 3})
    assert third == table.get(K) == Item(K, {"n": 3}, 3)


def test_a_stale_holder_can_neither_replace_nor_delete(table: Table) -> None:
    first = table.insert(K, {"n": 1})
    second = table.replace(first, {"n": 2})
    with pytest.raises(ConflictError):
        table.replace(first, {"n": "lost update"})
    with pytest.raises(ConflictError):
        table.delete(first)
    assert table.get(K) == second


def test_what_is_gone_can_neither_be_replaced_nor_deleted(table: Table) -> None:
    item = table.insert(K, {})
    table.delete(item)
    assert table.get(K) is None
    with pytest.raises(ConflictError):
        table.replace(item, {})
    with pytest.raises(ConflictError):
        table.delete(item)
    assert table.get(K) is None


def test_get_many_of_more_than_a_batch(table: Table) -> None:
    keys = [Key(f"p{n % 7}", f"{n:03}") for n in range(120)]
    table.put_many(Put(key, {"n": n}) for n, key in enumerate(keys))
    found = table.get_many([*keys, *keys[:30], Key("p0", "none")])
    assert {key: item.data["n"] for key, item in found.items()} == {key: n for n, key in enumerate(keys)}
    assert table.get_many([]) == {}


def test_put_many_replaces_what_was_there(table: Table) -> None:
    old = table.insert(K, {"old": True}, LATER)
    table.add(Key("a", "b"), {"n": 1})
    puts = [Put(Key("many", f"{n:03}"), {"n": n}, LATER) for n in range(60)]
    table.put_many([*puts, Put(K, {"new": 1}), Put(Key("a", "b"), {"x": 1}), Put(K, {"new": 2})])
    item = table.get(K)
    assert item
    assert (item.data, item.expires) == ({"new": 2}, None)
    counted = table.get(Key("a", "b"))
    assert counted
    assert (counted.data, counted.counters) == ({"x": 1}, {})
    assert len(table.query("many").items) == 60
    with pytest.raises(ConflictError):
        table.replace(old, {})
    assert table.replace(item, {"newer": 1}).version == item.version + 1


def test_a_put_is_noticed_by_who_has_read_an_earlier_put(table: Table) -> None:
    table.put_many([Put(K, {"n": 1})])
    held = table.get(K)
    assert held
    table.put_many([Put(K, {"n": 2})])
    with pytest.raises(ConflictError):
        table.replace(held, {"n": "lost update"})
    with pytest.raises(ConflictError):
        table.transact([Delete(held)])


def test_transact_writes_all(table: Table) -> None:
    old, gone = table.insert(Key("t", "old"), {}), table.insert(Key("t", "gone"), {})
    table.add(old.key, {"kept": 5})
    old = replace(old, version=2)
    table.transact(
        [
            Insert(Key("t", "new"), {"n": 1}, LATER),
            Replace(old, {"n": 2}),
            Delete(gone),
            Put(Key("t", "put"), {"n": 3}),
        ]
    )
    assert table.get(Key("t", "new")) == Item(Key("t", "new"), {"n": 1}, 1, LATER)
    assert table.get(old.key) == Item(old.key, {"n": 2}, 3, None, {"kept": 5})
    assert table.get(gone.key) is None
    put = table.get(Key("t", "put"))
    assert put
    assert put.data == {"n": 3}


@pytest.mark.parametrize("bad", ["insert", "replace", "delete", "replace gone", "delete gone"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_transact_writes_nothing_on_a_conflict(table: Table, bad: str, place: int) -> None:
    there = table.insert(Key("t", "there"), {"n": 1})
    stale, gone = replace(there, version=7), Item(Key("t", "gone"), {}, 1)
    failing = {
        "insert": Insert(there.key, {}),
        "replace": Replace(stale, {}),
        "delete": Delete(stale),
        "replace gone": Replace(gone, {}),
        "delete gone": Delete(gone),
    }[bad]
    writes: list[Any] = [Insert(Key("t", "a"), {}), Put(Key("t", "b"), {})]
    writes.insert(place, failing)
    with pytest.raises(ConflictError, match="gone" if "gone" in bad else "there"):
        table.transact(writes)
    assert table.query("t").items == (there,)


def test_transact_takes_a_hundred_and_none(table: Table) -> None:
    table.transact([])
    table.transact([Insert(Key("t", f"{n:03}"), {"n": n}) for n in range(100)])
    assert [item.data["n"] for item in table.query("t").items] == list(range(100))


def test_what_has_expired_is_absent(table: Table, clock: Clock) -> None:
    item = table.insert(K, {"lease": 1}, LATER)
    clock.now = LATER - 0.5
    assert table.get(K) == item
    assert table.get_many([K]) == {K: item}
    clock.now = LATER
    assert table.get(K) is None
    assert table.get_many([K]) == {}
    assert table.query(K.pk).items == ()
    with pytest.raises(ConflictError):
        table.replace(item, {})
    with pytest.raises(ConflictError):
        table.delete(item)
    with pytest.raises(ConflictError):
        table.transact([Replace(item, {})])


@pytest.mark.parametrize("by", ["insert", "transact"])
def test_an_expired_lease_can_be_taken_and_its_old_holder_loses(table: Table, clock: Clock, by: str) -> None:
    held = table.insert(K, {"holder": "old"}, LATER)
    clock.now = LATER - 0.5
    with pytest.raises(ConflictError):
        table.insert(K, {"holder": "new"}, LATER + 60)
    clock.now = LATER + 0.5
    if by == "insert":
        assert table.insert(K, {"holder": "new"}, LATER + 60) == Item(K, {"holder": "new"}, 1, LATER + 60)
    else:
        table.transact([Insert(K, {"holder": "new"}, LATER + 60)])
    for stale in (held, replace(held, expires=None)):
        with pytest.raises(ConflictError):
            table.delete(stale)
        with pytest.raises(ConflictError):
            table.replace(stale, {"holder": "old"}, LATER + 120)
    taken = table.get(K)
    assert taken == Item(K, {"holder": "new"}, 1, LATER + 60)


def test_add_makes_and_counts(table: Table) -> None:
    assert table.add(K, {"sent": 2, "failed": 1}) == {"sent": 2, "failed": 1}
    assert table.add(K, {"sent": 3, "größe 🎈.#": -4}) == {"sent": 5, "failed": 1, "größe 🎈.#": -4}
    assert table.add(K, {}) == {"sent": 5, "failed": 1, "größe 🎈.#": -4}
    assert table.get(K) == Item(K, {}, 3, None, {"sent": 5, "failed": 1, "größe 🎈.#": -4})


def test_add_is_a_write_and_keeps_data_and_expiry(table: Table) -> None:
    item = table.insert(K, {"name": "x"}, LATER)
    table.add(K, {"n": 1})
    with pytest.raises(ConflictError):
        table.replace(item, {"name": "y"})
    counted = table.get(K)
    assert counted == Item(K, {"name": "x"}, 2, LATER, {"n": 1})
    assert table.replace(counted, {"name": "y"}).counters == {"n": 1}
    assert table.get(K) == Item(K, {"name": "y"}, 3, None, {"n": 1})


def test_add_starts_anew_on_what_has_expired(table: Table, clock: Clock) -> None:
    table.insert(K, {"old": True}, LATER)
    table.add(K, {"n": 41, "m": 1})
    clock.now = LATER
    assert table.add(K, {"n": 1}) == {"n": 1}
    assert table.get(K) == Item(K, {}, 1, None, {"n": 1})


def test_insert_over_what_has_expired_forgets_its_counters(table: Table, clock: Clock) -> None:
    table.insert(K, {}, LATER)
    table.add(K, {"n": 41})
    clock.now = LATER
    table.insert(K, {})
    assert table.get(K) == Item(K, {}, 1)
