"""Editions for a part of the members: frozen when planned, the same for whoever plans on, never for too many."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.compose.edition import State
from chalicelib.content.segments import UNREADABLE
from chalicelib.content.values import EditionNote, Newsletter, Schedule, Site
from chalicelib.deliver.draining import drain
from tests.deliver.house import ID, House
from tests.deliver.test_planning import Cut, Cutting
from tests.simulation.world import DIGEST, MONDAY, SITE, SLOT

TAGGED = {f"reader{n}@example.org" for n in range(0, 12, 2)}


def site_with(segment: str = "", note: str | None = None, **changes: Any) -> Site:
    notes: Mapping[tuple[str, str], EditionNote] = {}
    if note is not None:
        notes = {("digest", "2026-11-26"): EditionNote("digest", "2026-11-26", segment=note)}
    newsletter: Newsletter = replace(DIGEST, segment=segment, **changes)
    return replace(SITE, newsletters={"digest": newsletter}, notes=notes)


def house_with(folder: Path, site: Site) -> House:
    """Twelve readers, every other one with a tag, one of those with the language de."""
    house = House(folder, site=site, readers=0)
    for number in range(12):
        marks = frozenset({"tag:even"} if number % 2 == 0 else ())
        address = f"reader{number}@example.org"
        house.sids[address] = house.subscribe(address, marks=marks, language="de" if number == 4 else "en")
    house.composer.tick(MONDAY)
    house.composer.tick(SLOT)
    return house


def change_site(house: House, site: Site) -> None:
    house.site = site
    house.dispatcher = house.make_dispatcher()


def planned(house: House) -> set[str]:
    addresses = {sid: address for address, sid in house.sids.items()}
    chunks = range(house.edition().chunks)
    return {addresses[r.sid] for n in chunks for r in house.dispatcher.chunks.recipients(ID, n)}


def test_only_members_of_the_segment_are_planned_and_get_it(tmp_path: Path) -> None:
    house = house_with(tmp_path, site_with("tag:even"))
    house.dispatcher.tick(SLOT)
    assert planned(house) == TAGGED
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT)
    assert set(house.transport.handed) == TAGGED
    assert (house.books().planned, house.books().sent, house.edition().state) == (6, 6, State.SENT)
    assert house.edition().filters == ("tag:even", "")
    house.database.close()


@pytest.mark.parametrize(
    ("segment", "note", "whom"),
    [
        ("tag:even", "language = de", {"reader4@example.org"}),
        ("", "language = de", {"reader4@example.org"}),
        ("tag:even", "language != de", TAGGED - {"reader4@example.org"}),
        ("tag:nobody", "", set()),
        ("joined > 10d ago", "", {f"reader{n}@example.org" for n in range(12)}),
        ("joined < 3d ago", "", set()),
    ],
)
def test_a_note_narrows_its_edition(tmp_path: Path, segment: str, note: str, whom: set[str]) -> None:
    house = house_with(tmp_path, site_with(segment, note))
    house.dispatcher.tick(SLOT)
    house.dispatcher.tick(SLOT)
    assert planned(house) == whom
    assert house.edition().filters == (segment, note)
    assert house.edition().planned == len(whom)
    assert whom or house.edition().state is State.SENT
    house.database.close()


def test_a_triggered_newsletter_has_no_notes(tmp_path: Path) -> None:
    site = site_with("tag:even", "language = de")
    house = house_with(tmp_path, site)
    change_site(house, replace(site, newsletters={"digest": replace(site.newsletters["digest"], schedule=None)}))
    house.dispatcher.tick(SLOT)
    assert planned(house) == TAGGED
    house.database.close()


@pytest.mark.parametrize("cut", range(1, 8))
def test_whoever_plans_on_uses_the_filter_planning_began_with(tmp_path: Path, cut: int) -> None:
    house = house_with(tmp_path, site_with("tag:even"))
    Cutting.left, Cutting.after = cut, False
    with pytest.raises(Cut):
        house.make_dispatcher(Cutting(house.table)).tick(SLOT)
    Cutting.left = 10**9
    begun = house.edition().chunks > 0
    change_site(house, site_with("language = de"))
    house.dispatcher.tick(SLOT + timedelta(minutes=5))
    assert planned(house) == (TAGGED if begun else {"reader4@example.org"})
    assert house.edition().filters == ("tag:even" if begun else "language = de", "")
    house.database.close()


def test_relative_days_count_from_the_slot_however_late_it_is(tmp_path: Path) -> None:
    house = house_with(tmp_path, site_with("joined >= 4d ago", hold_if_late=timedelta(days=60)))
    house.dispatcher.tick(SLOT + timedelta(days=30))
    assert len(planned(house)) == 12
    house.database.close()


def test_an_edition_whose_note_can_t_be_read_is_held_until_it_can(tmp_path: Path) -> None:
    house = house_with(tmp_path, site_with("", UNREADABLE))
    house.dispatcher.tick(SLOT)
    edition = house.edition()
    assert (edition.state, edition.chunks) == (State.HELD, 0)
    assert "sendbrief check" in edition.why
    house.control.approve(ID, SLOT)
    house.dispatcher.tick(SLOT)
    assert house.edition().state is State.HELD, "approving alone sends it to nobody"
    change_site(house, site_with("", "tag:even"))
    house.control.approve(ID, SLOT)
    house.dispatcher.tick(SLOT)
    assert planned(house) == TAGGED
    house.database.close()


def test_topics_that_are_gone_since_keep_no_edition_from_going_out(tmp_path: Path) -> None:
    house = house_with(tmp_path, site_with("topic:gone and tag:even and newsletter != gone"))
    house.dispatcher.tick(SLOT)
    assert planned(house) == TAGGED
    house.database.close()


@pytest.mark.parametrize("note", ["", "tag:even"])
def test_what_was_for_some_is_not_gathered_for_all(tmp_path: Path, note: str) -> None:
    house = house_with(tmp_path, site_with("", note, cadences=("every", "monthly")))
    house.dispatcher.tick(SLOT)
    later = SLOT + timedelta(minutes=1)
    change_site(house, site_with("", None, cadences=("every", "monthly")))
    house.composer.site = house.site  # the note may be gone by then: the edition knows
    gathered = house.composer.gather(house.site.newsletters["digest"], later, lambda: True)
    assert (gathered is None) is bool(note)
    house.database.close()


def test_an_edition_for_some_that_is_not_planned_yet_is_not_gathered_either(tmp_path: Path) -> None:
    house = house_with(tmp_path, site_with("", "tag:even", cadences=("every", "monthly")))
    assert isinstance(house.site.newsletters["digest"].schedule, Schedule)
    assert house.composer.gather(house.site.newsletters["digest"], SLOT, lambda: True) is None
    house.database.close()
