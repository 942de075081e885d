"""What holds an edition before its first mail, and what a person who has seen it lets go."""

from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.content.values import Site
from tests.deliver.house import House
from tests.simulation.world import SITE, SLOT

TEXT = "templates/email/digest/body.txt"


def site_with(root: Path, text: str) -> Site:
    path = root / TEXT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return replace(SITE, root=root)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house whose text part has lost its link to unsubscribe."""
    made = House(tmp_path, site=site_with(tmp_path / "a", "Hello.\n"))
    made.start()
    return made


def planned(house: House) -> Edition:
    house.dispatcher.tick(SLOT)
    return house.edition()


def test_a_mail_nobody_could_leave_is_held_with_the_why(house: House) -> None:
    edition = house.edition()
    assert edition.state is State.HELD
    assert edition.planned is None
    assert "the text part has no link to unsubscribe" in edition.why
    assert edition.why.endswith("approve it as it is.")
    assert edition.seen
    assert not edition.was_sending
    assert not house.transport.handed


def test_who_approves_it_has_seen_it(house: House) -> None:
    house.control.approve("digest/2026-11-26", SLOT)
    edition = planned(house)
    assert edition.state is State.SENDING
    assert edition.planned == 10


def test_what_is_new_holds_it_again(house: House, tmp_path: Path) -> None:
    house.control.approve("digest/2026-11-26", SLOT)
    site = site_with(tmp_path / "b", "Hello.\n{{ '{{' }} x\n")
    house.site = site
    house.dispatcher = house.make_dispatcher()
    edition = planned(house)
    assert edition.state is State.HELD
    assert "'{{ x' was not filled in" in edition.why
    house.control.approve("digest/2026-11-26", SLOT)
    assert planned(house).state is State.SENDING


def test_a_mended_template_goes_out(house: House, tmp_path: Path) -> None:
    house.site = site_with(tmp_path / "b", "Hello.\n{{ unsubscribe_url }}\n")
    house.dispatcher = house.make_dispatcher()
    house.control.approve("digest/2026-11-26", SLOT)
    assert planned(house).state is State.SENDING


def test_a_good_edition_is_not_held(tmp_path: Path) -> None:
    made = House(tmp_path)
    made.start()
    assert made.edition().state is State.SENDING
    assert made.edition().seen == ()
