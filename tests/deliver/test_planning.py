"""Planning: cut off at any write, raced by another planner, or stopped by a broken template."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.compose.edition import State
from chalicelib.deliver.draining import drain
from tests.deliver.cutting import Cut, Cutting
from tests.deliver.house import ID, House
from tests.simulation.world import MONDAY, SITE, SLOT


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, readers=13)
    made.composer.tick(MONDAY)
    made.composer.tick(SLOT)
    yield made
    made.database.close()


def frozen(house: House) -> Counter[str]:
    chunks = range(house.edition().chunks)
    return Counter(r.sid for number in chunks for r in house.dispatcher.chunks.recipients(ID, number))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("cut", range(1, 12))
def test_a_planner_that_dies_at_any_write_is_followed_by_one_that_completes(
    house: House, cut: int, after: bool
) -> None:
    Cutting.left, Cutting.after = cut, after
    blobs, house.blobs = house.blobs, Cutting(house.blobs)  # type: ignore[assignment]
    queue, house.queue = house.queue, Cutting(house.queue)  # type: ignore[assignment]
    with pytest.raises(Cut):
        house.make_dispatcher(Cutting(house.table)).tick(SLOT)
    house.blobs, house.queue, Cutting.left = blobs, queue, 10**9
    assert house.books().balanced
    house.dispatcher.tick(SLOT)
    assert house.edition().planned == 13
    assert set(frozen(house).values()) == {1}
    assert set(frozen(house)) == set(house.sids.values())
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT)
    assert sorted(house.transport.handed) == sorted(house.sids)
    assert house.edition().state is State.SENT


def test_planning_takes_eleven_writes(house: House) -> None:
    """So that the cuts above reach all of them."""
    Cutting.left, Cutting.after = 1000, False
    house.blobs, house.queue = Cutting(house.blobs), Cutting(house.queue)  # type: ignore[assignment]
    house.make_dispatcher(Cutting(house.table)).tick(SLOT)
    assert 1000 - Cutting.left == 11


def test_planners_at_once_end_as_one(house: House) -> None:
    barrier, errors = threading.Barrier(4), list[BaseException]()

    def plan() -> None:
        try:
            dispatcher = house.make_dispatcher()
            barrier.wait()
            dispatcher.tick(SLOT)
        except BaseException as error:  # noqa: BLE001 (shown below)
            errors.append(error)

    threads = [threading.Thread(target=plan) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    house.dispatcher.tick(SLOT)
    assert (house.edition().planned, set(frozen(house).values())) == (13, {1})
    asyncio.run(drain(house.queue, house.worker()))
    assert sorted(house.transport.handed) == sorted(house.sids)


def test_who_leaves_before_planning_is_not_planned_and_other_tastes_are_skipped(house: House) -> None:
    house.audience.leave(house.sids["reader0@example.org"], "digest", SLOT, "link")
    house.subscribe("few@example.org", topics=frozenset[str]())
    house.subscribe("monthly@example.org", cadence="monthly")
    house.dispatcher.tick(SLOT)
    books = house.books()
    assert (books.planned, books.skipped, books.pending) == (14, 1, 13), "a newsletter without gatherings is for all"


def test_an_edition_without_readers_is_sent_to_nobody(tmp_path: Path) -> None:
    house = House(tmp_path, readers=0)
    house.start()
    assert (house.edition().state, house.edition().planned, house.books().balanced) == (State.SENT, 0, True)
    house.database.close()


def test_a_broken_template_holds_the_edition_before_its_first_mail(tmp_path: Path) -> None:
    broken = tmp_path / "site" / "templates" / "email" / "digest" / "body.mjml"
    broken.parent.mkdir(parents=True)
    broken.write_text("<mjml><mj-body>{{ no_such_thing.at_all }}</mj-body></mjml>")
    house = House(tmp_path, site=replace(SITE, root=tmp_path / "site"))
    house.start()
    held = house.edition()
    assert (held.state, held.planned) == (State.HELD, None)
    assert "body.mjml" in held.why
    assert house.queue.receive() == []
    assert house.books().balanced
    assert house.blobs.names(f"editions/{ID}/letter-") == [], "once it is mended, all variants are compiled alike"
    broken.unlink()
    house.control.approve(ID, SLOT)
    house.dispatcher.tick(SLOT)
    asyncio.run(drain(house.queue, house.worker()))
    assert sorted(house.transport.handed) == sorted(house.sids)
    house.database.close()


def test_cancelling_an_edition_held_by_a_broken_template_frees_its_entries(tmp_path: Path) -> None:
    broken = tmp_path / "site" / "templates" / "email" / "digest" / "subject.txt"
    broken.parent.mkdir(parents=True)
    broken.write_text("{% if %}")
    house = House(tmp_path, site=replace(SITE, root=tmp_path / "site"))
    house.start()
    assert house.edition().chunks == 2
    house.control.cancel(ID, SLOT)
    house.dispatcher.tick(SLOT)
    assert house.edition().totals["skipped"] == 10
    assert not house.edition().claims_entries
    house.database.close()


def test_a_late_start_holds_unless_a_person_released_it(house: House) -> None:
    late = SLOT.replace(hour=16)
    house.dispatcher.tick(late)
    assert house.edition().state is State.HELD
    house.control.approve(ID, late)
    house.dispatcher.tick(late)
    assert house.edition().state is State.SENDING
