"""The brake at work: a bad wave stops its edition, a bad week all of them; only a person lets go, and is believed."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.compose.edition import State
from chalicelib.deliver.brake import Figures
from chalicelib.deliver.braking import STANDING
from chalicelib.deliver.course import load_course
from chalicelib.deliver.draining import drain
from chalicelib.deliver.ledger import News
from chalicelib.errors import StoreUnavailableError
from chalicelib.transports import Fate, Mail, Outcome
from tests.deliver.house import ID, House, all_sent
from tests.deliver.watched import UNKNOWN, braking_of, hear, now_of, refusing, watched, watching_of, work
from tests.simulation.world import DIGEST, SITE


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, readers=30)
    made.start()
    yield made
    made.database.close()


def suppressed(house: House) -> dict[str, str]:
    return {one.who: f"{one.reason} {one.by} {one.note}" for one in Suppressions(house.table).all()}


def test_a_bad_list_stops_within_the_wave_and_who_is_gone_is_suppressed(house: House) -> None:
    house.transport.script = refusing(lambda _: True)
    work(house)
    edition = house.edition()
    assert len(house.transport.handed) == 5, "four mails that came back are not enough"
    assert (edition.state, edition.halted, edition.was_sending, edition.halts) == (State.HELD, "brake", True, 1)
    assert edition.why.startswith("the brake: 5 of 5 mails came back (100 %; the limit is 4 %). See where")
    assert f"'sendbrief resume {ID}'" in edition.why
    assert suppressed(house) == {house.sids[one]: f"bounce smtp {UNKNOWN}" for one in house.transport.handed}
    assert house.books().balanced
    work(house)
    assert len(house.transport.handed) == 5


def test_after_a_person_let_it_go_on_only_what_comes_then_counts(house: House) -> None:
    bad: set[str] = set()
    house.transport.script = refusing(lambda _: True)
    watch = watching_of(house)
    work(house, watched(house, watch))
    house.control.resume(ID, now_of(house))
    assert braking_of(house).look(now_of(house)) == []
    assert house.edition().halted == ""
    house.transport.script = refusing(lambda one: len(bad) < 4 and not bad.add(one))  # type: ignore[func-returns-value]
    work(house, watched(house, watch))
    assert (house.edition().state, len(house.transport.handed)) == (State.SENT, 30)
    assert house.edition().totals["failed"] == 9


def test_what_a_process_counted_before_another_ones_stop_is_let_pass_too(house: House) -> None:
    watch, edition = watching_of(house), house.edition()
    four, one = [Outcome(Fate.FAILED, UNKNOWN)] * 4, [Outcome(Fate.FAILED, UNKNOWN)]
    sids = list(house.sids.values())
    assert watch.saw(edition, sids[:4], four) == ""
    braking_of(house).stop(ID, now_of(house), "a look of another process")
    house.control.resume(ID, now_of(house))
    assert watch.saw(house.edition(), sids[4:5], one) == ""
    assert watch.saw(house.edition(), sids[5:9], four).startswith("5 of 5 mails came back")


def test_a_second_stop_needs_as_many_again(house: House) -> None:
    house.transport.script = refusing(lambda _: True)
    for stops in (1, 2):
        work(house)
        assert (house.edition().state, house.edition().halts, len(house.transport.handed)) == (
            State.HELD, stops, 5 * stops,
        )  # fmt: skip
        assert house.edition().why.startswith("the brake: 5 of 5 mails")
        house.control.resume(ID, now_of(house))


def test_refusals_without_a_reason_count_and_suppress_nobody(house: House) -> None:
    house.transport.script = refusing(lambda _: True, "550 not here")
    work(house)
    assert (house.edition().halted, suppressed(house)) == ("brake", {})


def test_a_small_list_is_not_stopped_by_a_few(house: House) -> None:
    bad = list(house.sids)[:4]
    house.transport.script = refusing(bad.__contains__)
    work(house)
    assert house.edition().state is State.SENT
    assert set(suppressed(house)) == {house.sids[one] for one in bad}


def test_what_comes_back_later_stops_it_at_the_next_look(house: House) -> None:
    asyncio.run(house.worker().work(ID, 0))
    asyncio.run(house.worker().work(ID, 1))
    hear(house, ID, 4, News.BOUNCED)
    assert braking_of(house).look(now_of(house)) == []
    hear(house, ID, 1, News.BOUNCED)
    (said,) = braking_of(house).look(now_of(house))
    assert said.startswith(f"{ID} was stopped. the brake: 5 of 10 mails came back (50 %")
    assert house.edition().state is State.HELD
    assert braking_of(house).look(now_of(house)) == []


def test_complaints_stop_it_in_the_middle_of_a_process_s_work(house: House) -> None:
    """The look is once a minute: here each wave takes one."""

    async def told(mails: Sequence[Mail]) -> list[Outcome]:
        house.passed += 60
        if len(house.transport.handed) == 9:
            hear(house, ID, 3, News.COMPLAINED, "abuse")
        return await all_sent(mails)

    house.transport.script = told
    work(house)
    assert len(house.transport.handed) == 10
    assert "3 of 9 mails were called spam" in house.edition().why


def test_a_process_looks_once_a_minute_and_no_more(house: House) -> None:
    looks = list[float]()
    braking = braking_of(house)
    look = braking.look
    braking.look = lambda now: looks.append(now.timestamp()) or look(now)  # type: ignore[method-assign,func-returns-value]
    watch = watching_of(house, braking)
    for seconds in (0, 30, 59, 60, 61, 119, 120):
        house.passed = float(seconds)
        assert watch.saw(house.edition(), [], []) == ""
    assert [moment - looks[0] for moment in looks] == [0, 60, 120]


def test_of_many_processes_one_looks(house: House) -> None:
    looks = list[float]()
    braking = braking_of(house)
    look = braking.look
    braking.look = lambda now: looks.append(house.passed) or look(now)  # type: ignore[method-assign,func-returns-value]
    functions = [watching_of(house, braking) for _ in range(3)]
    for seconds in range(0, 180, 5):
        house.passed = float(seconds)
        assert [watch.saw(house.edition(), [], []) for watch in functions] == [""] * 3
    assert looks == [0, 60, 120]


@pytest.mark.parametrize(("chunks", "seconds"), [(2, 60), (2000, 60), (20_000, 600)])
def test_the_many_ledgers_of_a_large_edition_are_read_less_often(house: House, chunks: int, seconds: int) -> None:
    braking, edition = braking_of(house), replace(house.edition(), chunks=chunks)
    assert braking.is_due(edition, now_of(house)), "nobody ever looked"
    braking.look(now_of(house))
    for passed, due in ((0, False), (seconds - 1, False), (seconds, True)):
        house.passed = float(passed)
        assert braking.is_due(edition, now_of(house)) is due, passed


def test_a_store_that_fails_costs_no_outcome(house: House) -> None:
    class Down(Suppressions):
        def add(self, *_: object, **__: object) -> bool:
            raise StoreUnavailableError("locked")

    watch = watching_of(house)
    watch.suppressions = Down(house.table)
    house.transport.script = refusing(lambda _: True)
    work(house, watched(house, watch))
    assert (house.edition().halted, house.books().in_doubt, house.books().failed) == ("brake", 0, 5)


def test_the_provider_s_word_stops_every_edition(house: House) -> None:
    (said,) = braking_of(house, lambda: "SES has paused this account.").look(now_of(house))
    assert said == f"{ID} was stopped. SES has paused this account."
    assert (house.edition().halted, house.edition().why) == ("provider", "SES has paused this account.")


TWO = replace(SITE, newsletters={"digest": DIGEST, "news": replace(DIGEST, name="news")})


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[House]:
    """Two newsletters: of the first an edition is sent, of the second one is being sent."""
    made = House(tmp_path, readers=60)
    made.start()
    asyncio.run(drain(made.queue, made.worker()))
    made.dispatcher.tick(now_of(made))
    made.site = TWO
    made.dispatcher = made.make_dispatcher()
    source = made.edition()
    other = replace(
        source,
        newsletter="news",
        state=State.APPROVED,
        item=None,
        totals={},
        planned=None,
        chunks=0,
        cursor="",
        queued=0.0,
    )
    made.dispatcher.editions.claim_slot(other)
    yield made
    made.database.close()


NEWS = "news/2026-11-26"


def second_sending(pair: House, slot: str = "2026-11-26") -> str:
    """An edition with nobody in it yet, as while it is being planned."""
    editions = pair.dispatcher.editions
    edition = editions.find(f"news/{slot}")
    moved = editions.move(edition, State.SENDING, now_of(pair))
    editions.change(moved, planned=5, chunks=1, queued=1.0)
    return edition.id


def test_a_bad_week_stops_every_edition_and_later_ones_until_a_person_acts(pair: House) -> None:
    hear(pair, ID, 5, News.BOUNCED)
    first = pair.edition()
    pair.dispatcher.editions.change(first, totals={**first.totals, "bounced": 5, "failed": 5, "sent": 55})
    braking = braking_of(pair)
    assert braking.look(now_of(pair)) == [], "nothing is being sent"
    assert pair.table.get(STANDING) is None, "a week that nobody sends in passes by itself"
    second_sending(pair)
    (said,) = braking.look(now_of(pair))
    assert said.startswith(f"{NEWS} was stopped. the brake: in all editions of the last 7 days 5 of 60 mails came back")
    assert pair.table.get(STANDING)
    later = replace(pair.edition(NEWS), slot="2026-12-03", state=State.SENDING, halted="", halts=0, item=None)
    pair.dispatcher.editions.claim_slot(later)
    assert [words[:24] for words in braking.look(now_of(pair))] == ["news/2026-12-03 was stop"]
    pair.control.resume(NEWS, now_of(pair))
    assert braking.look(now_of(pair)) == []
    assert (pair.table.get(STANDING), pair.edition(NEWS).state) == (None, State.SENDING)
    pair.control.resume("news/2026-12-03", now_of(pair))
    assert braking.look(now_of(pair)) == [], "what was let pass once is let pass for all"
    assert load_course(pair.table, ID).base == Figures(60, 5, 0)


def test_what_is_older_than_a_week_is_past(pair: House) -> None:
    first = pair.edition()
    pair.dispatcher.editions.change(first, totals={**first.totals, "bounced": 5, "failed": 5, "sent": 55})
    pair.passed += timedelta(days=7, minutes=1).total_seconds()
    second_sending(pair)
    assert braking_of(pair).look(now_of(pair)) == []


def test_a_cancelled_edition_is_no_word_to_go_on(pair: House) -> None:
    first = pair.edition()
    pair.dispatcher.editions.change(first, totals={**first.totals, "bounced": 5, "failed": 5, "sent": 55})
    second_sending(pair)
    braking = braking_of(pair)
    assert len(braking.look(now_of(pair))) == 1
    pair.control.cancel(NEWS, now_of(pair))
    braking.look(now_of(pair))
    assert pair.table.get(STANDING)


def test_a_clear_refusal_is_a_bounce_to_the_person(house: House) -> None:
    house.transport.script = refusing(lambda one: one == "reader3@example.org")
    work(house)
    (found,) = Suppressions(house.table).all()
    assert (found.who, found.reason) == (house.sids["reader3@example.org"], Reason.BOUNCE)
