"""Claim, wave, record: who gets what when workers meet, stall, lose the provider, or are told to stop."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.choices import Choices, Wishes
from chalicelib.audience.tokens import PreferencesTokens, UnsubscribeTokens
from chalicelib.compose.edition import State
from chalicelib.deliver.books import Books
from chalicelib.deliver.dispatcher import Dispatcher, most_queued
from chalicelib.deliver.draining import drain
from chalicelib.deliver.ledger import News
from chalicelib.deliver.worker import Ended, Work
from chalicelib.errors import (
    ConfigurationError,
    SendbriefError,
    StoreError,
    StoreUnavailableError,
    TransportUnavailableError,
)
from chalicelib.transports import Fate, Mail, Outcome
from tests.deliver.house import ID, House, Scripted, all_sent
from tests.simulation.world import MONDAY, SECRETS, SLOT


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.start()
    yield made
    made.database.close()


def test_one_machine_sends_all_and_closes_the_books(house: House) -> None:
    assert house.edition().planned == 10
    drained = asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT)
    assert (drained.chunks, sorted(house.transport.handed)) == (2, sorted(house.sids))
    assert house.edition().state is State.SENT
    assert house.edition().totals["sent"] == 10
    assert house.queue.receive() == []


def test_every_mail_leads_its_reader_alone_to_what_they_may_choose(house: House) -> None:
    mails: list[Mail] = []

    async def keep(wave: Sequence[Mail]) -> list[Outcome]:
        mails.extend(wave)
        return await all_sent(wave)

    house.transport.script = keep
    asyncio.run(drain(house.queue, house.worker()))
    assert len(mails) == 10
    for mail in mails:
        for kind in ("html", "plain"):
            part = message_from_bytes(mail.content, policy=policy.default).get_body((kind,))
            assert part is not None
            links = dict(re.findall(r"https://news\.example\.org/([up])/([\w.-]+)", part.get_content()))
            whose = house.sids[mail.recipient], "digest"
            assert PreferencesTokens(SECRETS).read(links["p"], SLOT) == whose
            assert UnsubscribeTokens(SECRETS).read(links["u"]) == whose


def test_two_workers_at_once_on_one_chunk_hand_over_once(house: House) -> None:
    async def slow(mails: Sequence[Mail]) -> list[Outcome]:
        await asyncio.sleep(0.01)
        return await all_sent(mails)

    async def both() -> tuple[Work, ...]:
        house.transport.script = slow
        house.living.add("other")
        return await asyncio.gather(house.worker().work(ID, 0), house.worker("other").work(ID, 0))

    assert sorted(work.ended for work in asyncio.run(both())) == [Ended.DONE, Ended.LOST]
    assert len(house.transport.handed) == len(set(house.transport.handed)) == 5


def test_a_process_that_works_twice_on_a_chunk_loses_to_itself(house: House) -> None:
    async def slow(mails: Sequence[Mail]) -> list[Outcome]:
        await asyncio.sleep(0.01)
        house.passed += 400  # the lease runs out, and the process lives
        return await all_sent(mails)

    async def both() -> None:
        house.transport.script = slow
        await asyncio.gather(*(house.worker().work(ID, 0) for _ in range(3)))

    asyncio.run(both())
    asyncio.run(house.worker().work(ID, 0))
    assert len(house.transport.handed) == len(set(house.transport.handed))
    assert house.books().balanced


@pytest.mark.parametrize("trouble", [None, TransportUnavailableError("the provider went away")])
def test_a_stalled_worker_that_wakes_after_its_lease_neither_resends_nor_undoes(
    house: House, trouble: SendbriefError | None
) -> None:
    """The second worker dies in mid-wave: what it had in flight must not become pending by the first one's doing."""
    second = Scripted()

    class Dead(BaseException):
        pass

    async def dies(mails: Sequence[Mail]) -> list[Outcome]:
        second.handed += [mail.recipient for mail in mails]
        raise Dead

    async def stalls(mails: Sequence[Mail]) -> list[Outcome]:
        house.passed += 301
        house.living.add("second")
        second.script = dies
        with pytest.raises(Dead):
            await house.worker("second", second).work(ID, 0)
        if trouble:
            raise trouble
        return await all_sent(mails)

    house.transport.script = stalls
    assert asyncio.run(house.worker().work(ID, 0)).ended is Ended.LOST
    first = list(house.transport.handed)
    house.living.discard("second")
    third = Scripted()
    asyncio.run(house.worker("third", third).work(ID, 0))
    got = first + second.handed + third.handed
    assert len(got) == len(set(got))
    assert house.marks()[:5] == "????s"


def test_news_that_comes_in_the_moment_of_a_claim_leaves_the_chunk_to_its_claimer(house: House) -> None:
    """Else its message would be given up with nobody at work, and the chunk stand still until it is queued again."""
    chunks = house.dispatcher.chunks
    replace_item, news = house.table.replace, [News.BOUNCED]

    def told_first(*values: Any) -> Any:
        while news:
            held = chunks.ledger(ID, 0)
            chunks.write_ledger(held, held.ledger.heard(0, news.pop()))
        return replace_item(*values)

    house.table.replace = told_first
    assert asyncio.run(house.worker().work(ID, 0)) == Work(Ended.DONE)
    assert (house.marks()[:5], len(house.transport.handed)) == ("bssss", 4)


def test_a_dead_owners_lease_holds_nobody_up(house: House) -> None:
    chunks = house.dispatcher.chunks
    held = chunks.ledger(ID, 0)
    chunks.write_ledger(held, held.ledger.claim("dead#1", house.wall() + 300, 0).begin([0, 1], {}, house.wall() + 300))
    assert asyncio.run(house.worker().work(ID, 0)).ended is Ended.DONE
    assert house.marks()[:5] == "??sss"


@pytest.mark.parametrize("error", [TransportUnavailableError("down"), ConfigurationError("bad password")])
def test_a_provider_that_is_away_undoes_the_wave_and_gives_the_message_back(
    house: House, error: SendbriefError
) -> None:
    async def second_wave_fails(mails: Sequence[Mail]) -> list[Outcome]:
        if house.transport.handed:
            raise error
        return await all_sent(mails)

    house.transport.script = second_wave_fails
    drained = asyncio.run(drain(house.queue, house.worker()))
    assert error.message in drained.trouble
    assert house.marks().count("s") == 2
    assert house.marks().count("p") == 8
    house.transport.script = all_sent
    assert not asyncio.run(drain(house.queue, house.worker())).trouble
    house.dispatcher.tick(SLOT)
    assert (house.edition().state, len(house.transport.handed)) == (State.SENT, 10)


@pytest.mark.parametrize("answers", [0, 1, 3])
def test_an_answer_for_fewer_or_more_mails_leaves_the_wave_in_doubt(house: House, answers: int) -> None:
    async def misaligned(mails: Sequence[Mail]) -> list[Outcome]:
        return [Outcome(Fate.SENT)] * answers

    house.transport.script = misaligned
    asyncio.run(house.worker().work(ID, 0))
    assert house.marks()[:5] == "????" + ("s" if answers == 1 else "?")


def test_a_pause_stops_after_the_wave_in_flight_and_resuming_sends_the_rest(house: House) -> None:
    async def pauses(mails: Sequence[Mail]) -> list[Outcome]:
        house.control.pause(ID, SLOT)
        return await all_sent(mails)

    house.transport.script = pauses
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT)
    assert (len(house.transport.handed), house.edition().state) == (2, State.HELD)
    assert "approve" not in house.edition().why
    house.transport.script = all_sent
    house.control.resume(ID, SLOT)
    house.dispatcher.tick(SLOT)
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT)
    assert (sorted(house.transport.handed), house.edition().state) == (sorted(house.sids), State.SENT)


def test_cancelling_in_mid_send_skips_the_rest_and_records_the_wave_in_flight(house: House) -> None:
    async def cancels(mails: Sequence[Mail]) -> list[Outcome]:
        house.control.cancel(ID, SLOT)
        house.dispatcher.tick(SLOT)
        assert not house.edition().totals, "the books stay open while a wave is in the air"
        return await all_sent(mails)

    house.transport.script = cancels
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT)
    assert house.edition().totals == Books(planned=10, sent=2, skipped=8).as_dict()
    assert house.edition().claims_entries, "some have read them"


def test_a_cancelled_edition_whose_worker_died_is_closed_with_its_wave_in_doubt(house: House) -> None:
    chunks = house.dispatcher.chunks
    held = chunks.ledger(ID, 0)
    chunks.write_ledger(held, held.ledger.claim("dead#1", house.wall() + 300, 0).begin([0, 1], {}, house.wall() + 300))
    house.control.cancel(ID, SLOT)
    house.dispatcher.tick(SLOT)
    assert not house.edition().totals
    house.passed += 301
    house.dispatcher.tick(SLOT)
    assert (house.edition().totals["in_doubt"], house.edition().totals["skipped"]) == (2, 8)


def test_who_leaves_or_is_suppressed_in_mid_send_is_skipped_from_the_next_wave_on(house: House) -> None:
    order = [r.sid for r in house.dispatcher.chunks.recipients(ID, 0)]

    async def others_leave(mails: Sequence[Mail]) -> list[Outcome]:
        house.audience.leave(order[2], "digest", SLOT, "a test")
        house.audience.suppress(order[4], "complaint", SLOT)
        return await all_sent(mails)

    house.transport.script = others_leave
    asyncio.run(house.worker().work(ID, 0))
    assert house.marks()[:5] == "ssksk"
    details = house.dispatcher.chunks.ledger(ID, 0).ledger.details
    assert "unsubscribed" in details[2].reason
    assert "complaint" in details[4].reason


def test_who_pauses_is_skipped_until_the_day_they_named(house: House) -> None:
    order = [r.sid for r in house.dispatcher.chunks.recipients(ID, 0)]
    day = SLOT.astimezone(house.site.time_zone).date()
    for place, until in ((0, day), (1, day + timedelta(days=1))):
        wishes = Wishes({"digest": Choices()}, "en", "", until.isoformat())
        assert house.audience.arrange(order[place], wishes, ["digest"], SLOT, "a test")
    asyncio.run(house.worker().work(ID, 0))
    assert house.marks()[:5] == "sksss"
    assert house.dispatcher.chunks.ledger(ID, 0).ledger.details[1].reason == f"paused until {day + timedelta(days=1)}"


def test_deferred_mails_go_out_at_a_later_tick(house: House) -> None:
    async def busy(mails: Sequence[Mail]) -> list[Outcome]:
        return [Outcome(Fate.DEFERRED, f"450 <{mails[0].recipient.upper()}> try later") for _ in mails]

    house.transport.script = busy
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT)
    assert house.marks() == "d" * 10
    assert house.queue.receive() == [], "not yet"
    house.transport.script, house.passed = all_sent, 400.0
    house.transport.handed.clear()
    house.dispatcher.tick(SLOT + timedelta(seconds=400))
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT + timedelta(seconds=400))
    assert (house.edition().state, sorted(house.transport.handed)) == (State.SENT, sorted(house.sids))


def test_the_ledger_keeps_no_address_that_a_provider_repeats(house: House) -> None:
    async def refuses(mails: Sequence[Mail]) -> list[Outcome]:
        return [Outcome(Fate.FAILED, f"550 5.1.1 <{mail.recipient.upper()}> unknown") for mail in mails]

    house.transport.script = refuses
    asyncio.run(house.worker().work(ID, 0))
    details = house.dispatcher.chunks.ledger(ID, 0).ledger.details
    assert details[0].reason == "550 5.1.1 <the recipient> unknown"


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", "nonsense", '{"edition": "x"}', '{"edition": "digest/2026-11-26", "chunk": 99}', "null",
     '{"edition": "no/such", "chunk": 0}', '{"edition": "a", "chunk": Infinity}', "[" * 5000, '{"chunk": []}'],
)  # fmt: skip
def test_a_poisonous_message_becomes_a_dead_letter_and_stops_nobody(house: House, body: str) -> None:
    house.queue.send([body or " "])
    for _ in range(4):
        drained = asyncio.run(drain(house.queue, house.worker()))
        house.passed += 61
        assert not drained.trouble
    assert house.queue.dead() == [body or " "]
    assert len(house.transport.handed) == 10


@pytest.mark.parametrize("damage", ["another format", "torn", "gone"])
def test_a_letter_that_cannot_be_read_skips_nobody(house: House, damage: str) -> None:
    names = house.blobs.names(f"editions/{ID}/letter-")
    kept = {name: house.blobs.get(name) or b"" for name in names}
    for name, raw in kept.items():
        if damage == "gone":
            house.blobs.delete(name)
        else:
            house.blobs.put(name, raw.replace(b'"format"', b'"xformat"') if damage == "torn" else b'{"format": 99}')
    drained = asyncio.run(drain(house.queue, house.worker()))
    assert (len(drained.left), house.marks()) == (2, "p" * 10)
    for name, raw in kept.items():
        house.blobs.put(name, raw)
    house.passed += 61
    asyncio.run(drain(house.queue, house.worker()))
    assert house.marks() == "s" * 10


class Failing:
    """A queue that is away from a call of ``receive`` on."""

    def __init__(self, queue: Any, after: int) -> None:
        self._queue, self._after = queue, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def receive(self, *values: Any, **named: Any) -> Any:
        self._after -= 1
        if self._after < 0:
            raise StoreUnavailableError("The queue is away.", "Try again.")
        return self._queue.receive(*values, **named)


def test_where_one_worker_fails_the_others_end_what_they_have_begun(house: House) -> None:
    async def slow(mails: Sequence[Mail]) -> list[Outcome]:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return await all_sent(mails)

    house.transport.script = slow
    with pytest.raises(StoreUnavailableError, match="away"):
        asyncio.run(drain(Failing(house.queue, 1), house.worker(), at_once=3))
    assert house.marks() == "s" * 5 + "p" * 5, "nobody is in doubt, and nothing new was begun"


def test_a_lost_message_is_queued_again_after_a_while(house: House) -> None:
    house.queue.delete(house.queue.receive()[0])
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT)
    assert house.queue.receive() == []
    house.passed += 901
    house.dispatcher.tick(SLOT)
    asyncio.run(drain(house.queue, house.worker()))
    assert house.marks() == "s" * 10


def test_no_more_chunks_lie_in_the_queue_than_the_pace_uses_up(tmp_path: Path) -> None:
    house = House(tmp_path, readers=23)

    def tick() -> list[int]:
        Dispatcher(
            house.site, house.table, house.blobs, house.queue, wall=house.wall, chunk_size=5, most_queued=lambda: 2
        ).tick(SLOT)
        return [json.loads(body)["chunk"] for body in house.queue.peek()]

    house.composer.tick(MONDAY)
    house.composer.tick(SLOT)
    assert tick() == [0, 1]
    assert tick() == [0, 1], "a tick more makes no message more"
    house.queue.delete(house.queue.receive()[0])  # lost
    house.passed += 901
    assert Counter(tick()) == {0: 1, 1: 2}, "overdue ones come again, and no new ones with them"
    asyncio.run(drain(house.queue, house.worker()))
    assert house.marks() == "s" * 10 + "p" * 13
    assert tick() == [2, 3]
    asyncio.run(drain(house.queue, house.worker()))
    assert tick() == [4]
    asyncio.run(drain(house.queue, house.worker()))
    tick()
    assert house.edition().state is State.SENT
    house.database.close()


@pytest.mark.parametrize(("per_second", "most"), [(None, None), (14.0, 36), (1000.0, 1810), (0.1, 11)])
def test_a_pace_says_how_many_chunks_wait(per_second: float | None, most: int | None) -> None:
    assert most_queued(per_second) == most


def test_an_edition_that_cannot_go_on_does_not_stop_the_others(house: House) -> None:
    broken = replace(
        house.edition(), slot="2026-11-19", item=None, planned=None, content="editions/gone.json", chunks=0
    )
    house.dispatcher.editions.claim_slot(broken)
    troubles: list[str] = []
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT, troubles)
    house.dispatcher.tick(SLOT, troubles)
    assert house.edition().state is State.SENT
    assert len(troubles) == 1
    assert "digest/2026-11-19" in troubles[0]
    with pytest.raises(StoreError, match="missing"):
        house.dispatcher.tick(SLOT)


def test_books_that_do_not_balance_are_refused(house: House) -> None:
    house.dispatcher.editions.change(house.edition(), planned=11)
    with pytest.raises(StoreError, match="don't balance"):
        house.books()
    with pytest.raises(StoreError, match="don't balance"):
        house.dispatcher.tick(SLOT)
