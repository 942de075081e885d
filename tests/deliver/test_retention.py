"""What is kept no longer is forgotten, a part of a round at each tick; who still gets something is left alone."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.audience import make_member
from chalicelib.audience.choices import Choices
from chalicelib.audience.signup import Request, SignUps
from chalicelib.audience.subscriber import Basis
from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.content.privacy import Privacy
from chalicelib.deliver.draining import drain
from chalicelib.deliver.retention import STATE, Retained, Retention
from chalicelib.deliver.sends import Sends
from chalicelib.store import Key, Put
from chalicelib.store.sqlite import SqliteTable, clean
from tests.deliver.house import ID, House
from tests.simulation.world import MONDAY, SECRETS, SITE, SLOT

DAY = timedelta(days=1)
LATER = SLOT + 91 * DAY


@pytest.fixture
def house(tmp_path: Path) -> House:
    site = replace(
        SITE, newsletters={**SITE.newsletters, "alerts": replace(SITE.newsletters["digest"], name="alerts")},
        privacy=Privacy(keep_left_days=90, keep_recipients_days=60),
    )  # fmt: skip
    house = House(tmp_path, site=site, readers=8)
    house.table = SqliteTable(house.database, LATER.timestamp)
    return house


def retention(house: House, **changes: Any) -> Retention:
    return Retention(house.site, house.table, house.blobs, house.audience, **changes)


def known(house: House) -> set[str]:
    return {address for address, sid in house.sids.items() if house.audience.person(sid).profile}


def leave(house: House, number: int, at: datetime, newsletter: str = "digest") -> str:
    sid = house.sids[f"reader{number}@example.org"]
    assert house.audience.leave(sid, newsletter, at, "a link")
    return sid


def a_life(house: House) -> set[str]:
    """Who of the readers has to go 91 days after the slot."""
    leave(house, 0, SLOT)
    leave(house, 1, SLOT + 2 * DAY)  # not long enough ago
    other = replace(make_member(SECRETS, "alerts", "reader2@example.org", "", "en"))
    house.audience.subscribe([other], Basis.CONSENT, "a test", MONDAY)
    leave(house, 2, SLOT)  # but has the alerts
    asking = leave(house, 3, SLOT)
    request = Request("reader3@example.org", "", "en", {"digest": Choices()}, "f", "t", LATER)
    SignUps(house.table).ask(asking, request, LATER)  # and waits for a confirmation
    leave(house, 4, SLOT)
    suppressions = Suppressions(house.table)
    suppressions.add(house.sids["reader4@example.org"], Reason.BOUNCE, SLOT)
    suppressions.add(house.sids["reader5@example.org"], Reason.COMPLAINT, SLOT + 2 * DAY)
    suppressions.add("0" * 24, Reason.MANUAL, SLOT)
    return {"reader0@example.org", "reader4@example.org"}


def test_who_left_everything_long_ago_is_erased_and_stays_out(house: House) -> None:
    to_go, before = a_life(house), known(house)
    assert retention(house).would(LATER) == Retained(left=2)
    assert known(house) == before
    assert retention(house).run(LATER) == Retained(left=2)
    assert known(house) == before - to_go
    again = make_member(SECRETS, "digest", "reader0@example.org", "", "")
    assert house.audience.subscribe([again], Basis.CONSENT, "an old list", LATER) == ["suppressed"]
    reasons = {one.who: str(one.reason) for one in Suppressions(house.table).all()}
    assert reasons[house.sids["reader0@example.org"]] == "erased"
    assert reasons[house.sids["reader4@example.org"]] == "bounce"


def test_the_round_of_a_day_is_made_once(house: House) -> None:
    sweeps: list[int] = []

    def sweep() -> int:
        sweeps.append(1)
        return 3

    a_life(house)
    assert retention(house, sweep=sweep).run(LATER - 5 * DAY) == Retained(expired=3)
    leave(house, 6, SLOT - DAY)
    assert retention(house, sweep=sweep).run(LATER - 5 * DAY + timedelta(hours=3)) is None
    assert retention(house, sweep=sweep).run(LATER - DAY) == Retained(left=1, expired=3)
    assert len(sweeps) == 2


def test_a_round_goes_on_where_the_last_tick_stopped(house: House) -> None:
    to_go, before = a_life(house), known(house)
    rounds: list[Retained | None] = []
    while not rounds or rounds[-1] is not None:
        rounds.append(retention(house, most_looked_at=2).run(LATER))
        assert len(rounds) < 30
    assert sum(one.left for one in rounds if one) == 2
    assert len(rounds) > 5
    assert known(house) == before - to_go


def test_the_recipients_of_an_old_edition_are_forgotten_and_its_books_stand(house: House) -> None:
    house.start()
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT)
    books, sid = house.books(), house.sids["reader0@example.org"]
    assert retention(house).run(SLOT + 59 * DAY) == Retained()
    assert list(Sends(house.table, house.blobs).of([sid], ["digest"]))
    assert retention(house).run(SLOT + 61 * DAY) == Retained(editions=1)
    assert retention(house).run(SLOT + 62 * DAY) == Retained()
    assert not any(item.key.sk.startswith("CHUNK#") for item in house.table.everything())
    assert house.books() == books
    assert house.marks() == "s" * 8
    assert list(Sends(house.table, house.blobs).of([sid], ["digest"])) == []
    assert asyncio.run(house.worker().work(ID, 0)).ended == "stopped"


def test_an_edition_that_is_still_sent_keeps_its_recipients(house: House) -> None:
    house.start()
    assert retention(house).run(SLOT + 61 * DAY) == Retained()


def test_two_at_once_end_as_one(house: House) -> None:
    a_life(house)
    other = retention(house)

    def meanwhile() -> int:
        other.run(LATER)
        return 0

    assert retention(house, sweep=meanwhile).run(LATER) == Retained(left=0)
    item = house.table.get(STATE)
    assert item is not None
    assert item.data["done"] is True


def test_what_has_expired_really_goes_from_the_embedded_store(tmp_path: Path) -> None:
    house = House(tmp_path, readers=0)
    once = SqliteTable(house.database, lambda: 0)
    once.put_many(Put(Key("LIMIT#x", f"{n:05}"), {"address": "ada@example.org"}, 5) for n in range(1500))
    once.put_many([Put(Key("LIMIT#x", "stays"), {})])
    assert clean(house.database) == 1500
    assert [item.key.sk for item in house.table.everything() if item.key.pk == "LIMIT#x"] == ["stays"]
    for path in (tmp_path / "sendbrief.db", tmp_path / "sendbrief.db-wal"):
        assert b"ada@example.org" not in path.read_bytes()
