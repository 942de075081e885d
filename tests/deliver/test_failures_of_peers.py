"""How other newsletter systems failed their readers, situation by situation, and what happens here in each.

The numbers are those of a list of such failures; public reports of them are named where there are any.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import Basis
from chalicelib.audience.tokens import UnsubscribeTokens
from chalicelib.compose.edition import State
from chalicelib.content.values import Newsletter
from chalicelib.deliver.books import Books
from chalicelib.deliver.draining import drain
from chalicelib.deliver.pausing import pause
from chalicelib.errors import TransportUnavailableError
from chalicelib.render.notices import Kind
from chalicelib.transports import Fate, Mail, Outcome
from tests.deliver.house import ID, House, Scripted, all_sent
from tests.deliver.test_notices import Office
from tests.deliver.watched import refusing, watched
from tests.simulation.ground import DIGEST, SITE
from tests.simulation.world import MONDAY, SECRETS, SLOT


class Killed(BaseException):
    """The process is gone, without a word."""


def killed_after(waves: int, transport: Scripted) -> Scripted:
    """A transport whose process dies at a wave that was handed over, before its outcome is on record."""

    async def script(mails: Sequence[Mail]) -> list[Outcome]:
        nonlocal waves
        waves -= 1
        if waves < 0:
            transport.handed += [mail.recipient for mail in mails]
            raise Killed
        return await all_sent(mails)

    transport.script = script
    return transport


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.start()
    yield made
    made.database.close()


def go_on(house: House, owner: str = "me") -> None:
    """What the next tick of a process does."""
    house.living.add(owner)
    house.dispatcher.tick(SLOT)
    asyncio.run(drain(house.queue, house.worker(owner)))
    house.dispatcher.tick(SLOT)


def die(house: House, waves: int, owner: str = "me") -> None:
    """A process sends some waves, dies in the air with the next one, and is known to be dead."""
    with pytest.raises(Killed):
        asyncio.run(drain(house.queue, house.worker(owner, killed_after(waves, house.transport))))
    house.living.discard(owner)
    house.transport.script = all_sent
    house.passed += 1000


@pytest.mark.parametrize("waves", range(5))
def test_t1_a_resumed_edition_goes_again_to_nobody_and_lacks_nobody(house: House, waves: int) -> None:
    """Elsewhere resuming sent all of it again, some people five times (listmonk#2313), or never to one of them."""
    die(house, waves)
    for number in range(3):
        go_on(house, f"process{number}")
        if house.edition().state is State.SENDING:
            house.control.pause(ID, SLOT)
            house.control.resume(ID, SLOT)
    assert sorted(house.transport.handed) == sorted(house.sids), "each once, the wave that was in the air too"
    doubt = house.marks().count("?")
    assert (house.edition().state, doubt) == (State.SENT, 2 if waves % 3 < 2 else 1)
    assert house.books() == Books(planned=10, sent=10 - doubt, in_doubt=doubt)


def test_t2_after_a_restart_nothing_is_finished_before_the_last_address(house: House) -> None:
    """Elsewhere a restart in mid-send ended in "finished", with 5,258 of 5,601 sent (listmonk#2168)."""
    die(house, 1)
    for _ in range(3):
        house.dispatcher.tick(SLOT)
        assert (house.edition().state, house.edition().totals) == (State.SENDING, {})
        assert (house.books().sent, house.books().pending) == (2, 8)
    go_on(house, "next")
    assert house.edition().state is State.SENT
    assert house.books().planned == sum(house.marks().count(mark) for mark in "s?") == 10


def test_t3_a_sender_that_dies_is_followed_and_none_is_mailed_again(house: House) -> None:
    """Elsewhere who died in the loop over subscribers was never followed, or mailed everybody from the beginning."""
    for number in range(4):
        house.living.add(f"process{number}")
        house.dispatcher.tick(SLOT)
        if house.marks().count("p"):
            die(house, 0, f"process{number}")
    go_on(house, "last")
    assert Counter(house.transport.handed) == Counter(house.sids.keys())
    assert house.edition().state is State.SENT
    assert house.books().in_doubt == 8, "a wave of each that died; the fifth went through"


def test_t4_triggers_that_overlap_send_once(house: House) -> None:
    """Elsewhere two cron jobs at once sent everything twice (mautic#2215)."""

    async def slow(mails: Sequence[Mail]) -> list[Outcome]:
        await asyncio.sleep(0)
        return await all_sent(mails)

    async def at_once() -> None:
        house.transport.script = slow
        workers = [house.worker(f"process{number}") for number in range(4)]
        house.living.update(f"process{number}" for number in range(4))
        works = [worker.work(ID, chunk) for worker in workers for chunk in (0, 1, 0)]
        await asyncio.gather(*works)

    for _ in range(3):
        house.dispatcher.advance(house.edition(), SLOT)
        house.make_dispatcher().tick(SLOT)
        house.passed += 1000  # messages that were queued are put in once more
    asyncio.run(at_once())
    go_on(house)
    assert Counter(house.transport.handed) == Counter(house.sids.keys())
    assert house.books() == Books(planned=10, sent=10)


def test_t5_a_bad_recipient_stops_no_other_and_comes_to_an_end(house: House) -> None:
    """Elsewhere one bad address stopped the send, or was tried for ever (mautic#7226)."""
    bad = {"reader0@example.org": "550 5.1.1 User unknown", "reader1@example.org": "552 5.3.4 too big"}
    item = next(i for i in house.table.everything() if i.key.pk.startswith("LIST#") and "reader2@" in str(i.data))
    house.table.replace(item, {**item.data, "address": "reader2\r\nBcc: all@example.org"})

    async def fussy(mails: Sequence[Mail]) -> list[Outcome]:
        return [
            Outcome(Fate.FAILED, bad[mail.recipient]) if mail.recipient in bad
            else Outcome(Fate.DEFERRED, "451 4.7.1 greylisted") if mail.recipient == "reader3@example.org"
            else Outcome(Fate.SENT) for mail in mails
        ]  # fmt: skip

    house.transport.script = fussy
    days = 0
    while house.edition().state is not State.SENT:
        house.dispatcher.tick(SLOT + timedelta(seconds=house.passed))
        asyncio.run(drain(house.queue, house.worker()))
        house.dispatcher.tick(SLOT + timedelta(seconds=house.passed))
        house.passed, days = house.passed + 4 * 3600, days + 1
        assert days < 20, "it never ends"
    assert house.books() == Books(planned=10, sent=6, failed=4)
    times = Counter(house.transport.handed)
    assert times.pop("reader3@example.org") > 5, "tried for two days"
    assert max(times.values()) == 1
    reasons = [d.reason for _, held in house.dispatcher.chunks.ledgers(ID) for d in held.ledger.details.values()]
    assert sorted(reason[:14] for reason in reasons) == [
        "550 5.1.1 User",
        "552 5.3.4 too ",
        "can't be writt",
        "given up after",
    ]


@pytest.mark.parametrize("late", [timedelta(hours=7), timedelta(days=40)])
def test_t6_a_schedule_that_is_late_or_restored_waits_for_a_person(tmp_path: Path, late: timedelta) -> None:
    """Elsewhere a server that came back, or a restored database, sent what was long past (listmonk#1801)."""
    house = House(tmp_path)
    house.composer.tick(MONDAY)
    house.composer.tick(SLOT)  # approved, and then nothing ran
    assert house.edition().state is State.APPROVED
    pause(house.table, "restored from a backup", SLOT + late)
    held = house.dispatcher.tick(SLOT + late)
    assert [edition.state for edition in held] == [State.HELD]
    assert "ago" in house.edition().why
    assert (house.queue.receive(10), house.transport.handed) == ([], [])
    house.database.close()


def two(day: str) -> dict[str, Newsletter]:
    other = replace(DIGEST, name="bulletin", title={"*": "Bulletin"})
    return {one.name: replace(one, schedule=replace(one.schedule, rule=f"FREQ=WEEKLY;BYDAY={day}"))
            for one in (DIGEST, other) if one.schedule}  # fmt: skip


def test_t7_who_reads_two_newsletters_gets_each_once(tmp_path: Path) -> None:
    """Elsewhere whoever stood in two lists got two copies of one mail (Ghost#12259)."""
    house = House(tmp_path, site=replace(SITE, newsletters=two("TH")))
    for number in range(10):
        for address in (f"reader{number}@example.org", f"Reader{number}@EXAMPLE.org"):
            member = make_member(SECRETS, "bulletin", address, "", "en")
            house.audience.subscribe([member], Basis.CONSENT, "two lists in one import", MONDAY)
    mails: list[tuple[str, str]] = []

    async def keep(wave: Sequence[Mail]) -> list[Outcome]:
        mails.extend((mail.recipient.lower(), mail.tags["edition"].partition("/")[0]) for mail in wave)
        return await all_sent(wave)

    house.transport.script = keep
    house.start()
    go_on(house)
    expected = {(address, newsletter) for address in house.sids for newsletter in ("digest", "bulletin")}
    assert Counter(mails) == Counter(expected)
    house.database.close()


def test_t20_what_is_shown_is_what_is_mailed_though_the_queue_loses_all(tmp_path: Path) -> None:
    """Elsewhere 5,040 recipients were shown, and 5 got it (plunk#337)."""
    house = House(tmp_path, readers=23)
    house.start()
    assert house.edition().planned == 23
    while messages := house.queue.receive(10):
        for message in messages:
            house.queue.delete(message)
    house.dispatcher.tick(SLOT)
    shown = house.books()
    assert (house.edition().state, shown.planned, shown.pending, shown.sent) == (State.SENDING, 23, 23, 0)
    house.passed += 1000
    go_on(house)
    assert house.edition().state is State.SENT
    assert house.books() == Books(planned=23, sent=23)
    assert sorted(house.transport.handed) == sorted(house.sids)
    house.database.close()


@pytest.mark.parametrize(("words", "state"), [("550 5.7.1 rejected", State.SENT), ("550 5.1.1 unknown", State.HELD)])
def test_t21_what_the_provider_refused_is_never_sent(house: House, words: str, state: State) -> None:
    """Elsewhere it said "sent", and for weeks nobody noticed that the provider had refused all (Ghost#25403)."""
    house.transport.script = refusing(lambda _: True, words)
    asyncio.run(drain(house.queue, watched(house)))
    house.dispatcher.tick(SLOT)
    books = house.books()
    assert (house.edition().state, books.sent, books.sent + books.failed + books.pending) == (state, 0, 10)
    assert state is State.SENT or "came back" in house.edition().why, "the brake holds it and says why"


def test_t21_a_provider_that_takes_nothing_leaves_everybody_pending(house: House) -> None:
    """The same, where it does not answer at all: nobody is sent to, nobody is lost, and it is said."""

    async def away(mails: Sequence[Mail]) -> list[Outcome]:
        raise TransportUnavailableError("The provider went away.")

    house.transport.script = away
    drained = asyncio.run(drain(house.queue, house.worker()))
    assert "went away" in drained.trouble
    assert (house.marks(), house.edition().state) == ("p" * 10, State.SENDING)


def test_t22_what_is_stuck_can_be_cancelled(house: House) -> None:
    """Elsewhere a send that hung could neither go on nor be cancelled (keila#464, listmonk#1811)."""

    async def stuck() -> None:
        async def never(mails: Sequence[Mail]) -> list[Outcome]:
            handed.set()
            await asyncio.sleep(3600)
            return []

        handed, house.transport.script = asyncio.Event(), never
        working = asyncio.create_task(house.worker().work(ID, 0))
        await handed.wait()
        house.control.cancel(ID, SLOT)
        house.dispatcher.tick(SLOT)
        assert house.edition().state is State.CANCELLED
        assert not house.edition().totals, "a wave may still be answered"
        working.cancel()

    asyncio.run(stuck())
    house.living.clear()
    house.passed += 1000
    house.dispatcher.tick(SLOT)
    assert house.edition().totals == Books(planned=10, skipped=8, in_doubt=2).as_dict()
    assert asyncio.run(drain(house.queue, house.worker("next", Scripted()))).trouble == ""
    assert house.transport.handed == []


def test_t23_repeats_keep_their_hour_and_end_on_their_day(tmp_path: Path) -> None:
    """Elsewhere repeats drifted by what each send took, and went on past their end date (phpList#911)."""
    ended = replace(DIGEST, schedule=replace(DIGEST.schedule, rule="FREQ=WEEKLY;BYDAY=TH;UNTIL=20270401"))  # type: ignore[type-var]
    house = House(tmp_path, readers=0, site=replace(SITE, newsletters={"digest": ended}))
    began, entries = datetime(2027, 3, 4, 10, tzinfo=UTC), 10
    house.composer.tick(began)
    for hour in range(0, 24 * 43, 11):  # ticks at odd hours, for six weeks over the change to summer time
        now = began + timedelta(hours=hour, minutes=hour % 7)
        if hour % 24 < 11:
            entries += 1
            house.keep(entries, first_seen=now, published=now)
        house.composer.tick(now)
    made = sorted(edition.slot_at for edition in house.dispatcher.editions.of("digest") if edition.entries)
    assert [f"{moment:%m-%d %H:%M}" for moment in made][-4:] == [
        "03-11 09:00", "03-18 09:00", "03-25 09:00", "04-01 08:00",
    ]  # fmt: skip
    house.database.close()


def headers_of(mail: Mail) -> dict[str, Any]:
    """The headers as they stand in the bytes, names in small letters, each value on one line."""
    head = mail.content.partition(b"\r\n\r\n")[0].decode("ascii")
    return {
        line.partition(":")[0].lower(): line.partition(":")[2].strip()
        for line in re.sub(r"\r\n[ \t]", " ", head).split("\r\n")
    }


@pytest.mark.parametrize("language", ["en", "de"])
def test_t24_every_mail_of_an_edition_has_its_readers_one_click_link(tmp_path: Path, language: str) -> None:
    """Elsewhere List-Unsubscribe was gone after an upgrade, and nobody noticed: here the bytes are looked at."""
    house = House(tmp_path, readers=0)
    sids = {f"x{n}@example.org": house.subscribe(f"x{n}@example.org", language=language) for n in range(4)}
    mails: list[Mail] = []

    async def keep(wave: Sequence[Mail]) -> list[Outcome]:
        mails.extend(wave)
        return await all_sent(wave)

    house.transport.script = keep
    house.start()
    go_on(house)
    assert sorted(mail.recipient for mail in mails) == sorted(sids)
    for mail in mails:
        assert_one_click(mail, sids[mail.recipient])
    house.database.close()


def assert_one_click(mail: Mail, sid: str) -> None:
    headers = headers_of(mail)
    found = re.fullmatch(r"<https://news\.example\.org/u/([\w.-]+)>", headers["list-unsubscribe"])
    assert found is not None
    assert UnsubscribeTokens(SECRETS).read(found[1]) == (sid, "digest")
    assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    text = message_from_bytes(mail.content, policy=policy.default).get_body(("plain",))
    assert text is not None
    assert "/u/" in text.get_content(), "who reads no headers has it too"


def test_t24_a_welcome_has_it_and_a_mail_to_confirm_has_nothing_to_leave(tmp_path: Path) -> None:
    """The other kinds of mails: what somebody asked for once is no list, what begins one has its way out."""
    office = Office(tmp_path)
    office.request()
    office.send()
    assert "list-unsubscribe" not in headers_of(office.mails[-1])
    office.signups.confirm(office.sid, office.now())
    office.send(Kind.WELCOME, newsletters=("digest",))
    assert_one_click(office.mails[-1], office.sid)
    office.house.database.close()
