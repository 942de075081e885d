"""Webhooks without a network: order, pace, giving up, and that one which is down stops no other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.audience import Audience, make_member
from chalicelib.audience.happenings import announcer, happening
from chalicelib.audience.subscriber import Basis
from chalicelib.audience.tokens import Secrets
from chalicelib.collect.found import SourceError
from chalicelib.collect.post import Posted
from chalicelib.content.webhooks import Happening, Webhook
from chalicelib.deliver.hook_states import HookState, HookStates
from chalicelib.deliver.pausing import KEY, pause
from chalicelib.deliver.webhooks import MOST, Webhooks
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_blobs import SqliteBlobs
from chalicelib.store.sqlite_database import Database

SECRETS = Secrets(("s" * 40,))
A, B = "https://a.example/hook", "https://b.example/hook"
ALL = frozenset(Happening)


@dataclass
class World:
    """A table, a clock moved by hand, and receivers that answer as told."""

    folder: Path
    now: datetime = datetime(2026, 11, 23, 9, tzinfo=UTC)
    hooks: tuple[Webhook, ...] = (Webhook(A, ALL),)
    answers: dict[str, Callable[[], Posted]] = field(default_factory=dict)
    got: list[tuple[str, str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = Database(self.folder / "w.db")
        self.table = SqliteTable(self.database, clock=lambda: self.now.timestamp())
        self.audience = Audience(self.table, SECRETS, announcer(lambda: self.now))
        self.states = HookStates(self.table)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        posted = self.answers.get(url, lambda: Posted(204))()
        if posted.status < 300:
            self.got.append((url, headers["webhook-id"], body))
        return posted

    def webhooks(self, post: Any = None) -> Webhooks:
        blobs = SqliteBlobs(self.database)
        return Webhooks(self.hooks, self.table, blobs, SECRETS, post or self.post, lambda: self.now)

    def tick(self, **later: float) -> list[str]:
        self.now += timedelta(**later)
        return self.webhooks().deliver()

    def happen(self, number: int = 0) -> None:
        member = make_member(SECRETS, "digest", f"n{number}@example.org", "", "en")
        self.audience.subscribe([member], Basis.CONSENT, "a test", self.now, announcer(lambda: self.now))
        self.now += timedelta(milliseconds=1)

    def told(self, url: str = A) -> list[int]:
        """The numbers an address was told of."""
        return [int(body.split(b'"address":"n')[1].split(b"@")[0]) for to, _, body in self.got if to == url]

    def state(self, url: str = A) -> HookState:
        state = self.states.get(url)
        assert state is not None
        return state


@pytest.fixture
def world(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = World(tmp_path)
    yield made
    made.database.close()


def failing() -> Posted:
    return Posted(500)


def test_each_is_told_once_in_order_once_it_has_settled(world: World) -> None:
    world.happen(99)
    world.tick()  # first sight: what was before is not told
    for number in range(3):
        world.happen(number)
    world.tick(seconds=20)
    assert world.told() == []
    world.tick(seconds=15)
    world.tick(minutes=1)
    assert world.told() == [0, 1, 2]
    assert (world.state().told, world.state().failures, world.state().busy) == (3, 0, "")


def test_only_what_is_wanted_is_told_and_the_rest_is_passed(world: World) -> None:
    world.hooks = (Webhook(A, frozenset({Happening.UNSUBSCRIBED})),)
    world.tick()
    for number in range(3):
        world.happen(number)
    world.audience.leave(world.audience.sid("n1@example.org"), "digest", world.now, "a test")
    world.tick(minutes=1)
    assert world.told() == [1]
    assert b'"type":"unsubscribed"' in world.got[0][2]


def test_one_that_is_down_stops_no_other(world: World) -> None:
    world.hooks = (Webhook(A, ALL), Webhook(B, ALL))
    world.answers[A] = failing
    world.tick()
    world.happen(1)
    assert world.tick(minutes=1) == []
    assert (world.told(A), world.told(B)) == ([], [1])
    assert (world.state(A).error, world.state(A).failures) == ("answered 500", 1)


def test_a_failure_is_tried_again_ever_later_and_what_follows_waits(world: World) -> None:
    tries = list[datetime]()

    def refused() -> Posted:
        tries.append(world.now)
        return Posted(503)

    world.answers[A] = refused
    world.tick()
    world.happen(1)
    world.happen(2)
    for _ in range(60 * 20):
        world.tick(minutes=1)
    waits = [(b - a) // timedelta(minutes=1) for a, b in pairwise(tries)]
    assert waits[:8] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert max(waits) == 240
    world.answers.pop(A)
    world.tick(hours=4)
    assert world.told() == [1, 2]
    assert (world.state().failures, world.state().error, world.state().next_try) == (0, "", "")


def test_a_server_s_own_wish_to_be_left_alone_counts(world: World) -> None:
    world.answers[A] = lambda: Posted(429, timedelta(hours=2))
    world.tick()
    world.happen(1)
    world.tick(minutes=1)
    world.answers.pop(A)
    world.tick(minutes=119)
    assert world.told() == []
    world.tick(minutes=1)
    assert world.told() == [1]


def test_what_nobody_took_for_a_day_is_given_up_and_named_and_may_be_told_again(world: World) -> None:
    world.answers[A] = failing
    world.tick()
    world.happen(1)
    troubles = list[str]()
    for hour in range(30):
        if hour == 10:
            world.happen(2)
        troubles += world.tick(hours=1)
    assert len(troubles) == 1
    assert "did not take the event evt_" in troubles[0]
    assert "webhooks retry" in troubles[0]
    world.answers.pop(A)
    world.tick(hours=4)
    assert world.told() == [2]
    assert world.state().given_up == 1
    world.states.retry(A)
    world.tick()
    assert world.told() == [2, 1, 2]
    assert world.got[0][1] == world.got[2][1]
    assert world.state().given_up == 0


def test_one_that_is_never_taken_stops_the_others_for_a_day_alone(world: World) -> None:
    def but_one(url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        return Posted(400) if b"n1@example.org" in body else world.post(url, headers, body)

    world.tick()
    world.happen(1)
    for hour in range(40):
        world.now += timedelta(hours=1)
        if hour in {2, 20}:
            world.happen(hour)
        world.webhooks(but_one).deliver()
        if hour < 24:
            assert world.told() == []
    assert world.told() == [2, 20]
    assert world.state().given_up == 1


def test_in_a_long_failure_only_what_is_a_day_old_is_given_up(world: World) -> None:
    world.answers[A] = failing
    world.tick()
    world.happen(1)
    for hour in range(60):
        if hour == 23:
            world.happen(2)
        given_up = bool(world.tick(hours=1))
        assert not given_up or hour < 30 or hour > 46
    assert world.state().given_up == 2


def test_an_outage_of_days_costs_one_in_a_round_and_all_are_told_again_on_demand(world: World) -> None:
    world.answers[A] = failing
    world.tick()
    for number in range(6):
        world.happen(number)
    lost = list[int]()
    for _ in range(36):
        world.tick(hours=1)
        lost.append(world.state().given_up)
    assert max(later - before for before, later in pairwise(lost)) == 1
    assert 2 <= lost[-1] < 6
    world.states.retry(A)
    world.answers.pop(A)
    world.tick()
    assert world.told() == list(range(6))


def test_after_a_pause_of_days_nothing_is_given_up_at_the_first_failure(world: World) -> None:
    world.tick()
    world.happen(1)
    world.answers[A] = failing
    assert world.tick(days=3) == []
    world.answers.pop(A)
    world.tick(minutes=1)
    assert world.told() == [1]


def test_a_round_is_bounded_and_the_next_goes_on(world: World) -> None:
    world.tick()
    for most in (MOST, 20):
        world.table.transact([happening(Happening.ERASED, world.now, sid="0" * 24) for _ in range(most)])
    world.tick(minutes=1)
    assert len(world.got) == MOST
    world.tick()
    assert len({name for _, name, _ in world.got}) == len(world.got) == MOST + 20


def test_time_bounds_a_round_too(world: World) -> None:
    world.tick()
    for number in range(10):
        world.happen(number)
    world.now += timedelta(minutes=1)
    passed = iter(range(0, 1000, 9))
    blobs = SqliteBlobs(world.database)
    slow = Webhooks(
        world.hooks, world.table, blobs, SECRETS, world.post, lambda: world.now, seconds=lambda: float(next(passed))
    )
    slow.deliver()
    assert 1 <= len(world.got) < 5
    world.tick()
    assert world.told() == list(range(10))


def test_two_at_once_tell_once(world: World) -> None:
    world.tick()
    world.happen(1)
    world.now += timedelta(minutes=1)

    def meanwhile(url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        world.webhooks().deliver()
        return world.post(url, headers, body)

    world.webhooks(meanwhile).deliver()
    assert world.told() == [1]


def test_whoever_dies_in_a_round_is_followed_after_its_lease(world: World) -> None:
    world.tick()
    world.happen(1)
    world.now += timedelta(minutes=1)

    def dies(*_: Any) -> Posted:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.webhooks(dies).deliver()
    world.tick(seconds=60)
    assert world.told() == []
    world.tick(seconds=60)
    assert world.told() == [1]


def test_retry_in_mid_round_wins(world: World) -> None:
    world.tick()
    world.happen(1)
    world.happen(2)
    world.now += timedelta(minutes=1)

    def retried(url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        world.states.retry(A)
        return world.post(url, headers, body)

    world.webhooks(retried).deliver()
    world.tick(minutes=1)
    assert world.told() == [1, 1, 2]


def test_words_of_a_broken_connection_are_kept(world: World) -> None:
    world.tick()
    world.happen(1)
    world.now += timedelta(minutes=1)

    def broken(*_: Any) -> Posted:
        raise SourceError("the connection was refused")

    world.webhooks(broken).deliver()
    assert world.state().error == "the connection was refused"


def test_a_paused_site_tells_nothing(world: World) -> None:
    world.tick()
    world.happen(1)
    pause(world.table, "restored", world.now)
    world.tick(minutes=5)
    assert world.told() == []
    item = world.table.get(KEY)
    assert item is not None
    world.table.delete(item)
    world.tick()
    assert world.told() == [1]


def test_nothing_of_the_erased_is_told(world: World) -> None:
    world.answers[A] = failing
    world.tick()
    world.happen(1)
    world.tick(minutes=1)
    world.audience.erase(world.audience.sid("n1@example.org"), world.now)
    world.answers.pop(A)
    world.tick(minutes=2)
    assert len(world.got) == 1
    assert b'"type":"erased"' in world.got[0][2]
    assert b"n1@example.org" not in world.got[0][2]
