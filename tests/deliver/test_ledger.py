"""The ledger's transitions: pure, and held to their promises by random sequences of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.deliver.books import add_up
from chalicelib.deliver.ledger import (
    BOUNCED,
    COMPLAINED,
    DEFERRED,
    DELIVERED,
    FAILED,
    FIRST_RETRY_SECONDS,
    FLIGHT,
    GIVE_UP_SECONDS,
    IN_DOUBT,
    LEFT,
    LONGEST_RETRY_SECONDS,
    PENDING,
    SENT,
    SKIPPED,
    Detail,
    Ledger,
    News,
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


def test_whoever_was_cancelled_or_heard_of_since_the_wave_was_chosen_is_not_in_it() -> None:
    assert Ledger("pksvbc?lf").begin(range(9), {}, 0).marks == "wksvbc?lf"


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


TOLD = [(News.SENT, ""), (News.DELIVERED, ""), (News.BOUNCED, "5.1.1 nobody"), (News.BOUNCED, "4.2.2 full")]


@pytest.mark.parametrize("mark", [PENDING, FLIGHT, SENT, FAILED, SKIPPED, IN_DOUBT, LEFT])
@pytest.mark.parametrize("fate", list(Fate))
def test_every_order_of_news_and_outcome_gives_one_ledger(mark: str, fate: Fate) -> None:
    steps: list[Step] = [lambda ledger, told=told: ledger.heard(0, *told) for told in TOLD]  # type: ignore[misc]
    steps.append(lambda ledger: ledger.settle({0: Outcome(fate, "why")}, 100))
    for count in range(1, 6):
        for chosen in combinations(range(5), count):
            if chosen == (4,):
                continue
            ends = set()
            for order in permutations(chosen):
                ledger = Ledger(mark)
                for step in (*order, order[0]):
                    ledger = steps[step](ledger)
                ends.add((ledger.marks, str(dict(ledger.details))))
            assert len(ends) == 1, (chosen, ends)


def test_the_worse_news_is_true_and_a_refusal_is_a_mere_belief() -> None:
    for news in News:
        told = Ledger(FAILED, {0: Detail("550 no")}).heard(0, news, "told so")
        assert (told.marks, told.details[0].reason) == (news.value, "told so")
    ledger = Ledger(COMPLAINED, {0: Detail("abuse")})
    assert all(ledger.heard(0, news, "zzz") == ledger for news in (News.SENT, News.DELIVERED, News.BOUNCED))
    assert ledger.heard(0, News.COMPLAINED, "abuse") is ledger


def test_news_of_one_leave_the_others_and_a_settled_mail_alone() -> None:
    ledger = Ledger("wwd", {2: Detail("busy", 1, 10, 500)}).heard(1, News.DELIVERED)
    assert (ledger.marks, set(ledger.details)) == ("wvd", {2})
    assert ledger.settle({0: Outcome(Fate.SENT), 1: Outcome(Fate.IN_DOUBT, "?")}, 9).marks == "svd"
    assert ledger.claim("next", 1, 1).marks == "?vd", "news that came before the record settle a wave that crashed"


def test_news_count_in_the_books_as_what_the_reader_got() -> None:
    books = add_up(6, [Ledger(SENT + DELIVERED + COMPLAINED + BOUNCED + FAILED + LEFT)])
    assert (books.sent, books.failed, books.in_doubt, books.balanced) == (3, 2, 1, True)
    assert (books.delivered, books.complained, books.bounced) == (1, 1, 1)


def test_who_waits_for_their_turn_is_deferred_without_a_try() -> None:
    ledger = Ledger("pps").wait({0: (500.7, "gmail.com takes 5 an hour"), 2: (500, "never")})
    assert (ledger.marks, ledger.details) == ("dps", {0: Detail("gmail.com takes 5 an hour", 0, 0, 500)})
    assert not Ledger("d", ledger.details).due(499)
    assert ledger.claim("me", 1, 500).marks == "pps"
    late = ledger.claim("me", 1, 500).begin([0], {}, 1).settle({0: Outcome(Fate.DEFERRED, "busy")}, GIVE_UP_SECONDS)
    assert (late.marks[0], late.details[0].tries) == (DEFERRED, 1), "waiting is no try, and no hour of the 48"
    assert new_ledger({1: "no topic"}, 3, {0: (9, "later"), 1: (9, "later")}).marks == "dkp"


def test_a_person_decides_about_whom_is_in_doubt_and_nobody_else() -> None:
    ledger = Ledger("??sl", {0: Detail("stopped", 0, 5), 1: Detail("stopped", 0, 5)})
    left = ledger.decide(0, resend=False, why="the log has it")
    assert (left.marks, left.details[0]) == ("l?sl", Detail("left: the log has it", 0, 5))
    again = ledger.decide(1, resend=True).decide(3, resend=True)
    assert (again.marks, set(again.details)) == ("?psp", {0})
    with pytest.raises(ValueError, match="not in doubt"):
        ledger.decide(2, resend=True)
    assert left.heard(0, News.DELIVERED).marks == "v?sl", "news are news, whatever was decided"


def test_what_many_wait_for_stands_once_in_the_store_and_what_older_versions_wrote_is_read() -> None:
    waits = {p: (1_796_000_000.0 + p % 24 * 3600, f"waits for 09:00 in zone {p % 24}") for p in range(500)}
    ledger = new_ledger({}, 500, waits)
    data = ledger_to_data(ledger)
    assert len(data["details"]) == 24
    assert len(json.dumps(data)) < 4500
    assert ledger_from_data(data) == ledger
    alone = {str(p): [d.reason, d.tries, d.first, d.next] for p, d in ledger.details.items()}
    assert ledger_from_data({**data, "details": alone}) == ledger
