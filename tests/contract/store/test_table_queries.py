"""The Table port: pages of a partition, by prefix and range, both ways; what fits and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.errors import InvalidKeyError, ItemTooLargeError
from chalicelib.store import MAX_ITEM_BYTES, Delete, Insert, Item, Key, Put, Replace, Table, every
from tests.contract.store.homes import Home

# In the order of their UTF-8 bytes. UTF-16 (Java, JavaScript) would put the emoji before U+FF61.
ORDERED = ["\x00", "\x00\x00", "\x01", " ", "#", "A", "Z", "a", "a\x00", "a#", "aa", "b", "é", "中", "\ud7ff",
           "\ue000", "｡", "\uffff", "🎈", "🎈a", "\U0010ffff", "\U0010ffff\U0010ffff"]  # fmt: skip
HOSTILE = ["\x00", "a\x00b", "'; DROP TABLE items; --", "%_*?", "🎈" * 200, "‮rtl", "e\u0301", "é", "\n", " ", "../x"]


def keys_of(items: Any) -> list[str]:
    return [item.key.sk for item in items]


def walk(table: Table, pk: str, **options: Any) -> list[str]:
    """Every sort key of a query, page by page; no page may be over its limit."""
    found: list[str] = []
    cursor = None
    while True:
        page = table.query(pk, cursor=cursor, **options)
        assert len(page.items) <= options.get("limit", 10**9)
        found += keys_of(page.items)
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.fixture
def ordered(table: Table) -> Table:
    table.put_many(Put(Key("p", sk), {}) for sk in reversed(ORDERED))
    table.put_many([Put(Key("o", "other"), {}), Put(Key("p\x00", "other"), {}), Put(Key("pp", "other"), {})])
    return table


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("limit", [1, 5, 100])
def test_a_partition_is_ordered_by_bytes(ordered: Table, reverse: bool, limit: int) -> None:
    expected = ORDERED[::-1] if reverse else ORDERED
    assert walk(ordered, "p", reverse=reverse, limit=limit) == expected
    assert keys_of(every(ordered, "p", reverse=reverse)) == expected


@pytest.mark.parametrize("prefix", ["a", "a\x00", "🎈", "\U0010ffff", "\ud7ff", "\x00", "none"])
@pytest.mark.parametrize("reverse", [False, True])
def test_by_prefix(ordered: Table, prefix: str, reverse: bool) -> None:
    expected = [sk for sk in ORDERED if sk.startswith(prefix)]
    assert walk(ordered, "p", prefix=prefix, reverse=reverse, limit=2) == (expected[::-1] if reverse else expected)
    assert keys_of(every(ordered, "p", prefix=prefix)) == expected


@pytest.mark.parametrize(
    ("first", "last"), [("a", "b"), ("a", None), (None, "a"), ("｡", "🎈"), ("a", "a"), ("b", "a"), ("0", "9")]
)
@pytest.mark.parametrize("reverse", [False, True])
def test_by_inclusive_range(ordered: Table, first: str | None, last: str | None, reverse: bool) -> None:
    expected = [sk for sk in ORDERED if (first is None or sk >= first) and (last is None or sk <= last)]
    expected = expected[::-1] if reverse else expected
    assert walk(ordered, "p", first=first, last=last, reverse=reverse) == expected
    assert walk(ordered, "p", first=first, last=last, reverse=reverse, limit=2) == expected


def test_an_empty_partition(table: Table) -> None:
    page = table.query("nothing")
    assert (page.items, page.cursor) == ((), None)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_page_ends_at_one_megabyte(table: Table, reverse: bool) -> None:
    text = "x" * 150_000
    table.put_many(Put(Key("big", f"{n:02}"), {"text": text}) for n in range(18))
    page = table.query("big", reverse=reverse)
    assert 5 <= len(page.items) <= 8
    assert page.cursor == page.items[-1].key.sk
    expected = [f"{n:02}" for n in range(18)]
    assert walk(table, "big", reverse=reverse) == (expected[::-1] if reverse else expected)
    assert walk(table, "big", reverse=reverse, prefix="0", limit=7) == sorted(expected[:10], reverse=reverse)
    assert walk(table, "big", first="03", last="16", reverse=reverse) == sorted(expected[3:17], reverse=reverse)


def test_pages_of_expired_items_have_a_cursor(table: Table) -> None:
    table.put_many(Put(Key("p", f"{n:02}"), {}, 1 if n < 10 else None) for n in range(12))
    page = table.query("p", limit=5)
    assert page.items == ()
    assert page.cursor is not None
    assert walk(table, "p", limit=5) == ["10", "11"]
    assert walk(table, "p", limit=5, reverse=True) == ["11", "10"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_keys_stay_apart(table: Table, text: str) -> None:
    keys = [Key(text, text), Key(text, text + "x"), Key(text + "x", text), Key("x" + text, text)]
    for n, key in enumerate(keys):
        table.insert(key, {"n": n, text: text})
    table.add(keys[0], {text[:20]: 1})
    found = table.get_many(keys)
    assert [found[key].data["n"] for key in keys] == [0, 1, 2, 3]
    assert found[keys[1]].data[text] == text
    assert keys_of(table.query(text, prefix=text).items) == [text, text + "x"]
    first = table.get(keys[0])
    assert first
    table.transact([Replace(first, {}), Delete(found[keys[2]])])
    assert table.get(keys[2]) is None


def test_the_largest_keys(table: Table) -> None:
    key = Key("ä" * 1024, "🎈" * 256)
    assert table.get(table.insert(key, {}).key) == Item(key, {}, 1)


@pytest.mark.parametrize(
    "key",
    [
        Key("", "a"),
        Key("a", ""),
        Key("a" * 2049, "a"),
        Key("a", "ä" * 513),
        Key("a\ud800", "a"),
        Key("a", "\udfff"),
        Key("a", 1),  # type: ignore[arg-type]
    ],
)
def test_keys_that_no_home_takes(table: Table, key: Key) -> None:
    item = Item(key, {}, 1)
    attempts: list[Callable[[], object]] = [
        lambda: table.get(key),
        lambda: table.get_many([key]),
        lambda: table.insert(key, {}),
        lambda: table.replace(item, {}),
        lambda: table.delete(item),
        lambda: table.add(key, {"n": 1}),
        lambda: table.put_many([Put(key, {})]),
        lambda: table.transact([Delete(item)]),
        lambda: table.transact([Insert(key, {})]),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidKeyError):
            attempt()


@pytest.mark.parametrize(
    "data",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": b"bytes"},
        {"a": {1: 2}},
        {"a": [{None: 2}]},
        {1: 2},
        {"a": "\ud800"},
        {"\udfff": 1},
        {"a": {1, 2}},
        ["no mapping"],
        "text",
    ],
)
def test_data_that_is_no_json(table: Table, data: Any) -> None:
    key = Key("a", "b")
    for attempt in (
        lambda: table.insert(key, data),
        lambda: table.put_many([Put(key, data)]),
        lambda: table.transact([Insert(key, data)]),
    ):
        with pytest.raises(InvalidKeyError):
            attempt()
    assert table.get(key) is None


def test_data_nested_too_deep_or_in_itself(table: Table) -> None:
    data: dict[str, Any] = {}
    data["self"] = data
    with pytest.raises(InvalidKeyError, match="deeper"):
        table.insert(Key("a", "b"), data)


@pytest.mark.parametrize("expires", [-1, 1.5, "soon", True, 2**60])
def test_expiry_that_is_no_moment(table: Table, expires: Any) -> None:
    with pytest.raises(InvalidKeyError):
        table.insert(Key("a", "b"), {}, expires)


@pytest.mark.parametrize("deltas", [{"": 1}, {"n": 1.5}, {"n": True}, {"n": 2**60}, {"x" * 101: 1}, {"\ud800": 1}])
def test_counters_that_no_home_takes(table: Table, deltas: Any) -> None:
    with pytest.raises(InvalidKeyError):
        table.add(Key("a", "b"), deltas)
    assert table.get(Key("a", "b")) is None


def test_large_items(table: Table) -> None:
    item = table.insert(Key("a", "b"), {"text": "ä" * 150_000})
    assert table.get(item.key) == item
    table.delete(item)
    nearly = "x" * (MAX_ITEM_BYTES - 6_000)
    table.transact([Insert(Key("a", "c"), {"text": nearly})])
    too_large = {"text": nearly + "x" * 6_000}
    for write in (
        lambda: table.insert(Key("a", "d"), too_large),
        lambda: table.put_many([Put(Key("a", "d"), too_large)]),
        lambda: table.transact([Insert(Key("a", "d"), too_large)]),
    ):
        with pytest.raises(ItemTooLargeError):
            write()
    assert table.get(Key("a", "d")) is None


def test_replacing_large_items(sturdy: Home) -> None:
    """Not on moto, which adds the new value to the old one when it looks at the size of an update."""
    item = sturdy.table.insert(Key("a", "b"), {"text": "ä" * 150_000})
    again = sturdy.table.replace(item, {"text": "ü" * 150_000})
    sturdy.table.transact([Replace(again, {"text": "x" * (MAX_ITEM_BYTES - 100)})])


def test_counters_count_towards_the_size(sturdy: Home) -> None:
    """Not on moto, which draws the line of 400 KB elsewhere than DynamoDB."""
    sturdy.table.insert(Key("a", "b"), {"text": "x" * (MAX_ITEM_BYTES - 300)})
    with pytest.raises(ItemTooLargeError):
        sturdy.table.add(Key("a", "b"), {f"{n}" * 99: 2**50 + 1 for n in range(10)})


@pytest.mark.parametrize(
    "options",
    [
        {"prefix": "a", "first": "a"},
        {"prefix": "a", "last": "a"},
        {"limit": 0},
        {"first": ""},
        {"last": "x" * 1025},
        {"prefix": "\ud800"},
        {"prefix": "a", "cursor": "b"},
        {"first": "b", "cursor": "a"},
        {"last": "b", "cursor": "c"},
    ],
)
def test_queries_that_make_no_sense(table: Table, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        table.query("p", **options)


def test_transactions_that_no_home_takes(table: Table) -> None:
    with pytest.raises(InvalidKeyError, match="twice"):
        table.transact([Insert(Key("a", "b"), {}), Put(Key("a", "c"), {}), Delete(Item(Key("a", "b"), {}, 1))])
    with pytest.raises(InvalidKeyError, match="101"):
        table.transact([Insert(Key("a", f"{n}"), {}) for n in range(101)])
    with pytest.raises(ItemTooLargeError, match="4 MB"):
        table.transact([Insert(Key("a", f"{n}"), {"text": "x" * 399_000}) for n in range(12)])
    assert table.query("a").items == ()
