"""When the brake is pulled: the figures at which it is, and what counts as a mail that came back."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.content.sending import Brake
from chalicelib.deliver.brake import Figures, came_back, doubt_of, gone, of_ledger, of_wave, percent, trip
from chalicelib.deliver.ledger import Detail, Ledger, News, new_ledger
from chalicelib.transports import Fate, Outcome

USUAL = Brake()
UNKNOWN = "550 5.1.1 <the recipient>: Recipient address rejected: User unknown"


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (Figures(10, 4, 0), ""),  # four are nothing, whatever the rate
        (Figures(10, 5, 0), "5 of 10 mails came back (50 %; the limit is 4 %)"),
        (Figures(100, 5, 0), "5 of 100 mails came back (5 %; the limit is 4 %)"),
        (Figures(125, 5, 0), ""),  # at the limit is not above it
        (Figures(900, 41, 0), "41 of 900 mails came back (4.6 %; the limit is 4 %)"),
        (Figures(1025, 41, 0), ""),
        (Figures(100, 0, 2), ""),
        (Figures(100, 0, 3), "3 of 100 mails were called spam (3 %; the limit is 0.08 %)"),
        (Figures(3749, 0, 3), "3 of 3,749 mails were called spam (0.08 %; the limit is 0.08 %)"),
        (Figures(3750, 0, 3), ""),
        (Figures(0, 0, 0), ""),
    ],
)
def test_it_takes_some_mails_and_a_rate_above_the_limit(figures: Figures, words: str) -> None:
    assert trip(figures, USUAL) == words


def test_a_site_s_own_limits_hold_and_few_mails_count_as_a_hundred() -> None:
    limits = Brake(Fraction(8, 100), Fraction(1, 100))
    assert trip(Figures(20, 8, 0), limits) == ""
    assert trip(Figures(20, 9, 0), limits) != ""
    assert trip(Figures(1000, 0, 10), limits) == ""
    assert trip(Figures(1000, 0, 11), limits) != ""


@given(st.builds(Figures, *[st.integers(0, 10**6)] * 3))
def test_one_more_delivered_mail_never_pulls_it(figures: Figures) -> None:
    better = figures + Figures(1)
    assert not (trip(better, USUAL) and not trip(figures, USUAL))


@pytest.mark.parametrize(
    ("words", "counts", "clear"),
    [
        (UNKNOWN, True, True),
        ("550 5.1.2 no such domain", True, True),
        ("550 5.2.1 mailbox disabled", True, True),
        ("550 No such user here", True, True),
        ("550 blocked by the administrator", True, False),
        ("553 sorry", True, False),
        ("551 not local", True, False),
        ("552 5.2.2 mailbox full", False, False),
        ("550 5.7.1 looks like spam", False, False),
        ("554 5.7.1 policy", False, False),
        ("554 refused", False, False),
        ("given up after 48 hours: 450 4.2.0 try later", False, False),
        ("can't be written to: a line break", False, False),
        ("", False, False),
    ],
)
def test_a_refusal_counts_where_the_mailbox_is_wrong_or_no_reason_is_told(
    words: str, counts: bool, clear: bool
) -> None:
    assert (came_back(words), gone(words)) == (counts, clear)
    failed, late = Outcome(Fate.FAILED, words), Outcome(Fate.DEFERRED, words)
    assert of_wave([failed, late, Outcome(Fate.SENT), Outcome(Fate.IN_DOUBT, words)]) == Figures(2, int(counts))
    ledger = Ledger("ffspd?k", {0: Detail(words), 1: Detail("554 5.6.0 content"), 5: Detail(words)})
    assert of_ledger(ledger) == Figures(3, int(counts))


def test_what_came_back_later_counts_once_and_a_complaint_is_no_bounce() -> None:
    ledger = Ledger("ssssf", {4: Detail(UNKNOWN)})
    for position, news in ((0, News.BOUNCED), (1, News.BOUNCED), (1, News.COMPLAINED), (2, News.DELIVERED)):
        ledger = ledger.heard(position, news, "550 5.1.1 gone")
    assert of_ledger(ledger) == Figures(5, 2, 1)


def test_what_a_person_let_pass_is_taken_off_and_never_below_nothing() -> None:
    assert Figures(900, 41, 2).since(Figures(800, 41, 3)) == Figures(100, 0, 0)


def test_doubt_is_as_old_as_its_oldest_that_nobody_decided_on() -> None:
    ledger = new_ledger({}, 4).begin([0, 1], {}, 0).claim("next", 10, 5000).begin([2], {}, 0).claim("third", 20, 7000)
    assert (ledger.marks, doubt_of([ledger])) == ("???p", (3, 5000))
    assert doubt_of([new_ledger({}, 2), ledger, ledger]) == (6, 5000)
    for position in (0, 1):
        ledger = ledger.decide(position, resend=False, why="told them")
    assert doubt_of([ledger]) == (1, 7000)
    assert doubt_of([new_ledger({}, 2)]) == (0, 0)


@pytest.mark.parametrize(
    ("rate", "words"), [("0.0008", "0.08 %"), ("0.0456", "4.6 %"), ("0.1", "10 %"), ("1", "100 %")]
)
def test_rates_are_short(rate: str, words: str) -> None:
    assert percent(Fraction(rate)) == words
