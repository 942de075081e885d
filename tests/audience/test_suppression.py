"""Who is never written to: people and domains, the strongest reason, the ways back, and what of it is on record."""

from datetime import timedelta

import pytest

from chalicelib.audience.subscriber import suppression_key
from chalicelib.audience.suppression import Reason, Suppression, Suppressions
from chalicelib.errors import AddressError, NotFoundError
from chalicelib.store import Put
from tests.audience.house import NOW, People

LATER = NOW + timedelta(days=1)


@pytest.fixture
def stops(people: People) -> Suppressions:
    return Suppressions(people.table)


def test_a_suppression_tells_why_since_when_and_by_whom(people: People, stops: Suppressions) -> None:
    sid = people.audience.sid("ada@example.org")
    assert stops.of(sid) is None
    assert stops.add(sid, Reason.MANUAL, NOW, note="asked on the phone", by="grace") is True
    assert stops.of(sid) == Suppression(sid, Reason.MANUAL, NOW.isoformat(), "asked on the phone", "grace")


@pytest.mark.parametrize("first", list(Reason))
@pytest.mark.parametrize("second", list(Reason))
def test_the_stronger_reason_stays_in_whatever_order(stops: Suppressions, first: Reason, second: Reason) -> None:
    order = [Reason.ERASED, Reason.BOUNCE, Reason.DOMAIN, Reason.MANUAL, Reason.COMPLAINT]
    stops.add("a" * 24, first, NOW)
    assert stops.add("a" * 24, second, LATER) is (order.index(second) > order.index(first))
    found = stops.of("a" * 24)
    assert found is not None
    assert found.reason == max(first, second, key=order.index)


def test_a_domain_stops_its_people_and_those_below_it(stops: Suppressions) -> None:
    stops.add_domain("@Spam.Example.ORG", NOW, note="asked us to stop")
    people = {
        "a" * 24: "x@spam.example.org",
        "b" * 24: "x@mail.SPAM.example.org",
        "c" * 24: "x@example.org",
        "d" * 24: "x@notspam.example.org",
    }
    stopped = stops.stopped(people)
    assert set(stopped) == {"a" * 24, "b" * 24}
    assert stopped["a" * 24] == Suppression("@spam.example.org", Reason.DOMAIN, NOW.isoformat(), "asked us to stop")
    stops.lift("@spam.example.org", LATER, why="they asked", by="grace")
    assert stops.stopped(people) == {}


def test_a_person_s_own_reason_stands_before_their_domain_s(stops: Suppressions) -> None:
    stops.add_domain("example.org", NOW)
    stops.add("a" * 24, Reason.COMPLAINT, NOW)
    stopped = stops.stopped({"a" * 24: "ada@example.org", "b" * 24: "bo@example.org"})
    assert [stopped[who * 24].reason for who in "ab"] == [Reason.COMPLAINT, Reason.DOMAIN]


def test_nobody_of_a_suppressed_domain_is_taken_in(people: People, stops: Suppressions) -> None:
    stops.add_domain("example.org", NOW)
    assert people.add("ada@mail.example.org") == "suppressed"
    assert people.load("email\nada@example.org\nbo@example.com\n").kept_out == 1
    assert people.addresses() == ["bo@example.com"]


def test_an_idn_domain_is_found_by_its_a_label(stops: Suppressions) -> None:
    stops.add_domain("bücher.example", NOW)
    assert stops.of("a" * 24, "x@xn--bcher-kva.example") is not None
    with pytest.raises(AddressError):
        stops.add_domain("no domain", NOW)


def test_lifting_needs_one_and_leaves_why_on_record(people: People, stops: Suppressions) -> None:
    people.add("ada@example.org")
    sid = people.audience.sid("ada@example.org")
    with pytest.raises(NotFoundError):
        stops.lift(sid, NOW, why="x", by="y")
    stops.add(sid, Reason.COMPLAINT, NOW, by="the provider")
    stops.lift(sid, LATER, why="pressed the wrong button", by="grace")
    assert stops.of(sid) is None
    told = {line["action"]: line["how"] for line in people.audience.history(sid)}
    assert told["suppressed"] == "complaint, the provider"
    assert told["lifted"] == "complaint, pressed the wrong button, grace"


def test_of_a_stranger_only_the_keyed_id_stays(people: People, stops: Suppressions) -> None:
    stops.add(people.audience.sid("stranger@example.org"), Reason.MANUAL, NOW)
    assert "stranger" not in str(list(people.table.everything()))
    assert len(list(people.table.everything())) == 1


def test_all_are_listed_domains_first(stops: Suppressions) -> None:
    for sid in ("f" * 24, "0" * 24):
        stops.add(sid, Reason.BOUNCE, NOW)
    stops.add_domain("example.com", NOW)
    assert [one.who for one in stops.all()] == ["@example.com", "0" * 24, "f" * 24]


def test_a_reason_of_another_version_counts_as_entered_by_hand(people: People, stops: Suppressions) -> None:
    people.table.put_many([Put(suppression_key("a" * 24), {"reason": "legal", "at": NOW.isoformat()})])
    assert stops.of("a" * 24) == Suppression("a" * 24, Reason.MANUAL, NOW.isoformat(), "legal")
