"""What statuses and words say of a mailbox; and when soft bounces are too many."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.audience.bounces import MOST, since_delivery, too_many, with_bounce
from chalicelib.deliver.hearing.classify import Judgement, judge, passes

DAY = 86_400


@pytest.mark.parametrize(("status", "words", "wanted"), [
    ("5.1.1", "", Judgement("5.1.1", True, True)),
    ("5.01.010", "", Judgement("5.1.10", True, True)),
    ("5.1.1", "over quota", Judgement("5.1.1", False, True)),
    ("5.2.2", "mailbox full", Judgement("5.2.2", False, True)),
    ("5.7.1", "user unknown", Judgement("5.7.1", False, True)),
    ("4.4.1", "user unknown", Judgement("4.4.1", False, False)),
    ("5.0.0", "550 user unknown", Judgement("5.0.0", True, True)),
    ("5.0.0", "550 5.1.1 nobody", Judgement("5.1.1", True, True)),
    ("5.0.0", "550 go away", Judgement("5.0.0", False, True)),
    ("", "550 no such user", Judgement("550", True, True)),
    ("", "450 no such user", Judgement("450", False, False)),
    ("", "no such user", Judgement("", False, False)),
    ("", "[192.5.1.1] said 5.1.1.", Judgement("5.1.1", True, True)),
    ("", "host 10.5.1.1 at 5.1.1.9 said", Judgement("", False, False)),
    ("", "10550 items, 550.5 of 5501", Judgement("", False, False)),
    ("2.0.0", "250 ok", Judgement("2.0.0", False, False)),
    ("5.2.1", "550 5.2.1 receiving mail at a rate", Judgement("5.2.1", False, True)),
    ("", "", Judgement("", False, False)),
    ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", Judgement("5.4.1", True, True)),
    ("5.4.1", "550 5.4.1 no answer from host", Judgement("5.4.1", False, True)),
    ("5.3.0", "553 no such user here", Judgement("5.3.0", True, True)),
    ("5.2.0", "554 delivery error: This user doesn't have an example account", Judgement("5.2.0", True, True)),
    ("5.7.1", "554 5.7.1 Recipient address rejected: Access denied", Judgement("5.7.1", False, True)),
    ("", "Exim 4.94.2 says: 550 no such user", Judgement("550", True, True)),
    ("", "220 mail.example.net ESMTP, then 550 no such user", Judgement("550", True, True)),
    ("", "554 5.7.606 Access denied, banned sending IP", Judgement("5.7.606", False, True)),
])  # fmt: skip
def test_caution_where_status_and_words_disagree(status: str, words: str, wanted: Judgement) -> None:
    assert judge(status, words) == wanted


@pytest.mark.parametrize("words", [
    "550 mailbox unavailable: the user has exceeded the storage limit", "550 domain of sender does not exist",
    "550 Sender address rejected: domain does not exist", "550 no such user at helo mail.example.org",
    "550 mailbox unavailable (DMARC of example.org)", "550 mailbox unavailable, this host is on a block list",
    "550 mailbox unavailable, try again in an hour", "550 mailbox unavailable: unauthenticated mail is blocked",
])  # fmt: skip
def test_what_is_wrong_with_the_sender_or_will_pass_leaves_nobody_gone(words: str) -> None:
    """Else a fault in our own DNS would stop everybody of a server at once."""
    assert judge("", words) == Judgement("550", False, True)
    assert judge("5.1.1", words).gone is False


@pytest.mark.parametrize(("status", "words", "wanted"), [
    ("5.2.2", "", True), ("", "552 5.2.3 too large", True), ("5.7.509", "", True), ("5.6.0", "", True),
    ("4.2.1", "", True), ("5.3.4", "", True), ("", "550 rejected as spam", True), ("5.1.1", "", False),
    ("5.2.1", "", False), ("5.4.4", "", False), ("5.0.0", "", False), ("", "", False), ("", "550 go away", False),
])  # fmt: skip
def test_a_server_says_whether_it_is_not_about_the_mailbox(status: str, words: str, wanted: bool) -> None:
    assert passes(status, words) is wanted


def test_what_is_surely_a_failure_needs_no_code_but_a_temporary_one_wins() -> None:
    assert judge("", "unrouteable address", sure=True) == Judgement("", True, True)
    assert judge("", "4.4.1 gave up, user unknown", sure=True) == Judgement("4.4.1", False, False)


@settings(max_examples=60, deadline=None)
@given(st.text("45. 0123-x", max_size=60), st.text("45.012 user unknown", max_size=60))
def test_nothing_raises_and_who_is_gone_has_failed(status: str, words: str) -> None:
    judgement = judge(status, words)
    assert judgement.failed or not judgement.gone


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 100), max_size=40), st.randoms(use_true_random=False))
def test_soft_bounces_are_the_same_in_any_order(days: list[int], dice: object) -> None:
    def gathered(order: list[int]) -> tuple[int, ...]:
        found: tuple[int, ...] = ()
        for day in order:
            found = with_bounce(found, datetime.fromtimestamp(day * DAY, UTC))
        return found

    found = gathered(sorted(days))
    assert len(found) <= MOST
    if len(set(days)) <= MOST:
        shuffled = list(days)
        dice.shuffle(shuffled)  # type: ignore[attr-defined]
        assert gathered(shuffled) == found
    assert too_many(found) is (len(set(days)) >= 4 and max(days) - min(days) >= 14)
    until = datetime.fromtimestamp(50 * DAY, UTC)
    assert all(moment > until.timestamp() for moment in since_delivery(found, until))
    assert since_delivery(found, until - timedelta(days=60)) == tuple(m for m in found if m > -10 * DAY)


def test_a_delivery_of_the_same_moment_shows_that_the_mailbox_takes_mail() -> None:
    at = datetime(2026, 11, 26, 9, tzinfo=UTC)
    second = int(at.timestamp())
    assert since_delivery([second - 1, second, second + 1], at) == (second + 1,)
