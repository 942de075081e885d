"""After a restore: evidence goes into the books, the rest is told, and whoever goes on knows to whom it goes."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.compose.edition import State
from chalicelib.content.published import CURRENT
from chalicelib.deliver.beyond import mails_beyond
from chalicelib.deliver.doubts import Doubts
from chalicelib.deliver.holding import hold_back
from chalicelib.deliver.ledger import IN_DOUBT, News
from chalicelib.deliver.maillog import Evidence
from chalicelib.deliver.pausing import standing
from chalicelib.deliver.reconciling import Reconciler, note_heard, resume_words
from chalicelib.store import Put
from tests.deliver.house import ID, House
from tests.simulation.world import SECRETS, SLOT

LATER = SLOT + timedelta(hours=1)
SENT = Evidence(News.SENT)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A restored site: its edition was being sent, and one wave of two was in flight."""
    made = House(tmp_path)
    made.start()
    held = made.dispatcher.chunks.ledger(ID, 0)
    claimed = held.ledger.claim("gone#1", LATER.timestamp() + 10**6, SLOT.timestamp())
    made.dispatcher.chunks.write_ledger(held, claimed.begin([0, 1], {}, LATER.timestamp() + 10**6))
    hold_back(made.table, made.site.newsletters, LATER, "it was restored")
    yield made
    made.database.close()


def reconciler(house: House) -> Reconciler:
    return Reconciler(house.site, house.table, house.blobs, Doubts(house.site, house.table, house.blobs, SECRETS))


def test_who_was_in_flight_is_in_doubt_and_nobody_works_on_it_any_more(house: House) -> None:
    assert reconciler(house).stop_flights(LATER) == 2
    assert house.marks() == f"{IN_DOUBT}{IN_DOUBT}pppppppp"
    assert house.dispatcher.chunks.ledger(ID, 0).ledger.owner == ""
    assert reconciler(house).stop_flights(LATER) == 0


def test_evidence_settles_whatever_the_backup_said_and_repeats_change_nothing(house: House) -> None:
    work = reconciler(house)
    work.stop_flights(LATER)
    found = {ID: {(0, 0): SENT, (0, 3): SENT, (1, 4): Evidence(News.BOUNCED, "gone")}}
    assert work.settle(found, LATER) == 3
    assert house.marks() == "s?pspppppb"
    assert work.settle(found, LATER) == 0
    (one,) = work.differences()
    assert (one.edition, one.then["pending"], one.now["sent"], one.now["failed"]) == (ID, 10, 2, 1)
    assert (one.unknown, one.in_doubt, one.beyond, one.settled) == (6, 1, 0, 3)
    assert "6 are not known to have it" in one.do
    assert "sendbrief doubt" in one.do
    assert one.as_dict()["settled"] == 3
    assert house.books().balanced


def test_evidence_that_no_ledger_has_a_place_for_is_kept_and_told(house: House) -> None:
    work = reconciler(house)
    found = {ID: {(2, 0): SENT, (0, 77): SENT}, "digest/2026-11-25": {(0, 1): SENT, (0, 2): SENT}}
    assert work.settle(found, LATER) == 0
    assert mails_beyond(house.table) == {ID: 2, "digest/2026-11-25": 2}
    assert work.lost() == {"digest/2026-11-25": 2}
    (one,) = work.differences()
    assert (one.beyond, "sendbrief cancel" in one.do, "resume" in one.do) == (2, True, False)


def test_all_that_is_open_is_looked_for(house: House) -> None:
    work = reconciler(house)
    work.stop_flights(LATER)
    work.settle({ID: {(0, 0): SENT}}, LATER)
    assert list(work.open_places()) == [(ID, [(0, 1), (0, 2), (0, 3), (0, 4), *((1, n) for n in range(5))])]


def test_slots_that_were_due_and_are_not_there_are_named(tmp_path: Path) -> None:
    made = House(tmp_path)
    hold_back(made.table, made.site.newsletters, LATER, "it was restored")
    restored = standing(made.table).restored
    assert restored
    assert reconciler(made).slots(restored) == [ID]
    assert reconciler(made).differences() == []
    made.start()
    assert reconciler(made).slots(restored) == []
    made.database.close()


def test_suppressions_since_are_counted_and_bundles_that_no_publication_knows(house: House) -> None:
    restored = standing(house.table).restored
    assert restored
    stops = Suppressions(house.table)
    stops.add("a" * 24, Reason.BOUNCE, LATER - timedelta(days=1))
    stops.add("b" * 24, Reason.COMPLAINT, LATER + timedelta(minutes=1))
    stops.add("c" * 24, Reason.MANUAL, LATER + timedelta(minutes=1))
    assert reconciler(house).suppressed(restored) == 1
    house.blobs.put("bundles/abcd/manifest.json", b"{}")
    house.blobs.put("bundles/half/site.zip", b"")
    house.table.put_many([Put(CURRENT, {})])
    assert reconciler(house).unpublished() == ["abcd"]


def test_whoever_lets_it_go_on_is_told_how_many_would_get_it(house: House) -> None:
    work, table = reconciler(house), house.table
    words = resume_words(table, house.edition(), house.books(), heard=False)
    assert "10 readers of digest/2026-11-26 are not known to have it" in words
    assert "'sendbrief reconcile' does that" in words
    work.stop_flights(LATER)
    everybody = {(number // 5, number % 5): SENT for number in range(10)}
    work.settle({ID: everybody}, LATER)
    assert "Everybody is accounted for" in work.differences()[0].do
    assert resume_words(table, house.edition(), house.books(), heard=True) == ""
    assert "0 readers" in resume_words(table, house.edition(), house.books(), heard=False)
    house.control.resume(ID, LATER)
    house.dispatcher.tick(LATER)
    assert (house.edition().state, house.books().sent, house.transport.handed) == (State.SENT, 10, [])
    assert resume_words(table, house.edition(), house.books(), heard=False) == ""
    assert work.differences() == []


def test_that_a_person_had_it_heard_is_kept_with_the_rest(house: House) -> None:
    restored = standing(house.table).restored
    assert restored
    note_heard(house.table, restored, LATER + timedelta(minutes=5))
    after = standing(house.table).restored
    assert after
    assert (after.at, after.heard) == (restored.at, (LATER + timedelta(minutes=5)).isoformat())
