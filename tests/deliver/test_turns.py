"""Whose turn it is: a worker waits a little, comes again later, and says why it stands still."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.content.sending import DomainCap, Pace
from chalicelib.deliver.draining import drain, later_seconds
from chalicelib.deliver.pacing import Pacing
from chalicelib.deliver.turns import Turns
from chalicelib.deliver.worker import MARGIN_SECONDS, Ended
from chalicelib.transports import Fate, Mail, Outcome
from tests.deliver.house import ID, House, all_sent
from tests.simulation.world import SLOT


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.start()
    return made


def paced(house: House, **pace: Any) -> Turns:
    return Turns(Pacing(house.table, "scripted", Pace(**pace), wave=2))


def test_a_worker_waits_for_its_turn_and_keeps_to_the_pace(house: House) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        house.passed += seconds

    handed: list[float] = []

    async def script(mails: Sequence[Mail]) -> list[Outcome]:
        handed.extend([house.passed] * len(mails))
        return await all_sent(mails)

    house.transport.script = script
    worker = house.worker(turns=paced(house, per_second=2.0), sleep=sleep)
    assert asyncio.run(worker.work(ID, 0)).ended is Ended.DONE
    assert asyncio.run(worker.work(ID, 1)).ended is Ended.DONE
    assert slept
    assert all(sum(start <= moment < start + 1 for moment in handed) <= 2 for start in handed)
    assert house.books().sent == 10


def test_an_outcome_is_on_record_before_a_worker_sleeps(house: House) -> None:
    marks: list[str] = []

    async def sleep(seconds: float) -> None:
        marks.append(house.marks()[:5])
        house.passed += seconds

    asyncio.run(house.worker(turns=paced(house, per_second=2.0), sleep=sleep).work(ID, 0))
    assert marks[0] in {"ppppp", "ssppp"}
    assert not any("w" in seen for seen in marks), "nothing is in the air while a worker sleeps"


def test_a_pace_slower_than_ones_patience_is_kept_all_the_same(house: House) -> None:
    """Two workers that would rather come back than wait: were turns reserved and left, nobody would ever have one."""
    turns = [replace(paced(house, per_second=0.5), patience=1.0) for _ in range(2)]
    began = house.passed
    while house.books().pending and house.passed < began + 100:
        for one in turns:
            asyncio.run(drain(house.queue, house.worker(turns=one), wall=house.wall))
        house.passed += 2
    assert house.books().sent == 10
    assert house.passed - began < 10 * 2 * 1.5, "ten mails, one in two seconds"
    house.dispatcher.tick(SLOT)
    assert house.queue.receive() == []


def test_a_turn_that_is_far_away_sends_the_chunk_back_and_is_no_failed_try(house: House) -> None:
    turns = paced(house, per_day=4)
    for _ in range(5):
        drained = asyncio.run(drain(house.queue, house.worker(turns=turns), wall=house.wall))
        assert drained.left == []
        house.passed += 901
    assert house.books().sent == 4
    assert house.books().pending == 6
    assert house.edition().waits.startswith("the day's quota of 4 mails is used up: goes on at ")
    assert house.queue.dead() == []
    house.passed += 86_400
    while house.books().pending:
        asyncio.run(drain(house.queue, house.worker(turns=turns), wall=house.wall))
        house.passed += 43_200
    assert house.books().sent == 10
    assert house.edition().waits == "", "it moves again"


def test_a_pause_while_a_worker_waits_holds_before_the_next_mail(house: House) -> None:
    async def sleep(_seconds: float) -> None:
        if house.edition().state is State.SENDING:
            house.control.pause(ID, SLOT)

    worker = house.worker(turns=paced(house, per_second=1.0), sleep=sleep)
    assert asyncio.run(worker.work(ID, 0)).ended is Ended.STOPPED
    assert len(house.transport.handed) <= 1


def test_who_is_skipped_takes_nothing_from_the_day(house: House) -> None:
    for address in list(house.sids)[:8]:
        house.audience.leave(house.sids[address], "digest", SLOT, "a test")
    turns = paced(house, per_day=2)
    asyncio.run(drain(house.queue, house.worker(turns=turns), wall=house.wall))
    assert house.books().sent == 2, "the eight who left took nothing"


def test_mails_beyond_a_domains_cap_wait_and_the_others_go(house: House) -> None:
    for n in range(3):
        house.subscribe(f"other{n}@example.com")
    cap = DomainCap(("example.org",), per_hour=4)
    turns = paced(house, caps={"example.org": cap})
    house.control.cancel(ID, SLOT)
    house.keep(7, 8)
    house.composer.tick(SLOT + timedelta(days=6))
    later = SLOT + timedelta(days=7)
    house.composer.tick(later)
    house.passed += 7 * 86_400
    house.dispatcher.tick(later)
    edition = "digest/2026-12-03"
    asyncio.run(drain(house.queue, house.worker(turns=turns), wall=house.wall))
    books = house.books(edition)
    assert (books.sent, books.deferred, books.pending) == (7, 6, 0)
    assert sum(address.endswith("example.org") for address in house.transport.handed) == 4
    reasons = {d.reason for _, held in house.dispatcher.chunks.ledgers(edition) for d in held.ledger.details.values()}
    assert reasons == {"example.org takes 4 an hour from us"}
    house.passed += 3700
    house.dispatcher.tick(later + timedelta(seconds=3700))
    asyncio.run(drain(house.queue, house.worker(turns=turns), wall=house.wall))
    assert (house.books(edition).sent, house.books(edition).deferred) == (11, 2)


def test_quiet_hours_hold_and_say_until_when(house: House) -> None:
    def quiet(_edition: Edition, now: datetime) -> datetime | None:
        return SLOT + timedelta(hours=9) if now < SLOT + timedelta(hours=9) else None

    worker = house.worker(turns=Turns(quiet=quiet))
    work = asyncio.run(worker.work(ID, 0))
    assert (work.ended, work.until - house.wall()) == (Ended.LATER, 9 * 3600)
    assert house.edition().waits == f"quiet hours until {SLOT + timedelta(hours=9):%H:%M}"
    assert house.transport.handed == []
    house.passed += 9 * 3600
    assert asyncio.run(worker.work(ID, 0)).ended is Ended.DONE
    assert house.edition().waits == ""


def test_a_function_near_its_end_begins_no_wave_and_loses_nothing(house: House) -> None:
    left = iter([MARGIN_SECONDS + 5, MARGIN_SECONDS + 1] + [MARGIN_SECONDS - 1] * 9)
    work = asyncio.run(house.worker(time_left=lambda: next(left)).work(ID, 0))
    assert (work.ended, len(house.transport.handed)) == (Ended.LATER, 2)
    assert house.marks()[:5] == "ssppp"
    asyncio.run(drain(house.queue, house.worker()))
    assert house.books().sent == 10


def test_a_provider_that_stops_the_account_holds_the_edition_with_its_words(house: House) -> None:
    class Stopped(type(house.transport)):  # type: ignore[misc]
        stopped = ""

    transport = Stopped()

    async def script(mails: Sequence[Mail]) -> list[Outcome]:
        transport.stopped = "SES has suspended this account"
        return [Outcome(Fate.SENT), Outcome(Fate.DEFERRED, "suspended")][: len(mails)]

    transport.script = script
    assert asyncio.run(house.worker(transport=transport).work(ID, 0)).ended is Ended.STOPPED
    edition = house.edition()
    assert (edition.state, edition.why, edition.was_sending) == (State.HELD, "SES has suspended this account", True)
    assert house.marks()[:5] == "sdppp"


def test_a_used_up_quota_of_the_provider_rests_the_whole_process(house: House) -> None:
    class Used(type(house.transport)):  # type: ignore[misc]
        quota_used = True

    turns = Turns()
    work = asyncio.run(house.worker(transport=Used(), turns=turns).work(ID, 0))
    assert (work.ended, work.why) == (Ended.LATER, "the provider says that the day's quota is used up")
    assert asyncio.run(house.worker(transport=Used(), turns=turns).work(ID, 1)).ended is Ended.LATER
    assert house.books().sent == 2
    house.passed += 1801
    assert turns.reserve(5, house.wall()).count == 5


class Watching:
    """Stops an edition after some mails."""

    def __init__(self, after: int) -> None:
        self.seen: list[str] = []
        self._after = after

    def saw(self, edition: Edition, sids: Sequence[str], outcomes: Sequence[Outcome]) -> str:
        assert edition.id == ID
        assert len(sids) == len(outcomes)
        self.seen += sids
        return "too many came back" if len(self.seen) >= self._after else ""


def test_the_brake_stops_every_worker_within_one_wave(house: House) -> None:
    watch = Watching(4)
    drained = asyncio.run(drain(house.queue, house.worker(watch=watch), at_once=2))
    assert drained.chunks == 0
    assert house.edition().state is State.HELD
    assert len(house.transport.handed) <= 6
    assert sorted(watch.seen) == sorted(house.sids[address] for address in house.transport.handed)
    assert house.books().sent == len(house.transport.handed)


def test_several_chunks_at_once_send_each_mail_once(tmp_path: Path) -> None:
    house = House(tmp_path, readers=40)
    house.start()
    together, most = 0, 0

    async def script(mails: Sequence[Mail]) -> list[Outcome]:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await asyncio.sleep(0)
        together -= 1
        return await all_sent(mails)

    house.transport.script = script
    drained = asyncio.run(drain(house.queue, house.worker(), at_once=4))
    assert (drained.chunks, most) == (8, 4)
    assert sorted(house.transport.handed) == sorted(house.sids)


@pytest.mark.parametrize(("wait", "delay"), [(-5, 1), (0.2, 1), (61.5, 62), (86_400, 900)])
def test_a_queue_hides_a_chunk_for_a_quarter_of_an_hour_at_most(wait: float, delay: int) -> None:
    assert later_seconds(wait) == delay


def test_unlimited_turns_cost_nothing(house: House) -> None:
    assert replace(Turns()).allow({"example.org": 5}, 0.0) == {}
    assert (Turns().reserve(50, 7.0).count, Turns().reserve(50, 7.0).start) == (50, 7.0)
