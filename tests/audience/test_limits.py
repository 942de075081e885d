"""Buckets: how many are let in, when the next one is, what stays in the store; under a set clock."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.audience.limits import (
    DAY,
    PER_ADDRESS,
    PER_NETWORK,
    PER_SITE,
    UNKNOWN_NETWORK,
    Bucket,
    Limits,
    Rule,
    network_prefix,
    subscribe_buckets,
)
from chalicelib.errors import ConflictError
from chalicelib.store import Item, Key
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
THREE = Rule(3, 60)


class House:
    """A table under a clock that tests set."""

    def __init__(self, folder: Path) -> None:
        self.now = START
        self.database = Database(folder / "buckets.db")
        self.table = SqliteTable(self.database, clock=lambda: self.now.timestamp())
        self.limits = Limits(self.table, b"k" * 40)

    def take(self, key: str = "a", rule: Rule = THREE) -> bool:
        return self.limits.take("test", key, rule, self.now).ok

    def rows(self) -> int:
        return int(self.database.run("SELECT count(*) FROM items")[0][0])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.database.close()


def test_as_many_as_the_rule_has_are_let_in_and_then_each_after_its_share(house: House) -> None:
    assert [house.take() for _ in range(5)] == [True, True, True, False, False]
    house.now += timedelta(seconds=19)
    assert not house.take()
    house.now += timedelta(seconds=1)
    assert [house.take(), house.take()] == [True, False]
    house.now += timedelta(seconds=60)
    assert [house.take() for _ in range(4)] == [True, True, True, False]


def test_who_is_refused_hears_when_there_is_room_again_and_for_which_bucket(house: House) -> None:
    for _ in range(3):
        house.take()
    house.now += timedelta(seconds=4.5)
    refused = house.limits.take("test", "a", THREE, house.now)
    assert (refused.ok, refused.retry_after_seconds, refused.name) == (False, 16, "test")
    house.now += timedelta(seconds=refused.retry_after_seconds)
    assert house.take()


def test_names_and_keys_have_buckets_of_their_own(house: House) -> None:
    for _ in range(3):
        assert house.take("a")
    assert house.take("b")
    assert house.take("")
    assert house.take("\ud800")
    assert house.limits.take("other", "a", THREE, house.now).ok
    assert not house.take("a")


def test_all_are_taken_or_none(house: House) -> None:
    one, many = Bucket("one", "x", Rule(1, 60)), Bucket("many", "x", Rule(5, 60))
    assert house.limits.take_all([one, many], house.now).ok
    for _ in range(10):
        refused = house.limits.take_all([many, one], house.now)
        assert (refused.ok, refused.name, refused.retry_after_seconds) == (False, "one", 60)
    assert [house.limits.take("many", "x", many.rule, house.now).ok for _ in range(5)] == [True] * 4 + [False]


def test_the_one_that_waits_longest_is_named(house: House) -> None:
    buckets = [Bucket("short", "x", Rule(1, 10)), Bucket("long", "x", Rule(1, 60)), Bucket("free", "x", Rule(9, 10))]
    assert house.limits.take_all(buckets, house.now).ok
    refused = house.limits.take_all(buckets, house.now)
    assert (refused.name, refused.retry_after_seconds) == ("long", 60)


def test_a_bucket_expires_when_it_is_full_and_never_stays_for_more_than_a_day(house: House) -> None:
    assert house.limits.take("test", "a", PER_ADDRESS, house.now).ok
    (row,) = house.database.run("SELECT pk, expires FROM items")
    assert row[1] == house.now.timestamp() + DAY / 3
    for _ in range(5):
        house.limits.take("test", "a", PER_ADDRESS, house.now)
    assert house.database.run("SELECT expires FROM items")[0][0] == house.now.timestamp() + DAY
    house.now += timedelta(seconds=DAY)
    assert house.table.get(Key(row[0], "-")) is None
    assert [house.limits.take("test", "a", PER_ADDRESS, house.now).ok for _ in range(4)] == [True] * 3 + [False]


def test_no_network_and_no_address_can_be_read_in_the_store(house: House) -> None:
    house.limits.take_all(subscribe_buckets("ada@example.org", "203.0.113.7"), house.now)
    with_other_key = Limits(house.table, b"o" * 40)
    before = house.rows()
    with_other_key.take_all(subscribe_buckets("ada@example.org", "203.0.113.7"), house.now)
    assert house.rows() == 2 * before == 6
    for (pk,) in house.database.run("SELECT pk FROM items"):
        assert re.fullmatch(r"LIMIT#(address|network|site)#[0-9a-f]{32}", pk)


@pytest.mark.parametrize("hours", [-10_000, 10_000])
def test_a_bucket_from_under_a_clock_that_was_wrong_is_made_anew(house: House, hours: int) -> None:
    house.limits.take("test", "a", THREE, house.now + timedelta(hours=hours))
    assert [house.take() for _ in range(4)] == [True] * 3 + [False]


@pytest.mark.parametrize("seconds", [2.5 * 60, 3600])
def test_nobody_is_kept_waiting_for_longer_than_a_clock_can_be_wrong(house: House, seconds: float) -> None:
    house.limits.take("test", "a", THREE, house.now + timedelta(seconds=seconds))
    assert house.take()


def test_another_machines_clock_may_be_ahead_and_nobody_gains_by_it(house: House) -> None:
    ahead = house.now + timedelta(seconds=30)
    assert [house.limits.take("test", "a", THREE, ahead).ok for _ in range(4)] == [True] * 3 + [False]
    refused = house.limits.take("test", "a", THREE, house.now)
    assert (refused.ok, refused.retry_after_seconds) == (False, 50)


@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=40), st.uuids())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_more_than_what_was_saved_up_and_what_came_back(house: House, pauses: list[int], key: object) -> None:
    taken: list[datetime] = []
    for pause in pauses:
        house.now += timedelta(milliseconds=pause)
        if house.take(str(key)):
            taken.append(house.now)
    for place, first in enumerate(taken):
        for count, last in enumerate(taken[place:], start=1):
            assert count <= 3 + (last - first).total_seconds() / 20


@pytest.mark.parametrize(
    ("requests", "site"),
    [(500, Rule(50, 3600)), pytest.param(100_000, PER_SITE, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
def test_a_flood_from_everywhere_leaves_what_was_let_in_and_no_more(house: House, requests: int, site: Rule) -> None:
    """A list bomber with an address and a network of his own for each request, all within an hour."""
    let_in = 0
    for number in range(requests):
        house.now += timedelta(hours=1) / requests
        own = subscribe_buckets(f"person{number}", f"2001:db8:{number % 65536:x}:{number // 65536:x}00::1")[:2]
        let_in += house.limits.take_all([*own, Bucket("site", "", site)], house.now).ok
    assert site.capacity <= let_in <= 2 * site.capacity
    assert house.rows() <= 2 * let_in + 1


def test_one_network_gets_no_more_than_its_own_and_takes_nothing_from_others(house: House) -> None:
    bomb = [house.limits.take_all(subscribe_buckets(f"p{n}", f"203.0.113.{n % 256}"), house.now) for n in range(200)]
    assert sum(taken.ok for taken in bomb) == PER_NETWORK.capacity
    assert {taken.name for taken in bomb if not taken.ok} == {"network"}
    assert house.rows() == PER_NETWORK.capacity + 2, "the refused left nothing, not even for their addresses"
    others = [house.limits.take_all(subscribe_buckets(f"q{n}", f"198.51.{n // 10}.9"), house.now) for n in range(60)]
    assert all(taken.ok for taken in others)


def test_one_address_is_asked_for_three_times_from_wherever(house: House) -> None:
    taken = [house.limits.take_all(subscribe_buckets("ada", f"198.51.{n}.1"), house.now) for n in range(10)]
    assert [one.ok for one in taken] == [True] * 3 + [False] * 7
    assert taken[-1].name == "address"
    assert taken[-1].retry_after_seconds == DAY / 3


def test_who_has_done_work_needs_no_room_at_the_site(house: House) -> None:
    assert house.limits.take("site", "", Rule(1, PER_SITE.per_seconds), house.now).ok, "all of it at once"
    assert house.limits.take_all(subscribe_buckets("ada", "::1"), house.now).name == "site"
    assert house.limits.take_all(subscribe_buckets("ada", "::1", whole_site=False), house.now).ok


def test_of_many_at_once_just_as_many_as_there_is_room_for(tmp_path: Path) -> None:
    database = Database(tmp_path / "buckets.db")
    limits, rule, lock = Limits(SqliteTable(database)), Rule(40, DAY), threading.Lock()
    now, results = datetime.now(UTC), list[bool]()

    def ask() -> None:
        for _ in range(30):
            ok = limits.take("test", "a", rule, now).ok
            with lock:
                results.append(ok)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    assert len(results) == 180
    assert sum(results) == 40


class Contended(SqliteTable):
    """A table on which somebody else is always faster."""

    tries = 0

    def transact(self, writes: object) -> None:
        self.tries += 1
        raise ConflictError("somebody was faster")


def test_who_loses_every_race_is_told_to_come_back(house: House) -> None:
    table = Contended(house.database, clock=lambda: house.now.timestamp())
    taken = Limits(table).take("site", "", PER_SITE, house.now)
    assert (taken.ok, taken.retry_after_seconds, taken.name) == (False, 1, "site")
    assert 5 <= table.tries <= 50


def test_a_full_bucket_is_refused_without_a_write(house: House) -> None:
    for _ in range(3):
        house.take()
    table = Contended(house.database, clock=lambda: house.now.timestamp())
    for _ in range(1000):
        assert not Limits(table, b"k" * 40).take("test", "a", THREE, house.now).ok
    assert table.tries == 0


def test_items_hold_one_number(house: House) -> None:
    house.take()
    pk = house.database.run("SELECT pk FROM items")[0][0]
    item = house.table.get(Key(pk, "-"))
    assert isinstance(item, Item)
    assert item.data == {"full": START.timestamp() * 1000 + 20_000}
    assert pk.startswith("LIMIT#test#")
    assert len(pk) < 60


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("::FFFF:cb00:714d", "203.0.113.0/24"),
        ("2001:db8:1234:56ff:1::9", "2001:db8:1234:5600::/56"),
        ("2001:db8:1234:5600::", "2001:db8:1234:5600::/56"),
        ("2001:db8:1234:5700::", "2001:db8:1234:5700::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("::1", "::/56"),
        ("", UNKNOWN_NETWORK),
        ("unknown", UNKNOWN_NETWORK),
        ("203.0.113.077", UNKNOWN_NETWORK),
        ("203.0.113.7:443", UNKNOWN_NETWORK),
        ("1" * 100_000, UNKNOWN_NETWORK),
        (":" * 100_000, UNKNOWN_NETWORK),
        ("203.0.113.7\r\n", UNKNOWN_NETWORK),
        ("\ud800", UNKNOWN_NETWORK),
    ],
)
def test_clients_are_known_by_their_network(ip: str, network: str) -> None:
    assert network_prefix(ip) == network


@given(st.text(max_size=60) | st.ip_addresses().map(str))
@settings(max_examples=25)
def test_any_text_has_a_bucket(text: str) -> None:
    found = network_prefix(text)
    assert found == UNKNOWN_NETWORK or found.endswith(("/24", "/56"))


@pytest.mark.parametrize(("capacity", "seconds"), [(0, 60), (-1, 60), (1, 0), (1, DAY + 1)])
def test_what_is_no_rule_is_refused(capacity: int, seconds: int) -> None:
    with pytest.raises(ValueError, match="no rule"):
        Rule(capacity, seconds)
