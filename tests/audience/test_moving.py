"""Changing one's address: everything comes along, old links still work, and nobody is moved who did not ask."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.audience.choices import Choices, Wishes
from chalicelib.audience.moving import WAITS, Moves
from chalicelib.audience.people import current_id
from chalicelib.audience.subscriber import moved_key
from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.store import every
from tests.audience.house import NOW, People

OLD, NEW = "ada@example.org", "Ada@example.com"
LATER = NOW + timedelta(hours=1)


class Movers:
    def __init__(self, people: People) -> None:
        self.people, self.moves = people, Moves(people.table)
        self.old, self.new = (people.audience.sid(address) for address in (OLD, NEW))

    def ask(self) -> None:
        self.moves.ask(self.old, self.new, NEW, NOW)

    def confirm(self) -> Any:
        return self.moves.confirm(self.old, self.new, LATER)


@pytest.fixture
def movers(people: People) -> Movers:
    people.add(OLD, name="Ada", topics=frozenset({"news"}), cadence="monthly")
    people.add(OLD, "alerts")
    people.audience.leave(people.audience.sid(OLD), "alerts", NOW, "link")
    return Movers(people)


def test_everything_comes_along_to_the_new_address(movers: Movers) -> None:
    people, history = movers.people, movers.people.audience.history(movers.old)
    movers.ask()
    person = movers.confirm()
    assert person is not None
    member = people.audience.membership("digest", movers.new)
    assert member is not None
    assert (member.address, member.name, member.topics, member.cadence) == (NEW, "Ada", {"news"}, "monthly")
    assert people.audience.profile(NEW).newsletters == {"digest": "confirmed", "alerts": "unsubscribed"}
    assert people.audience.profile(NEW).former == (movers.old,)
    assert people.audience.history(movers.new)[: len(history)] == history
    assert people.audience.history(movers.new)[-1]["action"] == "moved"
    assert list(every(people.table, f"SUBSCRIBER#{movers.old}")) == []
    assert people.audience.membership("digest", movers.old) is None
    assert movers.confirm() is None, "once"


def test_links_in_old_mails_still_lead_to_the_person(movers: Movers) -> None:
    movers.ask()
    movers.confirm()
    assert movers.people.audience.person(movers.old).sid == movers.new
    assert movers.people.audience.leave(movers.old, "digest", LATER, "an old mail") is True
    assert movers.people.audience.profile(NEW).newsletters["digest"] == "unsubscribed"
    assert movers.people.audience.leave(movers.old, "digest", LATER, "an old mail") is False


def test_nobody_is_moved_who_did_not_ask_or_asked_long_ago(movers: Movers) -> None:
    assert movers.confirm() is None
    movers.ask()
    assert movers.moves.confirm(movers.old, movers.people.audience.sid("eve@example.org"), NOW) is None
    (item,) = (i for i in every(movers.people.table, f"SUBSCRIBER#{movers.old}") if i.key.sk == "CHANGE")
    assert item.expires == int((NOW + WAITS).timestamp())
    assert movers.people.audience.profile(OLD).newsletters["digest"] == "confirmed"


def test_two_known_people_become_one_and_what_stands_stays(movers: Movers) -> None:
    people = movers.people
    people.add(NEW, name="Countess", cadence="every", topics=None)
    people.add(NEW, "alerts")
    movers.ask()
    movers.confirm()
    digest = people.audience.membership("digest", movers.new)
    assert digest is not None
    assert (digest.cadence, digest.topics) == ("every", None)
    assert people.audience.profile(NEW).newsletters == {"digest": "confirmed", "alerts": "confirmed"}
    assert people.audience.profile(NEW).name == "Ada"


@pytest.mark.parametrize(
    ("reason", "moves"), [(Reason.BOUNCE, True), (Reason.COMPLAINT, False), (Reason.MANUAL, False)]
)
def test_a_stop_on_the_new_address_holds_unless_its_owner_may_lift_it(
    movers: Movers, reason: Reason, moves: bool
) -> None:
    suppressions = Suppressions(movers.people.table)
    suppressions.add(movers.new, reason, NOW)
    movers.ask()
    assert (movers.confirm() is not None) is moves
    assert (suppressions.of(movers.new) is None) is moves
    assert (movers.people.audience.person(movers.old).sid == movers.new) is moves


def test_there_and_back_again_makes_no_circle(movers: Movers) -> None:
    movers.ask()
    movers.confirm()
    movers.moves.ask(movers.new, movers.old, OLD, LATER)
    assert movers.moves.confirm(movers.new, movers.old, LATER) is not None
    assert movers.people.table.get(moved_key(movers.old)) is None
    assert current_id(movers.people.table, movers.new) == movers.old
    assert movers.people.audience.profile(OLD).former == (movers.new,)


def test_much_evidence_comes_along(movers: Movers) -> None:
    for minute in range(60):  # with two pieces each, more than one transaction takes
        movers.people.audience.leave(movers.old, "digest", NOW + timedelta(minutes=minute), "link")
        movers.people.audience.arrange(
            movers.old, Wishes({"digest": Choices()}), ["digest"], NOW + timedelta(minutes=minute, seconds=9), "page"
        )
    movers.ask()
    movers.confirm()
    assert len(movers.people.audience.history(movers.new)) == 124
    assert list(every(movers.people.table, f"SUBSCRIBER#{movers.old}")) == []


def test_circles_made_by_hand_end(people: People) -> None:
    from chalicelib.store import Put

    people.table.put_many([Put(moved_key("a" * 24), {"to": "b" * 24}), Put(moved_key("b" * 24), {"to": "a" * 24})])
    assert current_id(people.table, "a" * 24) in {"a" * 24, "b" * 24}
