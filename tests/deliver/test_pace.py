"""The pace as values: no second, hour or day holds more than it may, and nobody waits for longer than is needed."""

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.pace import RATES, WORKERS, most_in, simulate
from chalicelib.content.sending import DomainCap, Pace, WarmUp
from chalicelib.deliver.counts import DAY, HOUR, MICRO, SECOND, counted, free_at, taken_back, used
from chalicelib.deliver.domains import Allowed, Domain, allow, cap_of, domain_from_data, domain_to_data
from chalicelib.deliver.grid import grid_of
from chalicelib.deliver.pace import (
    Grant,
    Limits,
    PaceState,
    day_cap,
    given_back,
    limits_of,
    pace_from_data,
    pace_to_data,
    read,
    reserve,
    sent_today,
)
from chalicelib.deliver.warming import Warmth, warm_words
from chalicelib.transports.quota import Quota

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
WARM = WarmUp(date(2026, 11, 20), 500, Fraction(2))


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("rate", RATES)
def test_the_rate_is_used_and_never_exceeded(rate: float, workers: int) -> None:
    paced = simulate(workers, rate, 10)
    assert paced.most <= int(rate)
    assert paced.share(10) >= 0.98


@given(st.floats(1, 5000), st.integers(1, 100))
def test_a_grid_gives_the_whole_rate_in_every_second(rate: float, wave: int) -> None:
    grid = grid_of(rate, wave)
    assert grid.rate == int(rate)
    assert grid.bursts * grid.spacing >= MICRO
    assert grid.bursts * grid.spacing <= MICRO + grid.bursts
    sizes = [grid.size(turn % grid.bursts) for turn in range(2 * grid.bursts)]
    assert max(sizes) <= wave
    sums = list(accumulate(sizes, initial=0))
    assert {after - before for before, after in zip(sums, sums[grid.bursts :], strict=False)} == {grid.rate}


def test_below_one_a_second_mails_go_one_by_one() -> None:
    grid = grid_of(0.4, 50)
    assert (grid.size(0), grid.spacing) == (1, 2_500_000)
    first, state = reserve(PaceState(), Limits(rate=0.4), 50, NOON, 50)
    second, _ = reserve(state, Limits(rate=0.4), 50, NOON, 50)
    assert (first, second) == (Grant(1, NOON), Grant(1, NOON + 2.5))


def test_what_is_left_of_a_burst_goes_to_the_next_in_time_and_is_lost_after_it() -> None:
    limits = Limits(rate=10)
    first, state = reserve(PaceState(), limits, 4, NOON, 50)
    in_time, state = reserve(state, limits, 50, NOON, 50)
    assert (first, in_time) == (Grant(4, NOON), Grant(6, NOON))
    _, state = reserve(PaceState(), limits, 4, NOON, 50)
    late, _ = reserve(state, limits, 50, NOON + 0.1, 50)
    assert late == Grant(10, NOON + 1)


def test_a_lower_rate_holds_for_what_was_left_of_a_burst() -> None:
    _, state = reserve(PaceState(), Limits(rate=50), 1, NOON, 50)
    grant, _ = reserve(state, Limits(rate=5), 50, NOON, 50)
    assert grant.count == 5


def test_nothing_is_reserved_for_long_ahead() -> None:
    limits, state = Limits(rate=1), PaceState()
    for ahead in range(31):
        grant, state = reserve(state, limits, 1, NOON, 50)
        assert (grant.count, grant.start) == (1, NOON + ahead)
    refused, same = reserve(state, limits, 1, NOON, 50)
    assert refused == Grant(0, NOON, "the pace of one mail a second is taken for the next 30 seconds", NOON + 1)
    assert same == state
    assert reserve(state, limits, 1, refused.until, 50)[0] == Grant(1, NOON + 31)


def test_a_turn_beyond_ones_patience_is_left_to_others() -> None:
    limits = Limits(rate=10.0)
    first, state = reserve(PaceState(), limits, 10, NOON, 50)
    assert (first.count, first.start) == (10, NOON)
    late, same = reserve(state, limits, 10, NOON, 50, patience=0.5)
    assert same is state, "nobody's place is taken by who goes away"
    assert (late.count, late.until) == (0, NOON + 0.5)
    patient, _ = reserve(state, limits, 10, NOON, 50, patience=1.0)
    assert (patient.count, patient.start) == (10, NOON + 1)


def test_a_clock_that_is_ahead_blocks_nobody_and_keeps_to_the_rate() -> None:
    limits, state, ahead = Limits(rate=10), PaceState(), 86_400.0
    right, wrong = [], []
    for step in range(200):
        now = NOON + step * 0.05
        grant, state = reserve(state, limits, 10, now, 50)
        right += [(round(grant.start * MICRO), grant.count)]
        grant, state = reserve(state, limits, 10, now + ahead, 50)
        wrong += [(round(grant.start * MICRO), grant.count)]
    assert len(state.lanes) <= 3
    for mails in (right, wrong):
        assert most_in([mail for mail in mails if mail[1]], MICRO) == 10
        assert sum(count for _, count in mails) >= 100
    assert min(moment for moment, _ in right) == NOON * MICRO


def test_many_wrong_clocks_leave_the_right_ones_their_lane() -> None:
    limits, state, mails = Limits(rate=10), PaceState(), []
    for step in range(100):
        now = NOON + step * 0.01
        _, state = reserve(state, limits, 10, now + (1 + step % 2) * 86_400, 50)
        grant, state = reserve(state, limits, 10, now, 50)
        mails += [(round(grant.start * MICRO), grant.count)] if grant.count else []
        assert len(state.lanes) <= 3
    assert most_in(mails, MICRO) == 10


def test_many_clocks_that_are_wrong_in_ways_of_their_own_leave_three_lanes() -> None:
    state = PaceState()
    for days in (0, 5, 4, 3, 2, 1, 0):
        grant, state = reserve(state, Limits(rate=10), 1, NOON + days * 86_400, 50)
        assert grant.count == 1
        assert len(state.lanes) <= 3


def test_bursts_of_a_rate_that_does_not_divide_take_turns() -> None:
    """Five a second in waves of two are bursts of 1, 2 and 2."""
    state, counts = PaceState(), []
    for _ in range(6):
        grant, state = reserve(state, Limits(rate=5), 2, NOON, 2)
        counts.append(grant.count)
    assert counts == [1, 2, 2] * 2


def test_of_two_limits_that_are_reached_the_one_that_lasts_longer_is_told() -> None:
    _, state = reserve(PaceState(), Limits(), 100, NOON, 50)
    both = reserve(state, Limits(per_day=100, rolling=100), 1, NOON, 50)[0]
    assert (both.until, "in 24 hours" in both.why) == (NOON + 25 * 3600, True)


def test_after_a_rest_the_pace_goes_on_at_once() -> None:
    _, state = reserve(PaceState(), Limits(rate=10), 10, NOON, 50)
    grant, state = reserve(state, Limits(rate=10), 10, NOON + 5000, 50)
    assert grant == Grant(10, NOON + 5000)
    assert reserve(state, Limits(rate=10), 10, NOON + 5000, 50)[0].start == NOON + 5001


def test_a_day_has_its_quota() -> None:
    limits = Limits(per_day=50_000)
    first, state = reserve(PaceState(), limits, 49_990, NOON, 50)
    last, state = reserve(state, limits, 50, NOON, 50)
    none, same = reserve(state, limits, 50, NOON + 60, 50)
    assert (first.count, last.count, sent_today(state, NOON)) == (49_990, 10, 50_000)
    assert none.why == "the day's quota of 50,000 mails is used up: goes on at 2026-11-24T00:00Z"
    assert (none.count, none.until, same) == (0, MIDNIGHT, state)
    assert reserve(state, limits, 50, none.until, 50)[0].count == 50


def test_what_is_handed_over_after_midnight_counts_there() -> None:
    limits = Limits(rate=1, per_day=3)
    state = PaceState()
    starts = []
    for _ in range(6):
        grant, state = reserve(state, limits, 1, MIDNIGHT - 2, 50)
        starts.append(grant.start - MIDNIGHT)
    assert starts == [-2, -1, 0, 1, 2, -2]


def test_a_providers_day_is_any_24_hours() -> None:
    limits = Limits(rolling=100)
    _, state = reserve(PaceState(), limits, 60, NOON, 50)
    _, state = reserve(state, limits, 40, NOON + 7200, 50)
    none, _ = reserve(state, limits, 1, MIDNIGHT + 60, 50)
    assert none.until == NOON + 25 * 3600
    assert none.why == (
        "our share of the provider's quota, 100 mails in 24 hours, is used up: goes on at 2026-11-24T13:00Z"
    )
    assert reserve(state, limits, 99, none.until, 50)[0].count == 60


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 9)), min_size=1, max_size=40), st.integers(5, 20))
def test_no_span_holds_more_than_its_limit_and_none_waits_for_ever(steps: list[tuple[int, int]], limit: int) -> None:
    """Whatever the steps between the mails are (here in milliseconds and seconds)."""
    for span, scale in ((SECOND, 1000), (HOUR, MICRO)):
        counts: dict[int, int] = {}
        moment, mails = int(NOON * MICRO), []
        for wait, wanted in steps:
            moment = free_at(counts, span, moment + wait * scale // 10, limit)
            count = min(wanted, limit - used(counts, span, moment))
            counts = counted(counts, span, moment, count)
            mails.append((moment, count))
        assert all(count > 0 for _, count in mails)
        assert most_in(mails, span.unit * span.units) <= limit
        assert len(counts) <= 2 * span.units + 1


def test_counts_of_a_clock_far_ahead_hold_up_nobody_and_are_dropped() -> None:
    ahead = counted({}, DAY, int((NOON + 30 * 86_400) * MICRO), 1000)
    assert used(ahead, DAY, int(NOON * MICRO)) == 0
    assert list(counted(ahead, DAY, int(NOON * MICRO), 5).values()) == [5]


def test_what_was_not_handed_over_is_given_back_over_the_hour() -> None:
    hours = counted(counted({}, DAY, int((NOON - 60) * MICRO), 30), DAY, int(NOON * MICRO), 10)
    assert sum(taken_back(hours, DAY, int(NOON * MICRO), 15).values()) == 25
    assert taken_back(hours, DAY, int(NOON * MICRO), 1000) == {}
    state = given_back(PaceState(hours=hours), 25, NOON)
    assert sent_today(state, NOON) == 15
    over = counted(counted({}, DAY, int((MIDNIGHT - 60) * MICRO), 30), DAY, int(MIDNIGHT * MICRO), 10)
    state = given_back(PaceState(hours=over), 12, MIDNIGHT)
    assert (sent_today(state, MIDNIGHT), sent_today(state, MIDNIGHT - 60)) == (0, 28), "the latest first"


def test_the_share_of_what_others_leave_is_ours() -> None:
    _, state = reserve(PaceState(), Limits(per_day=10_000), 1000, NOON, 50)
    state = read(state, Quota(per_second=14, per_day=50_000, sent=6000), NOON)
    limits = limits_of(Pace(), state.reading)
    assert limits == Limits(rate=11.2, rolling=36_000, shared=True)
    assert reserve(state, limits, 50, NOON, 50)[0].count == 11
    alone = read(state, Quota(per_day=50_000, sent=900), NOON)
    assert limits_of(Pace(share=Fraction(1)), alone.reading).rolling == 50_000


def test_where_others_send_too_it_is_looked_at_again_soon() -> None:
    state = read(PaceState(), Quota(per_day=100, sent=99), NOON)
    limits = limits_of(Pace(), state.reading)
    none, _ = reserve(state, limits, 10, NOON, 50)
    assert (limits.rolling, none.count, none.until) == (0, 0, NOON + 600)
    one = replace(limits, rolling=1)
    _, state = reserve(state, one, 10, NOON, 50)
    assert reserve(state, one, 10, NOON + 1, 50)[0].until == NOON + 601


def test_the_slower_of_site_and_provider_counts_and_no_limit_is_none() -> None:
    reading = read(PaceState(), Quota(per_second=100), NOON).reading
    assert limits_of(Pace(per_second=20), reading).rate == 20
    assert limits_of(Pace(per_second=200), reading).rate == 80
    assert limits_of(Pace(), None) == Limits()


def test_a_provider_that_has_stopped_us_says_why() -> None:
    state = read(PaceState(), Quota(per_second=14, stopped="it is paused"), NOON)
    grant, same = reserve(state, limits_of(Pace(), state.reading), 50, NOON, 50)
    assert (grant, same) == (Grant(0, NOON, "it is paused", NOON + 600), state)
    assert reserve(PaceState(), Limits(rate=0), 50, NOON, 50)[0].why == "the provider's rate is 0 mails a second"
    assert reserve(PaceState(), Limits(rate=9), 0, NOON, 50) == (Grant(0, NOON, "", NOON), PaceState())


def test_a_warm_up_grows_with_each_day_of_mail() -> None:
    limits, state, sent = Limits(warm_up=WARM), PaceState(), []
    for day in (-4, -3, -2, 1, 2, 2):
        grant, state = reserve(state, limits, 100_000, NOON + day * 86_400, 50)
        sent.append(grant.count)
    assert sent == [100_000, 500, 1000, 2000, 4000, 0]
    none, _ = reserve(state, limits, 1, NOON + 2 * 86_400, 50)
    assert none.why == "warm-up, day 4: its 4,000 mails are sent: goes on at 2026-11-26T00:00Z"
    assert day_cap(state, limits, NOON + 3 * 86_400) == 8000
    assert day_cap(state, replace(limits, per_day=50), NOON + 3 * 86_400) == 50


def test_a_day_of_many_waves_is_one_day_of_a_warm_up() -> None:
    limits, state, sent = Limits(warm_up=WARM), PaceState(), []
    for day, waves in ((0, 12), (1, 25)):
        grants = []
        for _ in range(waves):
            grant, state = reserve(state, limits, 50, NOON + day * 86_400, 50)
            grants.append(grant.count)
        sent.append((sum(grants), state.warmth.days))
    assert sent == [(500, 1), (1000, 2)]


def test_a_warm_up_begins_anew_with_another_start_and_ends() -> None:
    warmth = Warmth("2026-11-20", 3, 20_780)
    other = WarmUp(date(2026, 11, 21), 500, Fraction(2))
    grant, state = reserve(PaceState(warmth=warmth), Limits(warm_up=other), 5000, NOON, 50)
    assert (grant.count, state.warmth.days) == (500, 1)
    old = Warmth("2026-11-20", 5000, 20_000)
    assert reserve(PaceState(warmth=old), Limits(warm_up=WARM), 10**10, NOON, 50)[0].count == 10**10


def test_a_wrong_clock_does_not_end_the_growth() -> None:
    limits, state = Limits(warm_up=WARM), PaceState()
    for day in (0, 400, 0, 400, 1):
        _, state = reserve(state, limits, 10, NOON + day * 86_400, 50)
    assert state.warmth.days <= 4
    assert state.warmth.last == int(NOON // 86_400) + 1
    for day in (3, 1, 2):  # a clock that was two days ahead, and then the right one
        _, state = reserve(state, limits, 10, NOON + day * 86_400, 50)
    assert (state.warmth.days, state.warmth.last) == (5, int(NOON // 86_400) + 2)


def test_the_warm_up_in_words() -> None:
    state = Warmth("2026-11-20", 3, int(NOON // 86_400))
    assert warm_words(state, WARM, 50_000, NOON) == "warm-up, day 3: 2,000 mails at most on 2026-11-23"
    assert warm_words(state, WARM, 2000, NOON) == ""
    assert warm_words(state, None, None, NOON) == ""
    before = warm_words(Warmth(), WARM, None, NOON - 10 * 86_400)
    assert before == "warm-up begins on 2026-11-20 with 500 mails a day"


CAPS = {
    name: cap
    for cap in (DomainCap(("gmail.com", "googlemail.com"), 5, 12), DomainCap(("b.example",)))
    for name in cap.domains
}


def test_a_cap_holds_for_its_domains_and_those_below_and_the_nearest_counts() -> None:
    inner = DomainCap(("mx.gmail.com",), 1)
    caps = CAPS | {"mx.gmail.com": inner}
    assert cap_of(caps, "GoogleMail.com") is CAPS["gmail.com"]
    assert cap_of(caps, "a.b.gmail.com.") is CAPS["gmail.com"]
    assert cap_of(caps, "a.mx.gmail.com") is inner
    assert [cap_of(caps, name) for name in ("notgmail.com", "com", "", "gmail.com.example")] == [None] * 4
    assert cap_of(caps, "a." * 100_000 + "gmail.com") is None


def test_a_domain_takes_so_many_a_second_and_an_hour() -> None:
    cap, state = CAPS["gmail.com"], Domain()
    answers = []
    for now in (NOON, NOON, NOON + 1.1, NOON + 2.2, NOON + 2.3):
        answer, state = allow(state, cap, 20, now)
        answers.append(answer)
    second, hour = "gmail.com takes 5 a second from us", "gmail.com takes 12 an hour from us"
    assert answers == [
        Allowed(5, NOON + 1.1, second), Allowed(0, NOON + 1.1, second), Allowed(5, NOON + 2.2, second),
        Allowed(2, NOON + 3660, hour), Allowed(0, NOON + 3660, hour),
    ]  # fmt: skip
    assert allow(state, cap, 3, NOON + 3660)[0] == Allowed(3)
    assert domain_from_data(domain_to_data(state)) == state


def test_where_second_and_hour_leave_as_few_the_hour_is_told() -> None:
    answer, _ = allow(Domain(), DomainCap(("x.example",), 5, 5), 20, NOON)
    assert answer == Allowed(5, NOON + 3660, "x.example takes 5 an hour from us")


def test_who_gets_all_waits_for_nothing_and_a_limit_to_the_mail_is_enough() -> None:
    assert allow(Domain(), DomainCap(("x.example",), per_hour=7), 7, NOON)[0] == Allowed(7)
    answer, _ = allow(Domain(), DomainCap(("x.example",), per_hour=7), 8, NOON)
    assert answer == Allowed(7, NOON + 3660, "x.example takes 7 an hour from us")


def test_the_state_survives_the_store() -> None:
    _, state = reserve(PaceState(), Limits(rate=10, warm_up=WARM), 4, NOON, 50)
    state = read(state, Quota(14, 50_000, 12, "stopped", "careful"), NOON)
    assert pace_from_data(pace_to_data(state)) == state
    assert pace_from_data(pace_to_data(PaceState())) == PaceState()
