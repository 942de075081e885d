"""What was heard comes into the ledger and upon people: in any order, repeated, and before our own record."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.audience.audience import Audience
from chalicelib.audience.bounces import bounces_key, moments_of
from chalicelib.audience.moving import Moves
from chalicelib.audience.subscriber import suppression_key
from chalicelib.audience.suppression import Reason, Suppressions, read_suppression
from chalicelib.compose.edition import State
from chalicelib.compose.editions import EditionStore
from chalicelib.deliver.books import Books, add_up
from chalicelib.deliver.chunks import ChunkStore
from chalicelib.deliver.draining import drain
from chalicelib.deliver.hearing.hearing import Hearing, Recorded, heard_key
from chalicelib.deliver.hearing.values import Heard
from chalicelib.deliver.ledger import News
from chalicelib.errors import ConflictError, StoreError
from chalicelib.store import Key, Write
from chalicelib.transports import Fate, Outcome
from tests.deliver.house import ID, House
from tests.simulation.memory import MemoryTable
from tests.simulation.world import SECRETS, SLOT

NOW = SLOT + timedelta(days=40)


def news(kind: News, position: int = 0, *, days: float = 0, chunk: int = 0, edition: str = ID, **more: Any) -> Heard:
    words = "" if kind in {News.SENT, News.DELIVERED} else f"{kind.name.lower()} of it"
    raw = f"{kind.name}{days}{more.get('permanent')}{position}"
    return Heard(kind, SLOT + timedelta(days=days), raw, edition, chunk, position, reason=words, excerpt=words,
                 source="ses", **more)  # fmt: skip


FIVE = (
    news(News.SENT, days=0.1), news(News.DELIVERED, days=0.2), news(News.BOUNCED, days=0.3),
    news(News.BOUNCED, days=0.4, permanent=True), news(News.COMPLAINED, days=0.5),
)  # fmt: skip


class World:
    """A copy of a house's table, a hearing on it, and what that told of rates."""

    def __init__(self, house: House, table: Any = None) -> None:
        self.table = house.table.copy() if table is None else table
        self.blobs, self.rates = house.blobs, list[tuple[str, str, int, int]]()
        self.editions, self.chunks = EditionStore(self.table, house.blobs), ChunkStore(self.table, house.blobs)
        self.suppressions = Suppressions(self.table)
        self.hearing = Hearing(self.table, house.blobs, self.suppressions, lambda *told: self.rates.append(told))

    def record(self, *heards: Heard, days: float = 0) -> Recorded:
        return self.hearing.record(heards, NOW + timedelta(days=days))

    def sid(self, position: int = 0, chunk: int = 0) -> str:
        return self.chunks.recipients(ID, chunk)[position].sid

    def stopped(self, sid: str) -> Reason | None:
        item = self.table.get(suppression_key(sid))
        return read_suppression(sid, item).reason if item else None

    def moments(self, sid: str) -> tuple[int, ...]:
        return moments_of(self.table.get(bounces_key(sid)))

    @property
    def marks(self) -> str:
        return "".join(held.ledger.marks for _, held in self.chunks.ledgers(ID))

    @property
    def books(self) -> Books:
        return add_up(self.editions.find(ID).planned, (held.ledger for _, held in self.chunks.ledgers(ID)))

    def state(self) -> tuple[Any, ...]:
        """All that news can change, but for the evidence of the way there."""
        sid = self.sid()
        stop = self.table.get(suppression_key(sid))
        rates = [sum(told[part] for told in self.rates) for part in (2, 3)]
        ledgers = [held.ledger for _, held in self.chunks.ledgers(ID)]
        return (ledgers, self.editions.find(ID).totals, stop and dict(stop.data), self.moments(sid), rates)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> House:
    table: Any = MemoryTable(page=50)
    house = House(tmp_path_factory.mktemp("hearing"), table=table)
    house.start()
    return house


@pytest.fixture(scope="module")
def sent(planned: House, tmp_path_factory: pytest.TempPathFactory) -> House:
    """All mails are out, and the books are not closed yet."""
    house = House(tmp_path_factory.mktemp("sent"), table=MemoryTable(page=50))
    house.start()
    asyncio.run(drain(house.queue, house.worker()))
    assert house.marks() == "s" * 10
    return house


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = House(tmp_path_factory.mktemp("closed"), table=MemoryTable(page=50))
    house.start()
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT)
    assert house.edition().state is State.SENT
    return house


@pytest.mark.parametrize("name", ["planned", "sent", "closed"])
def test_any_order_of_five_events_gives_one_result_and_repeats_change_nothing(
    name: str, request: pytest.FixtureRequest
) -> None:
    house, found = request.getfixturevalue(name), list[Any]()
    for number, order in enumerate(itertools.permutations(FIVE)):
        world = World(house)
        for heard in order:
            world.record(heard)
        if number % 4 == 0:
            before = len(world.rates)
            assert world.record(*reversed(order)) == Recorded(same=5)
            assert len(world.rates) == before
        found.append(world.state())
    assert len(found) == 120
    assert all(one == found[0] for one in found)
    world = World(house)
    world.record(*FIVE)
    assert world.state() == found[0], "one write for all is the same"
    assert (world.marks[0], world.stopped(world.sid()), len(world.moments(world.sid()))) == ("c", Reason.COMPLAINT, 1)
    assert found[0][-1] == [0, 1]
    assert world.books.balanced


def test_news_before_our_own_record_wins_over_it(planned: House) -> None:
    """The wave is in flight, the event comes, then the outcome; or the other way round; or the sender is gone."""
    found = set[str]()
    for outcome, news_first, five in itertools.product(Fate, (True, False), itertools.permutations(FIVE[1:4])):
        world = World(planned)
        held = world.chunks.ledger(ID, 0)
        world.chunks.write_ledger(held, held.ledger.begin([0, 1], {}, 0))

        def settle(world: World = world, outcome: Fate = outcome) -> None:
            held = world.chunks.ledger(ID, 0)
            settled = held.ledger.settle({0: Outcome(outcome, "ours"), 1: Outcome(outcome, "ours")}, 0)
            world.chunks.write_ledger(held, settled)

        steps: list[Callable[[], object]] = [settle]
        steps[len(steps) if not news_first else 0 : 0] = [lambda w=world, h=h: w.record(h) for h in five]  # type: ignore[misc]
        for step in steps:
            step()
        held = world.chunks.ledger(ID, 0)
        found.add(f"{held.ledger.marks[0]}{held.ledger.details[0].reason}")
        assert world.books.balanced
    assert found == {"bbounced of it"}


@pytest.mark.parametrize(("kind", "mark", "figures"), [
    (News.SENT, "s", {}), (News.DELIVERED, "v", {"delivered": 1}),
    (News.BOUNCED, "b", {"bounced": 1, "sent": 9, "failed": 1}), (News.COMPLAINED, "c", {"complained": 1}),
])  # fmt: skip
def test_closed_books_are_kept_right(closed: House, kind: News, mark: str, figures: dict[str, int]) -> None:
    world = World(closed)
    world.record(news(kind, 3, chunk=1))
    assert world.marks[5 + 3] == mark
    totals = world.editions.find(ID).totals
    assert totals == {**add_up(10, ()).as_dict(), "sent": 10, **figures}
    assert totals == world.books.as_dict()


def test_an_edition_that_closes_this_moment_has_the_news_in_its_books(sent: House) -> None:
    """Between our read and our write, a tick adds up the ledgers and closes: one of the two begins again."""
    table = sent.table.copy()

    class Racing:
        def __init__(self) -> None:
            self.races = 1

        def __getattr__(self, name: str) -> Any:
            return getattr(table, name)

        def transact(self, writes: Sequence[Write]) -> None:
            if self.races:
                self.races -= 1
                sent.make_dispatcher(table).tick(SLOT)
            table.transact(writes)

    world = World(sent, Racing())
    assert world.record(news(News.BOUNCED)).changed == 1
    edition = world.editions.find(ID)
    assert (edition.state, edition.totals["bounced"], edition.totals["sent"]) == (State.SENT, 1, 9)
    assert edition.totals == world.books.as_dict()


def test_a_worker_at_the_same_ledger_is_no_matter_and_endless_conflicts_end(planned: House) -> None:
    table = planned.table.copy()

    class Busy:
        conflicts = 3

        def __getattr__(self, name: str) -> Any:
            return getattr(table, name)

        def replace(self, *given: Any) -> Any:
            if self.conflicts:
                self.conflicts -= 1
                raise ConflictError("somebody was first")
            return table.replace(*given)

    busy = Busy()
    world = World(planned, busy)
    assert world.record(news(News.DELIVERED)).changed == 1
    busy.conflicts = 10**6
    with pytest.raises(StoreError, match="Try again"):
        world.record(news(News.DELIVERED, 1))


@pytest.mark.parametrize("stray", [
    {"edition": "digest/2020-01-01"}, {"edition": "nowhere/x"}, {"chunk": 2}, {"chunk": 999_999}, {"position": 5},
    {"edition": "a#b/\x00"}, {"edition": "x" * 3000 + "/y"},
])  # fmt: skip
def test_news_of_no_mail_of_ours_is_counted_and_changes_nothing(sent: House, stray: dict[str, Any]) -> None:
    world = World(sent)
    before = world.state()
    assert world.record(news(News.COMPLAINED, **stray)) == Recorded(foreign=1)
    assert world.state() == before


def test_a_mailbox_that_is_gone_is_suppressed_at_once_and_says_why(sent: House) -> None:
    world, heard = World(sent), news(News.BOUNCED, 4, permanent=True)
    assert world.record(heard) == Recorded(changed=1, suppressed=1)
    sid = world.sid(4)
    stop = world.table.get(suppression_key(sid))
    assert (stop.data["reason"], stop.data["note"], stop.data["by"]) == ("bounce", "bounced of it", "ses")
    evidence = world.table.query(f"SUBSCRIBER#{sid}", prefix="CONSENT#").items[-1]
    assert evidence.data["action"] == "suppressed"
    kept = world.table.get(heard_key(heard))
    assert kept.data == {"kind": "bounced", "at": heard.at.isoformat(), "source": "ses", "words": "bounced of it"}
    assert kept.expires == int((NOW + timedelta(days=90)).timestamp())
    assert world.table.get(heard_key(news(News.DELIVERED, 4))) is None, "of what is well nothing is kept"


def test_who_comes_back_is_not_stopped_again_by_the_same_old_mail(sent: House) -> None:
    world, heard = World(sent), news(News.BOUNCED, permanent=True)
    world.record(heard)
    world.suppressions.lift(world.sid(), NOW, why="confirmed anew", by="themselves")
    assert world.record(heard, days=1) == Recorded(same=1)
    assert world.stopped(world.sid()) is None
    assert world.record(news(News.BOUNCED, days=2, permanent=True), days=2).suppressed == 1


def test_a_soft_bounce_makes_nobody_unreachable_and_four_over_two_weeks_do(sent: House) -> None:
    world, sid = World(sent), World(sent).sid()
    for days in (0, 5, 10):
        assert world.record(news(News.BOUNCED, days=days)).suppressed == 0
        assert world.record(news(News.BOUNCED, days=days)).suppressed == 0
    assert (len(world.moments(sid)), world.stopped(sid)) == (3, None)
    assert world.record(news(News.BOUNCED, days=13)).suppressed == 0, "four within two weeks: it may be a holiday"
    assert world.record(news(News.BOUNCED, days=14)).suppressed == 1
    assert (world.stopped(sid), world.moments(sid)) == (Reason.BOUNCE, ())


def test_a_hundred_bounces_on_one_day_are_an_outage(sent: House) -> None:
    world, sid = World(sent), World(sent).sid()
    for number in range(100):
        world.record(news(News.BOUNCED, days=number / 200))
    assert (world.stopped(sid), len(world.moments(sid))) == (None, 16)
    world.record(news(News.BOUNCED, days=20))
    assert world.stopped(sid) is Reason.BOUNCE


def test_a_mail_that_arrives_ends_the_counting_and_one_that_came_back_after_all_does_not(sent: House) -> None:
    world, sid = World(sent), World(sent).sid()
    world.record(news(News.BOUNCED, days=0), news(News.BOUNCED, days=7))
    world.record(news(News.DELIVERED, days=8))  # of the same mail: SES may tell of both
    assert len(world.moments(sid)) == 2
    other = replace(news(News.DELIVERED, days=9), edition="", chunk=-1, position=-1, sid=sid)
    world.record(replace(other, at=SLOT + timedelta(days=3)))
    assert len(world.moments(sid)) == 1, "what came after it counts on"
    world.record(other)
    assert world.table.get(bounces_key(sid)) is None


def test_of_two_deliveries_told_at_once_the_later_one_counts(sent: House) -> None:
    came = [replace(news(News.DELIVERED, days=day), edition="", chunk=-1, position=-1) for day in (6, 1)]
    for order in (came, came[::-1]):
        world = World(sent)
        world.record(news(News.BOUNCED, days=3))
        world.record(*(replace(one, sid=world.sid()) for one in order))
        assert world.moments(world.sid()) == ()


def test_who_complained_of_an_earlier_mail_is_stopped_and_this_one_has_failed(sent: House) -> None:
    world = World(sent)
    assert world.record(news(News.BOUNCED, unwanted=True)) == Recorded(changed=1, suppressed=1)
    assert (world.marks[0], world.stopped(world.sid()), world.moments(world.sid())) == ("b", Reason.COMPLAINT, ())


def test_a_delivered_edition_ends_the_counting(sent: House) -> None:
    world = World(sent)
    sid = world.sid(1)
    notice = replace(news(News.BOUNCED), edition="", chunk=-1, position=-1, sid=sid)
    world.record(notice)
    assert len(world.moments(sid)) == 1
    world.record(news(News.DELIVERED, 1, days=1))
    assert world.moments(sid) == ()


def test_what_a_provider_dropped_says_nothing_of_the_mailbox(sent: House) -> None:
    world = World(sent)
    world.record(news(News.BOUNCED, of_mailbox=False))
    assert (world.marks[0], world.moments(world.sid()), world.stopped(world.sid())) == ("b", (), None)
    assert world.table.get(heard_key(news(News.BOUNCED, of_mailbox=False)))


def test_a_notice_that_bounces_stops_its_person_too(sent: House) -> None:
    world = World(sent)
    sid = world.sid()
    heard = replace(news(News.BOUNCED, permanent=True), edition="", chunk=-1, position=-1, sid=sid)
    assert world.record(heard) == Recorded(same=1, suppressed=1)
    assert world.stopped(sid) is Reason.BOUNCE
    assert world.table.get(Key(f"SUBSCRIBER#{sid}", f"HEARD#{heard.raw_id}"))


def test_of_who_was_erased_meanwhile_nothing_but_the_suppression_is_kept(sent: House) -> None:
    """A full mailbox, one that is gone and a complaint, of a notice and of the edition, told after the erasure."""
    world = World(sent)
    sid, audience = world.sid(), Audience(world.table, SECRETS)
    audience.erase(sid, NOW)
    before = {item.key for item in world.table.everything() if sid in f"{item.key}{item.data}"}
    told = [news(News.BOUNCED, days=day) for day in (0, 5, 10, 15)] + list(FIVE)
    world.record(*told, *(replace(one, edition="", chunk=-1, position=-1, sid=sid) for one in told))
    bearing = [item for item in world.table.everything() if sid in f"{item.key}{item.data}"]
    assert {item.key for item in bearing} == before
    assert world.stopped(sid) is Reason.COMPLAINT


def test_who_complains_after_a_move_is_not_written_to_at_the_new_address_either(sent: House) -> None:
    world = World(sent)
    old, new = world.sid(), sent.audience.sid("elsewhere@example.org")
    moves = Moves(world.table)
    moves.ask(old, new, "elsewhere@example.org", NOW)
    assert moves.confirm(old, new, NOW)
    world.record(news(News.BOUNCED, permanent=True))
    assert (world.stopped(old), world.stopped(new)) == (Reason.BOUNCE, None), "the old mailbox is gone, no more"
    world.record(news(News.COMPLAINED))
    assert (world.stopped(old), world.stopped(new)) == (Reason.COMPLAINT, Reason.COMPLAINT)


def test_where_recipients_are_forgotten_only_the_books_change(closed: House) -> None:
    world = World(closed)
    for number in range(2):
        world.table.delete(world.table.get(Key(f"EDITION#{ID}", f"CHUNK#{number:06d}")))
    assert world.record(news(News.COMPLAINED)) == Recorded(changed=1)
    assert world.editions.find(ID).totals["complained"] == 1


def test_rates_are_told_by_day_as_the_difference_that_was_made(sent: House) -> None:
    world = World(sent)
    world.record(news(News.BOUNCED), news(News.BOUNCED, 1), news(News.COMPLAINED, 2), news(News.DELIVERED, 3))
    assert world.rates == [(ID, "2027-01-05", 2, 1)]
    world.record(news(News.DELIVERED, 4))
    assert len(world.rates) == 1
    world.record(news(News.COMPLAINED))
    assert world.rates[1:] == [(ID, "2027-01-05", -1, 1)]


def test_a_crash_after_any_write_is_mended_by_the_event_when_it_comes_again(closed: House) -> None:
    whole = World(closed)
    whole.record(FIVE[3], FIVE[2])
    for crash in range(1, 8):
        table = closed.table.copy()

        class Dying:
            left = crash

            def __getattr__(self, name: str, table: Any = table) -> Any:
                if name in {"transact", "replace", "insert"}:
                    self.left -= 1
                    if not self.left:
                        raise KeyboardInterrupt
                return getattr(table, name)

        try:
            World(closed, Dying()).record(FIVE[3], FIVE[2])
        except KeyboardInterrupt:
            pass
        else:
            assert crash > 3
        again = World(closed, table)
        again.record(FIVE[3], FIVE[2])
        assert again.state()[:-1] == whole.state()[:-1]
