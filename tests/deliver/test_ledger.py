"""The ledger's transitions: pure, and held to their promises by random sequences of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.deliver.books import add_up
from chalicelib.deliver.ledger import (
    DEFERRED,
    FAILED,
    FIRST_RETRY_SECONDS,
    FLIGHT,
    GIVE_UP_SECONDS,
    IN_DOUBT,
    LONGEST_RETRY_SECONDS,
    PENDING,
    SENT,
    SKIPPED,
    Detail,
    Ledger,
    ledger_from_data,
    ledger_to_data,
    new_ledger,
)
from chalicelib.transports import Fate, Outcome

SIZE = 6
FINAL = {SENT, FAILED, SKIPPED, IN_DOUBT}
positions = st.sets(st.integers(0, SIZE - 1))
outcomes = st.dictionaries(st.integers(0, SIZE - 1), st.sampled_from(list(Fate)).map(lambda fate: Outcome(fate, "why")))
Step = Callable[[Ledger], Ledger]


def wave(ledger: Ledger, size: int, skipped: set[int]) -> Ledger:
    chosen = ledger.next_wave(size)
    skips = {p: "left" for p in chosen if p in skipped}
    return ledger.begin([p for p in chosen if p not in skips], skips, 100)


steps = st.one_of(
    st.tuples(st.integers(1, 4), positions).map(lambda values: lambda ledger: wave(ledger, *values)),
    st.tuples(outcomes, st.integers(0, 10**6)).map(lambda values: lambda ledger: ledger.settle(*values)),
    st.integers(0, 10**6).map(lambda clock: lambda ledger: ledger.claim("someone", 100, clock)),
    st.just(lambda ledger: ledger.undo()),
    st.just(lambda ledger: ledger.release()),
    st.just(lambda ledger: ledger.cancel("cancelled")),
)


@given(st.lists(steps, max_size=25))
def test_marks_always_sum_and_what_is_final_stays(sequence: list[Step]) -> None:
    ledger = new_ledger({0: "nothing for them"}, SIZE)
    for step in sequence:
        before, ledger = ledger, step(ledger)
        books = add_up(SIZE, [ledger])
        assert books.balanced
        for old, new in zip(before.marks, ledger.marks, strict=True):
            assert old == new or old not in FINAL, f"{old} became {new}"
            assert (old, new) not in {(DEFERRED, SENT), (PENDING, SENT), (PENDING, FAILED), (PENDING, IN_DOUBT)}
        assert all(p in ledger.details for p, mark in enumerate(ledger.marks) if mark == DEFERRED)
        assert ledger_from_data(ledger_to_data(ledger)) == ledger


@given(st.lists(steps, max_size=12), outcomes, st.integers(0, 10**6))
def test_settling_twice_changes_nothing(sequence: list[Step], answers: dict[int, Outcome], clock: int) -> None:
    ledger = Ledger(PENDING * SIZE)
    for step in sequence:
        ledger = step(ledger)
    once = ledger.settle(answers, clock)
    assert once.settle(answers, clock + 1) == once
    assert [p for p, mark in enumerate(ledger.marks) if once.marks[p] != mark and mark != FLIGHT] == []


def test_a_claim_puts_the_wave_in_flight_in_doubt_and_nothing_else() -> None:
    ledger = Ledger("pwskf?d", {6: Detail("busy", 1, 10, 500)}, "dead#1", 99)
    assert ledger.claim("new#1", 300.9, 499).marks == "p?skf?d"
    taken = ledger.claim("new#1", 300.9, 500)
    assert (taken.marks, taken.owner, taken.lease) == ("p?skf?p", "new#1", 300)
    assert taken.next_wave(9) == [0, 6], "who is in doubt is never tried again"
    assert "stopped" in taken.details[1].reason


def test_a_wave_is_only_made_of_pending_recipients() -> None:
    assert Ledger("wsdpfp?kpp", {2: Detail("", 1, 1, 1)}).next_wave(3) == [3, 5, 8]


def test_deferred_mails_are_tried_again_ever_later_and_given_up_after_two_days() -> None:
    ledger, clock, waits = Ledger(PENDING), 1_000_000.0, []
    while ledger.marks != FAILED:
        ledger = ledger.claim("me", 0, clock).begin([0], {}, 0)
        assert ledger.marks == FLIGHT
        ledger = ledger.settle({0: Outcome(Fate.DEFERRED, "try later")}, clock)
        if ledger.marks == DEFERRED:
            waits.append(ledger.details[0].next - clock)
            assert not ledger.due(ledger.details[0].next - 1)
            assert ledger.claim("me", 0, ledger.details[0].next - 1).marks == DEFERRED
            clock = ledger.details[0].next
    assert waits[:4] == [FIRST_RETRY_SECONDS * 2**n for n in range(4)]
    assert max(waits) == LONGEST_RETRY_SECONDS
    assert GIVE_UP_SECONDS <= clock - 1_000_000 <= GIVE_UP_SECONDS + LONGEST_RETRY_SECONDS
    assert "48 hours" in ledger.details[0].reason
    assert "try later" in ledger.details[0].reason


def test_a_retry_that_could_not_be_handed_over_keeps_its_count() -> None:
    ledger = Ledger(PENDING).begin([0], {}, 0).settle({0: Outcome(Fate.DEFERRED, "x")}, 1000)
    again = ledger.claim("me", 0, 10_000).begin([0], {}, 0).undo()
    assert (again.marks, again.details[0].tries, again.details[0].first) == (PENDING, 1, 1000)


def test_cancelling_leaves_the_wave_in_flight_its_outcome() -> None:
    ledger = Ledger("pwd", {2: Detail("busy", 1, 1, 5)}, "me", 50).cancel("enough")
    assert (ledger.marks, ledger.owner) == ("kwk", "me")
    assert ledger.settle({1: Outcome(Fate.SENT)}, 2).marks == "ksk"


@pytest.mark.parametrize(
    ("owner", "lease", "alive", "held"),
    [("", 200, True, False), ("a", 200, True, True), ("a", 99, True, False), ("a", 200, False, False)],
)
def test_a_ledger_is_held_while_its_lease_runs_and_its_owner_may_live(
    owner: str, lease: int, alive: bool, held: bool
) -> None:
    assert Ledger("p", {}, owner, lease).held_by_other(100, alive=alive) is held


def test_reasons_are_kept_short() -> None:
    ledger = Ledger("pp").begin([0], {}, 0, {1: "y" * 1000}).settle({0: Outcome(Fate.FAILED, "x" * 1000)}, 0)
    assert [len(ledger.details[p].reason) for p in (0, 1)] == [200, 200]
    assert ledger.marks == FAILED * 2


@pytest.mark.parametrize("part", ["pending", "sent", "failed", "skipped", "deferred", "in_doubt"])
def test_books_that_lack_somebody_do_not_balance(part: str) -> None:
    books = add_up(7, [Ledger("pwskfd"), Ledger("?")])
    assert books.balanced
    assert not replace(books, **{part: getattr(books, part) + 1}).balanced
    assert not books.done
    assert add_up(4, [Ledger("skf?")]).done
