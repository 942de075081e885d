"""The pace in a store that all workers share: whoever comes in between, the rate holds and somebody goes on."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.pace import most_in
from chalicelib.content.sending import DomainCap, Pace
from chalicelib.deliver.domains import Allowed
from chalicelib.deliver.pace import Grant
from chalicelib.deliver.pacing import Pacing
from chalicelib.errors import ConflictError, TransportUnavailableError
from chalicelib.store import Data, Item, Key
from chalicelib.transports.quota import Quota
from tests.simulation.memory import MemoryTable

NOW = 1_795_435_200.0
MICRO = 1_000_000
CAP = DomainCap(("gmail.com", "googlemail.com"), per_hour=10)
CAPS = dict.fromkeys(CAP.domains, CAP)


class Provider:
    """A provider that says what it is told to say, and counts how often it is asked."""

    def __init__(self, *answers: Quota | Exception) -> None:
        self.answers, self.asked = list(answers), 0

    def read(self) -> Quota:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class BusyTable(MemoryTable):
    """Calls ``between`` after each read of the pace, as another worker would come in between."""

    between: Callable[[], object] | None = None

    def get(self, key: Key) -> Item | None:
        item = super().get(key)
        call, self.between = self.between, None
        if call:
            call()
            self.between = call
        return item


class CountingTable(MemoryTable):
    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def transact(self, writes: object) -> None:
        self.writes += 1
        super().transact(writes)  # type: ignore[arg-type]


def test_without_limits_nothing_is_read_or_written() -> None:
    table = CountingTable()
    pacing = Pacing(table, "smtp", Pace())
    assert not pacing.limited
    assert pacing.reserve(50, NOW) == Grant(50, NOW)
    pacing.give_back(50, NOW)
    assert pacing.allow({"gmail.com": 7}, NOW) == {"gmail.com": Allowed(7)}
    assert pacing.quota(NOW) is None
    assert (table.writes, list(table.everything())) == (0, [])


@pytest.mark.parametrize("pace", [Pace(per_second=9), Pace(per_day=9)])
def test_one_reservation_is_one_write(pace: Pace) -> None:
    table = CountingTable()
    pacing = Pacing(table, "smtp", pace)
    grants = [pacing.reserve(5, NOW) for _ in range(3)]
    assert table.writes == (3 if pace.per_second else 2)  # what is refused is not written
    assert sum(grant.count for grant in grants) == (14 if pace.per_second else 9)
    assert [item.key for item in table.everything()] == [Key("PACE#smtp", "-")]


@given(
    st.floats(1, 1000), st.integers(1, 8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(1, 120), st.integers(0, 400)), min_size=1, max_size=60),
)  # fmt: skip
def test_any_order_of_workers_keeps_to_the_rate(rate: float, workers: int, steps: list[tuple[int, int, int]]) -> None:
    table, now, mails = MemoryTable(), NOW, []
    crews = [Pacing(table, "smtp", Pace(per_second=rate)) for _ in range(workers)]
    for who, wanted, wait in steps:
        now += wait / 1000
        grant = crews[who % workers].reserve(wanted, now)
        if grant.count:
            assert grant.start >= now
            assert grant.count <= wanted
            mails.append((round(grant.start * MICRO), grant.count))
        else:
            assert now < grant.until <= now + 31
            assert crews[0].reserve(1, grant.until).count == 1
            mails.append((round(crews[0].reserve(1, grant.until).start * MICRO), 0))
            break
    assert most_in(mails, MICRO) <= int(rate)


@given(
    st.lists(st.sampled_from([-3600.0, -20.0, -0.01, 0.0, 0.01, 20.0, 3600.0, 1e9]), min_size=2, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 900)), min_size=1, max_size=60),
)
def test_whatever_the_clocks_say_each_goes_on_within_half_a_minute(
    skews: list[float], steps: list[tuple[int, int]]
) -> None:
    table, now = MemoryTable(), NOW
    for who, wait in steps:
        now += wait / 1000
        local = now + skews[who % len(skews)]
        grant = Pacing(table, "smtp", Pace(per_second=14)).reserve(50, local)
        latest = grant.start if grant.count else grant.until
        assert local <= latest <= local + 32


def test_who_loses_a_race_takes_the_next_place() -> None:
    table = BusyTable()
    other = Pacing(table, "smtp", Pace(per_second=10))
    races = iter([True, True])
    table.between = lambda: next(races, False) and other.reserve(10, NOW)
    assert Pacing(table, "smtp", Pace(per_second=10)).reserve(10, NOW) == Grant(10, NOW + 2)


def test_who_loses_all_races_comes_back_in_a_second() -> None:
    table = BusyTable()
    other = Pacing(table, "smtp", Pace(per_day=10_000, caps=CAPS))
    mine = Pacing(table, "smtp", Pace(per_day=10_000, caps=CAPS))
    table.between = lambda: other.reserve(1, NOW)
    grant = mine.reserve(50, NOW)
    assert (grant.count, grant.until, grant.why) == (0, NOW + 1, "too many workers reserve mails at this moment")
    mine.give_back(3, NOW)
    table.between = None
    taken = mine.status(NOW).today
    mine.give_back(3, NOW)
    assert mine.status(NOW).today == taken - 3


def test_a_cap_under_contention_is_asked_for_again_in_a_second() -> None:
    class Lost(MemoryTable):
        def insert(self, key: Key, data: Data, expires: int | None = None) -> Item:
            raise ConflictError(f"{key} is there")

    allowed = Pacing(Lost(), "smtp", Pace(caps=CAPS)).allow({"gmail.com": 1}, NOW)
    assert allowed == {"gmail.com": Allowed(0, NOW + 1, "too many workers write to gmail.com at this moment")}


def test_domains_under_one_cap_share_it_in_their_order_and_others_get_all() -> None:
    pacing = Pacing(MemoryTable(), "smtp", Pace(caps=CAPS))
    why = "gmail.com takes 10 an hour from us"
    wanted = {"mx.gmail.com": 7, "example.org": 90, "googlemail.com": 5, "GMAIL.com": 1}
    allowed = pacing.allow(wanted, NOW)
    assert allowed == {
        "mx.gmail.com": Allowed(7),
        "example.org": Allowed(90),
        "googlemail.com": Allowed(3, NOW + 3660, why),
        "GMAIL.com": Allowed(0, NOW + 3660, why),
    }
    assert pacing.allow({"gmail.com": 1}, NOW)["gmail.com"].count == 0
    pacing.give_back(2, NOW, {"gmail.com": 1, "googlemail.com": 1, "example.org": 9})
    assert pacing.allow({"gmail.com": 5}, NOW)["gmail.com"].count == 2


def test_what_a_cap_counts_expires() -> None:
    class Expiring(MemoryTable):
        seen: int | None = None

        def insert(self, key: Key, data: Data, expires: int | None = None) -> Item:
            self.seen = expires
            return super().insert(key, data, expires)

    table = Expiring()
    Pacing(table, "smtp", Pace(caps=CAPS)).allow({"gmail.com": 1}, NOW)
    assert [item.key for item in table.everything()] == [Key("PACE#domain#gmail.com", "-")]
    assert table.seen == NOW + 7200


def test_the_provider_is_asked_once_in_ten_minutes_for_all_workers() -> None:
    table, provider = MemoryTable(), Provider(Quota(per_second=14, per_day=1000))
    for seconds in range(0, 1200, 50):
        assert Pacing(table, "ses", Pace(), provider).reserve(50, NOW + seconds).count == 11
    assert provider.asked == 2


def test_under_two_clocks_each_process_asks_no_more_than_it_would_alone() -> None:
    table, provider = MemoryTable(), Provider(Quota(per_second=14))
    right, wrong = (Pacing(table, "ses", Pace(), provider) for _ in range(2))
    for seconds in range(100):
        right.reserve(1, NOW + seconds)
        wrong.reserve(1, NOW + 86_400 + seconds)
    assert provider.asked <= 3


def test_a_quota_that_is_used_up_is_asked_for_again_and_remembered() -> None:
    table, provider = MemoryTable(), Provider(Quota(per_day=100, sent=100), Quota(per_day=1000))
    pacing = Pacing(table, "ses", Pace(), provider)
    none = pacing.reserve(5, NOW)
    assert (none.count, none.until) == (0, NOW + 600)
    assert pacing.reserve(5, NOW + 1).count == 0
    assert pacing.reserve(5, none.until).count == 5
    assert provider.asked == 2


def test_a_provider_that_does_not_answer_is_believed_for_a_day() -> None:
    down = TransportUnavailableError("SES does not say its quota.")
    table, provider = MemoryTable(), Provider(Quota(per_second=14), down)
    assert Pacing(table, "ses", Pace(), provider).reserve(50, NOW).count == 11
    for seconds in (700, 710, 755, 770):
        assert Pacing(table, "ses", Pace(), provider).reserve(50, NOW + seconds).count == 11
    assert provider.asked == 3
    with pytest.raises(TransportUnavailableError):
        Pacing(table, "ses", Pace(), provider).reserve(50, NOW + 86_401)


def test_without_any_answer_nothing_is_guessed_and_it_is_asked_again() -> None:
    provider = Provider(TransportUnavailableError("down"), TransportUnavailableError("down"), Quota(per_second=14))
    pacing = Pacing(MemoryTable(), "ses", Pace(), provider)
    for _ in range(2):
        with pytest.raises(TransportUnavailableError):
            pacing.reserve(50, NOW)
    assert pacing.reserve(50, NOW).count == 11


def test_a_lost_race_does_not_ask_the_provider_twice() -> None:
    table, provider = BusyTable(), Provider(Quota(per_second=14, per_day=1000))
    other = Pacing(table, "ses", Pace(per_second=5))
    races = iter([True, True])
    table.between = lambda: next(races, False) and other.reserve(5, NOW)
    assert Pacing(table, "ses", Pace(), provider).reserve(50, NOW).count == 11
    assert provider.asked == 1


def test_the_quota_and_the_pace_can_be_looked_at() -> None:
    table = MemoryTable()
    quota = Quota(14, 1000, 100, "it is paused", "bounces")
    pacing = Pacing(table, "ses", Pace(per_day=500, share=Fraction(1, 2)), Provider(quota))
    assert (pacing.status(NOW).per_second, pacing.status(NOW).words) == (None, ())
    assert pacing.quota(NOW) == quota
    status = pacing.status(NOW)
    assert (status.per_second, status.per_day, status.rolling, status.today) == (7, 500, 450, 0)
    assert status.words == ("it is paused", "bounces")
