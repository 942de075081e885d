"""`merge: true`: readers of two newsletters get one mail of both; nobody misses one, nobody gets one twice."""

import asyncio
import quopri
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import Basis, membership_key
from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.audience.tokens import UnsubscribeTokens, names_of
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.content.values import CalendarUse, Site
from chalicelib.deliver.doubts import Doubts
from chalicelib.deliver.draining import drain
from chalicelib.deliver.ledger import Ledger, ledger_from_data, ledger_to_data
from chalicelib.deliver.pairing import fate, pair
from chalicelib.deliver.whois import Whois
from chalicelib.errors import IllegalTransitionError
from chalicelib.transports import Fate, Mail, Outcome
from tests.deliver.cutting import Cut, Cutting
from tests.deliver.house import House, Scripted, all_sent
from tests.simulation.world import DIGEST, MONDAY, SECRETS, SITE, SLOT

HOST, GUEST = "digest/2026-11-26", "weekly/2026-11-26"
WEEKLY = replace(DIGEST, name="weekly", title={"*": "Weekly"}, merge=True)


def both_merge(**weekly: Any) -> Site:
    newsletters = {"digest": replace(DIGEST, merge=True), "weekly": replace(WEEKLY, **weekly)}
    return replace(SITE, newsletters=newsletters)


class Two(House):
    """Readers 0 to 3 in the digest alone, 4 to 7 in both, 8 to 10 in the weekly alone."""

    def __init__(self, folder: Path, site: Site | None = None) -> None:
        super().__init__(folder, site=site or both_merge(), readers=8)
        self.mails: dict[str, list[bytes]] = {}
        self.transport = Scripted(self.keeping(all_sent))
        for number in range(4, 11):
            self.join(f"reader{number}@example.org")

    def join(self, address: str, newsletter: str = "weekly", **changes: Any) -> None:
        member = replace(make_member(SECRETS, newsletter, address, "", "en"), **changes)
        self.sids[address] = member.sid
        self.audience.subscribe([member], Basis.CONSENT, "a test", MONDAY)

    def leave(self, number: int, newsletter: str) -> None:
        self.audience.leave(self.sids[f"reader{number}@example.org"], newsletter, MONDAY, "a test")

    def keeping(self, script: Any) -> Any:
        async def sent(mails: Sequence[Mail]) -> list[Outcome]:
            outcomes: list[Outcome] = await script(mails)
            for mail in mails:
                self.mails.setdefault(mail.recipient, []).append(quopri.decodestring(mail.content))
            return outcomes

        return sent

    def finish(self) -> None:
        """Ticks and drains until nothing moves."""
        for _ in range(4):
            asyncio.run(drain(self.queue, self.worker()))
            self.dispatcher.tick(SLOT + timedelta(seconds=self.passed))

    def got(self) -> dict[int, list[str]]:
        """What each reader's mails hold, by their number: D, W or DW for each."""
        held = {}
        for address, mails in self.mails.items():
            number = int(re.sub(r"\D", "", address))
            held[number] = sorted(
                "D" * (b"\nDigest\r\n===" in mail) + "W" * (b"\nWeekly\r\n===" in mail) for mail in mails
            )
        return held

    def figures(self, edition: str) -> tuple[int, ...]:
        books = self.books(edition)
        assert books.balanced
        return books.planned, books.sent, books.skipped, books.deferred, books.pending

    def reasons(self, edition: str) -> Counter[str]:
        ledgers = [held.ledger for _, held in self.dispatcher.chunks.ledgers(edition)]
        return Counter(detail.reason for ledger in ledgers for detail in ledger.details.values())


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path)
    yield made
    made.database.close()


def each(first: int, last: int, *held: str) -> dict[int, list[str]]:
    return {number: list(held) for number in range(first, last + 1)}


BOTH = {f"reader{number}@example.org" for number in range(4, 8)}
ALL = {**each(0, 3, "D"), **each(4, 7, "DW"), **each(8, 10, "W")}


def test_readers_of_both_get_one_mail_and_the_books_of_both_balance(two: Two) -> None:
    two.start()
    assert two.figures(HOST) == (8, 0, 0, 0, 8)
    assert two.figures(GUEST) == (7, 0, 0, 4, 3)
    assert two.reasons(GUEST) == {f"comes in the mail of {HOST}": 4}
    two.finish()
    assert two.got() == ALL
    assert two.figures(HOST) == (8, 8, 0, 0, 0)
    assert two.figures(GUEST) == (7, 3, 4, 0, 0)
    assert two.reasons(GUEST) == {f"came in the mail of {HOST}": 4}
    assert [two.edition(name).state for name in (HOST, GUEST)] == [State.SENT, State.SENT]


def test_without_merge_each_gets_each_once(tmp_path: Path) -> None:
    house = Two(tmp_path, both_merge(merge=False))
    house.start()
    house.finish()
    assert house.got() == {**ALL, **each(4, 7, "D", "W")}
    house.database.close()


def test_one_mail_leaves_both_by_one_click_and_names_both(two: Two) -> None:
    two.start()
    two.finish()
    for number, names in ((4, ("digest", "weekly")), (0, ("digest",)), (9, ("weekly",))):
        (mail,) = two.mails[f"reader{number}@example.org"]
        header = re.search(rb"List-Unsubscribe: <https://news.example.org/u/([\w.-]+)>", mail)
        assert header
        sid, word = UnsubscribeTokens(SECRETS).read(header[1].decode())
        assert (sid, names_of(word)) == (two.sids[f"reader{number}@example.org"], names)
    (both,) = two.mails["reader4@example.org"]
    assert b"subscribed to Digest and Weekly" in b" ".join(both.split())
    assert b"<digest.news.example.org>" in both
    assert b"<weekly.news.example.org>" not in both


def test_who_left_one_after_planning_gets_the_other_alone(two: Two) -> None:
    two.start()
    two.leave(4, "digest")
    two.leave(5, "weekly")
    two.leave(6, "digest")
    two.leave(6, "weekly")
    two.finish()
    assert two.got() == {n: held for n, held in {**ALL, 4: ["W"], 5: ["D"]}.items() if n != 6}
    assert two.figures(HOST) == (8, 6, 2, 0, 0)
    assert two.figures(GUEST) == (7, 4, 3, 0, 0)
    assert two.reasons(GUEST) == {f"came in the mail of {HOST}": 1, "unsubscribed since planning": 2}


def test_a_pause_of_one_is_kept(two: Two) -> None:
    two.start()
    item = two.table.get(membership_key("weekly", two.sids["reader4@example.org"]))
    assert item
    two.table.replace(item, {**item.data, "paused": "2027-01-01"})
    two.finish()
    assert two.got()[4] == ["D"]
    assert two.reasons(GUEST)["paused until 2027-01-01"] == 1


def test_where_the_host_is_cancelled_they_get_the_guest(two: Two) -> None:
    two.start()
    two.control.cancel(HOST, SLOT)
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.got() == each(4, 10, "W")
    assert two.figures(HOST) == (8, 0, 8, 0, 0)
    assert two.figures(GUEST) == (7, 7, 0, 0, 0)


def test_cancelled_in_mid_send_each_still_gets_the_guest_once(two: Two) -> None:
    async def cancels(mails: Sequence[Mail]) -> list[Outcome]:
        if two.edition(HOST).state is State.SENDING and len(two.mails) >= 5:
            two.control.cancel(HOST, SLOT)
        return await all_sent(mails)

    two.transport.script = two.keeping(cancels)
    two.start()
    two.finish()
    got = Counter(letter for held in two.got().values() for mail in held for letter in mail)
    assert two.edition(HOST).state is State.CANCELLED
    assert 0 < got["D"] < 8
    assert got["W"] == 7
    assert all(mails.count("W") + mails.count("DW") <= 1 for mails in two.got().values())
    assert two.figures(GUEST)[3:] == (0, 0)


@pytest.mark.parametrize("act", ["cancel", "pause"])
def test_a_guest_that_is_stopped_stands_in_no_mail_that_is_not_out(two: Two, act: str) -> None:
    two.start()
    getattr(two.control, act)(GUEST, SLOT)
    two.finish()
    assert two.got() == each(0, 7, "D")
    if act == "pause":
        two.control.resume(GUEST, SLOT)
        two.dispatcher.tick(SLOT)
        two.finish()
        assert two.got() == {**ALL, **each(4, 7, "D", "W")}
        assert two.figures(GUEST) == (7, 7, 0, 0, 0)
    else:
        assert two.reasons(GUEST) == {"the edition was cancelled": 7}


def test_a_host_that_is_paused_keeps_its_readers_waiting_and_no_others(two: Two) -> None:
    two.start()
    two.control.pause(HOST, SLOT)
    two.finish()
    assert two.got() == each(8, 10, "W")
    assert (two.edition(GUEST).state, two.figures(GUEST)) == (State.SENDING, (7, 3, 0, 4, 0))
    two.control.resume(HOST, SLOT)
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.got() == ALL


def test_in_doubt_with_the_host_is_not_sent_again_by_the_guest(two: Two) -> None:
    async def dies(mails: Sequence[Mail]) -> list[Outcome]:
        if any(b"Digest" in mail.content and b"Weekly" in mail.content for mail in mails):
            raise KeyboardInterrupt
        return await all_sent(mails)

    two.transport.script = two.keeping(dies)
    two.start()
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(drain(two.queue, two.worker("first")))
    two.transport.script = two.keeping(all_sent)
    two.passed += 1000
    two.finish()
    doubtful = two.books(HOST).in_doubt
    assert doubtful in {1, 2}
    got = Counter(letter for held in two.got().values() for mail in held for letter in mail)
    lacking = [number for number in range(11) if number not in two.got()]
    both = [number for number in lacking if number >= 4]
    assert len(lacking) == doubtful
    assert (got["D"], got["W"]) == (8 - doubtful, 7 - len(both))
    doubts = Doubts(two.site, two.table, two.blobs, SECRETS)
    doubts.decide(HOST, [doubt.place for doubt in doubts.of(HOST)], resend=True, why="", now=SLOT)
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.got() == ALL


def test_who_is_asked_about_says_where_it_came(two: Two) -> None:
    two.start()
    two.finish()
    address = "reader4@example.org"
    story = Whois(two.site, two.table, two.blobs, SECRETS).story(two.sids[address], address, SLOT)
    rows = {row["edition"]: (row["outcome"], row["reason"]) for row in story.got}
    assert rows == {HOST: ("sent", ""), GUEST: ("skipped", f"came in the mail of {HOST}")}


def test_a_host_that_can_not_be_set_is_held_and_its_guest_goes_by_itself(two: Two, tmp_path: Path) -> None:
    broken = tmp_path / "site" / "templates" / "email" / "digest"
    broken.mkdir(parents=True)
    (broken / "body.txt").write_text("{{ nothing_of_this_name }}")
    two.site = replace(two.site, root=tmp_path / "site", newsletters={
        **two.site.newsletters, "weekly": replace(WEEKLY, template="letter"),
    })  # fmt: skip
    two.composer = type(two.composer)(two.site, two.table, two.blobs)
    two.dispatcher = two.make_dispatcher()
    two.start()
    two.finish()
    assert (two.edition(HOST).state, two.edition(HOST).guest, two.edition(GUEST).host) == (State.HELD, "", "")
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.figures(GUEST) == (7, 7, 0, 0, 0)
    (broken / "body.txt").unlink()
    two.control.approve(HOST, SLOT)
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.figures(HOST) == (8, 8, 0, 0, 0)
    assert Counter(map(len, two.mails.values())) == {1: 7, 2: 4}


def test_a_guest_waits_for_its_host_no_longer_than_an_hour(two: Two) -> None:
    two.composer.tick(MONDAY)
    two.composer.tick(SLOT)
    guests = two.dispatcher._guests
    host = guests.start(two.edition(HOST), SLOT)
    assert host
    assert (host.guest, two.edition(GUEST).host) == (GUEST, HOST)
    assert guests.turn(two.edition(GUEST), SLOT + timedelta(minutes=59)) is None
    freed = guests.turn(two.edition(GUEST), SLOT + timedelta(minutes=61))
    assert freed
    assert (freed.host, two.edition(HOST).guest) == ("", "")
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.got() == {**ALL, **each(4, 7, "D", "W")}


def test_at_each_readers_own_time_the_guest_alone_waits_for_their_hour(tmp_path: Path) -> None:
    assert DIGEST.schedule
    schedule = replace(DIGEST.schedule, reader=True)
    site = both_merge(schedule=schedule)
    site = replace(site, newsletters={name: replace(one, schedule=schedule) for name, one in site.newsletters.items()})
    house = Two(tmp_path, site)
    first = SLOT - timedelta(hours=13)
    house.composer.tick(MONDAY)
    house.composer.tick(first)
    for _ in range(2):
        house.dispatcher.tick(first)
    assert house.figures(GUEST) == (7, 0, 0, 7, 0)
    house.control.cancel(HOST, first)
    for _ in range(2):
        house.dispatcher.tick(first)
    assert house.reasons(GUEST) == {"waits for 10:00 in Europe/Berlin": 7}
    assert house.figures(GUEST) == (7, 0, 0, 7, 0)
    house.database.close()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("cut", range(1, 21))
def test_cut_off_at_any_write_of_a_tick_both_end_alike(two: Two, cut: int, after: bool) -> None:
    two.composer.tick(MONDAY)
    two.composer.tick(SLOT)
    blobs, queue = two.blobs, two.queue
    two.blobs, two.queue = Cutting(blobs), Cutting(queue)  # type: ignore[assignment]
    Cutting.left, Cutting.after = cut, after
    with pytest.raises(Cut):
        two.make_dispatcher(Cutting(two.table)).tick(SLOT)
    two.blobs, two.queue, Cutting.left = blobs, queue, 10**9
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.got() == ALL
    assert (two.figures(HOST), two.figures(GUEST)) == ((8, 8, 0, 0, 0), (7, 3, 4, 0, 0))


def test_a_guest_that_is_held_while_its_host_is_planned_goes_by_itself(two: Two) -> None:
    two.composer.tick(MONDAY)
    two.composer.tick(SLOT)
    blobs, two.blobs = two.blobs, Cutting(two.blobs)  # type: ignore[assignment]
    Cutting.left, Cutting.after = 3, True
    with pytest.raises(Cut):
        two.make_dispatcher(Cutting(two.table)).tick(SLOT)
    two.blobs, Cutting.left = blobs, 10**9
    assert any(one.both for one in two.dispatcher.chunks.recipients(HOST, 0)), "the first chunk is frozen"
    two.control.hold(GUEST, SLOT)
    two.dispatcher.tick(SLOT)
    two.control.approve(GUEST, SLOT)
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.got() == {**ALL, **each(4, 7, "D", "W")}


def test_who_got_the_host_alone_in_doubt_does_not_get_the_guest_twice(two: Two) -> None:
    async def dies(mails: Sequence[Mail]) -> list[Outcome]:
        if any(mail.recipient in BOTH for mail in mails):
            raise KeyboardInterrupt
        return await all_sent(mails)

    two.start()
    two.control.pause(GUEST, SLOT)
    two.transport.script = two.keeping(dies)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(drain(two.queue, two.worker("first")))
    two.transport.script = two.keeping(all_sent)
    two.passed += 1000
    two.control.resume(GUEST, SLOT)
    two.dispatcher.tick(SLOT)
    two.finish()
    doubts = Doubts(two.site, two.table, two.blobs, SECRETS)
    doubts.decide(HOST, [doubt.place for doubt in doubts.of(HOST)], resend=True, why="", now=SLOT)
    two.dispatcher.tick(SLOT)
    two.finish()
    got = Counter(letter for held in two.got().values() for mail in held for letter in mail)
    assert got == {"D": 8, "W": 7}


def test_a_tick_of_two_takes_so_many_writes(two: Two) -> None:
    """So that the cuts above reach all of them."""
    two.composer.tick(MONDAY)
    two.composer.tick(SLOT)
    two.blobs, two.queue = Cutting(two.blobs), Cutting(two.queue)  # type: ignore[assignment]
    Cutting.left = 1000
    two.make_dispatcher(Cutting(two.table)).tick(SLOT)
    assert 1000 - Cutting.left == 20


def test_what_the_guest_said_is_not_offered_again_where_it_is_cancelled() -> None:
    nobody = {"sent": 0, "in_doubt": 0}
    cancelled = edition("weekly", state=State.CANCELLED, chunks=1, totals=nobody)
    assert not cancelled.claims_entries
    assert replace(cancelled, host=HOST).claims_entries, "readers of the host may have it"
    assert not replace(cancelled, host=HOST, chunks=0).claims_entries


def test_who_went_without_the_guest_is_known_to_whoever_takes_the_chunk_over() -> None:
    ledger = Ledger("ppp").begin([1], {}, 0).without_guest([1]).claim("another", 1, 1)
    assert ledger.marks == "p?p"
    assert ledger_from_data(ledger_to_data(ledger)).alone == {1}
    assert ledger.without_guest([2]).alone == {1, 2}


def with_both(two: Two) -> set[int]:
    chunks = range(two.edition(HOST).chunks)
    found = {one.sid for number in chunks for one in two.dispatcher.chunks.recipients(HOST, number) if one.both}
    return {int(re.sub(r"\D", "", address)) for address, sid in two.sids.items() if sid in found}


def test_only_who_would_get_the_guest_gets_it_with_the_host(tmp_path: Path) -> None:
    house = Two(tmp_path, both_merge(segment="language = en", cadences=("every", "monthly")))
    house.leave(4, "weekly")
    for number, changes in ((5, {"cadence": "monthly"}), (6, {"language": "de"})):
        item = house.table.get(membership_key("weekly", house.sids[f"reader{number}@example.org"]))
        assert item
        house.table.replace(item, {**item.data, **changes})
    house.start()
    assert with_both(house) == {7}
    house.finish()
    assert house.got() == {**ALL, **each(4, 6, "D")}
    assert house.reasons(GUEST) == {"gets the monthly gathering instead": 1, f"came in the mail of {HOST}": 1}
    house.database.close()


def test_the_earlier_one_of_two_files_in_any_order_hosts(tmp_path: Path) -> None:
    assert DIGEST.schedule
    house = Two(tmp_path, both_merge(schedule=replace(DIGEST.schedule, at=time(9, 59))))
    house.start()
    house.dispatcher.tick(SLOT)
    assert (house.edition(GUEST).guest, house.edition(HOST).host) == (HOST, GUEST)
    house.finish()
    got = house.got()
    assert (got[0], got[4], got[8]) == (["D"], ["DW"], ["W"])
    (mail,) = house.mails["reader4@example.org"]
    assert mail.index(b"\nWeekly\r\n===") < mail.index(b"\nDigest\r\n===")
    assert (house.figures(GUEST), house.figures(HOST)) == ((7, 7, 0, 0, 0), (8, 4, 4, 0, 0))
    house.database.close()


def edition(newsletter: str, **changes: Any) -> Edition:
    return replace(Edition(newsletter, "2026-11-26", SLOT, State.APPROVED), **changes)


THIRD = replace(WEEKLY, name="yearly", title={"*": "Yearly"})


def paired(one: Edition, *others: Edition, **weekly: Any) -> tuple[str, ...]:
    site = both_merge(**weekly)
    site = replace(site, newsletters={**site.newsletters, "yearly": THIRD})
    found = pair(one, others, site, SLOT + timedelta(hours=1))
    return tuple(each.newsletter for each in found) if found else ()


def test_the_earlier_one_hosts_whoever_is_looked_at() -> None:
    early = edition("weekly", slot_at=SLOT - timedelta(hours=1))
    assert paired(edition("digest"), early) == paired(early, edition("digest")) == ("weekly", "digest")
    assert paired(edition("digest"), edition("weekly")) == ("digest", "weekly")


def test_of_three_the_third_goes_by_itself() -> None:
    three = [edition("digest"), edition("weekly"), edition("yearly")]
    assert [paired(one, *(other for other in three if other is not one)) for one in three] == [
        ("digest", "weekly"), ("digest", "weekly"), (),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"state": State.DRAFT}, {"state": State.HELD}, {"state": State.SENDING}, {"state": State.CANCELLED},
        {"slot_at": SLOT + timedelta(hours=2)}, {"slot_at": SLOT - timedelta(hours=10)}, {"gathering": True},
        {"chunks": 1}, {"host": "x/y"}, {"guest": "x/y"}, {"read": SLOT},
        {"slot_at": SLOT - timedelta(days=1), "released": True},
    ],
)  # fmt: skip
def test_no_pair(changes: dict[str, Any]) -> None:
    other = edition("weekly", **changes)
    assert paired(edition("digest"), other) == paired(other, edition("digest")) == ()


@pytest.mark.parametrize("weekly", [{"merge": False}, {"calendar": CalendarUse.PUBLISH}, {"schedule": None}])
def test_no_pair_with_such_a_newsletter(weekly: dict[str, Any]) -> None:
    assert paired(edition("digest"), edition("weekly"), **weekly) == ()


def test_one_that_a_person_let_go_late_is_no_less_a_pair() -> None:
    other = edition("weekly", slot_at=SLOT - timedelta(hours=8), released=True)
    assert paired(edition("digest"), other) == ("weekly", "digest")


def test_of_a_pair_of_which_only_the_host_knows_nobody_gets_the_guest_twice(two: Two) -> None:
    """As where a backup took one of the two before they met, and the other one after."""
    two.composer.tick(MONDAY)
    two.composer.tick(SLOT)
    two.dispatcher._guests.start(two.edition(HOST), SLOT)
    torn = two.dispatcher.editions.change(two.edition(GUEST), host="", filters=())
    two.dispatcher.tick(SLOT)
    assert two.edition(HOST).guest == ""
    assert torn.state is State.APPROVED
    two.finish()
    assert two.got() == {**ALL, **each(4, 7, "D", "W")}


def test_of_a_planned_pair_of_which_only_the_host_knows_nobody_gets_the_guest_twice(two: Two) -> None:
    two.composer.tick(MONDAY)
    two.composer.tick(SLOT)
    two.dispatcher.advance(two.edition(HOST), SLOT)
    two.dispatcher.editions.change(two.edition(GUEST), host="", filters=())
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.got() == {**ALL, **each(4, 7, "D", "W")}
    assert two.figures(GUEST) == (7, 7, 0, 0, 0)


@pytest.mark.parametrize("planned", [False, True])
def test_a_host_whose_guest_is_gone_from_the_store_goes_by_itself(two: Two, planned: bool) -> None:
    two.composer.tick(MONDAY)
    two.composer.tick(SLOT)
    act = two.dispatcher.advance if planned else two.dispatcher._guests.start
    act(two.edition(HOST), SLOT)
    item = two.edition(GUEST).item
    assert item
    two.table.delete(item)
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.got() == each(0, 7, "D")


def test_a_host_whose_guests_newsletter_was_taken_from_the_site_goes_by_itself(two: Two) -> None:
    two.composer.tick(MONDAY)
    two.composer.tick(SLOT)
    two.dispatcher._guests.start(two.edition(HOST), SLOT)
    two.site = replace(two.site, newsletters={"digest": two.site.newsletters["digest"]})
    two.dispatcher = two.make_dispatcher()
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.got() == each(0, 7, "D")
    assert two.figures(HOST) == (8, 8, 0, 0, 0)


def test_why_the_guest_is_not_sent_says_what_became_of_the_mail_of_both(two: Two) -> None:
    fates = {"reader5@example.org": Fate.FAILED, "reader6@example.org": Fate.IN_DOUBT}

    async def some(mails: Sequence[Mail]) -> list[Outcome]:
        return [Outcome(fates.get(mail.recipient, Fate.SENT)) for mail in mails]

    two.transport.script = some
    two.start()
    two.finish()
    assert two.reasons(GUEST) == {
        f"came in the mail of {HOST}": 2,
        f"failed with the mail of {HOST}": 1,
        f"in doubt with the mail of {HOST}": 1,
    }
    assert two.figures(GUEST) == (7, 3, 4, 0, 0)


def test_nobody_is_written_to_again_without_a_guest_that_waits_for_a_person(two: Two) -> None:
    """The guest's books have them as settled with the host's mail: by itself it would not come any more."""

    async def doubted(mails: Sequence[Mail]) -> list[Outcome]:
        late = {"reader9@example.org": Fate.DEFERRED, "reader6@example.org": Fate.IN_DOUBT}
        return [Outcome(late.get(mail.recipient, Fate.SENT)) for mail in mails]

    two.transport.script = doubted
    two.start()
    two.finish()
    assert (two.edition(HOST).state, two.edition(GUEST).state) == (State.SENT, State.SENDING)
    two.transport.script = two.keeping(all_sent)
    two.control.pause(GUEST, SLOT)
    doubts = Doubts(two.site, two.table, two.blobs, SECRETS)
    places = [doubt.place for doubt in doubts.of(HOST)]
    with pytest.raises(IllegalTransitionError, match=f"{GUEST}, which stands in its mails, is held"):
        doubts.decide(HOST, places, resend=True, why="", now=SLOT)
    two.control.resume(GUEST, SLOT)
    assert doubts.decide(HOST, places, resend=True, why="", now=SLOT) == 1
    two.dispatcher.tick(SLOT)
    two.finish()
    assert two.got()[6] == ["DW"]


def test_doubts_may_be_left_while_the_guest_is_held_and_resent_where_it_waits_still(two: Two) -> None:
    async def doubted(mails: Sequence[Mail]) -> list[Outcome]:
        return [Outcome(Fate.IN_DOUBT if mail.recipient in BOTH else Fate.SENT) for mail in mails]

    two.transport.script = doubted
    two.start()
    two.control.pause(GUEST, SLOT)
    two.finish()
    doubts = Doubts(two.site, two.table, two.blobs, SECRETS)
    places = [doubt.place for doubt in doubts.of(HOST)]
    two.transport.script = two.keeping(all_sent)
    assert doubts.decide(HOST, places[:1], resend=False, why="known", now=SLOT) == 1
    assert doubts.decide(HOST, places[1:], resend=True, why="", now=SLOT) == 3
    two.dispatcher.tick(SLOT)
    two.finish()
    two.control.resume(GUEST, SLOT)
    two.finish()
    got = Counter(letter for number in range(4, 8) for mail in two.got().get(number, []) for letter in mail)
    assert got == {"D": 3, "W": 4}, "no mail of the host held the guest: neither those in doubt nor those of now"


def test_suppressed_in_between_they_get_neither(two: Two) -> None:
    two.start()
    sid = two.sids["reader5@example.org"]
    Suppressions(two.table).add(sid, Reason.COMPLAINT, SLOT)
    two.finish()
    assert 5 not in two.got()
    assert two.reasons(GUEST)["suppressed: complaint"] == 1


def test_a_mail_of_both_that_was_deferred_goes_again_as_its_reader_wants_it_by_then(two: Two) -> None:
    async def later(mails: Sequence[Mail]) -> list[Outcome]:
        return [Outcome(Fate.DEFERRED if mail.recipient in BOTH else Fate.SENT) for mail in mails]

    two.transport.script = later
    two.start()
    two.finish()
    two.leave(4, "weekly")
    two.leave(5, "digest")
    two.control.pause(GUEST, SLOT)
    two.transport.script = two.keeping(all_sent)
    two.passed += 400
    two.finish()
    assert two.got() == {4: ["D"], 6: ["D"], 7: ["D"]}, "5 waits for the guest"
    two.control.resume(GUEST, SLOT)
    two.finish()
    assert two.got() == {4: ["D"], 5: ["W"], 6: ["D", "W"], 7: ["D", "W"]}


def test_where_one_is_at_each_readers_own_time_each_goes_by_itself(tmp_path: Path) -> None:
    assert DIGEST.schedule
    house = Two(tmp_path, both_merge(schedule=replace(DIGEST.schedule, reader=True)))
    for moment in (MONDAY, SLOT - timedelta(hours=13), SLOT):
        house.composer.tick(moment)
        house.dispatcher.tick(moment)
    assert (house.edition(HOST).guest, house.edition(GUEST).guest) == ("", "")
    house.finish()
    assert house.got() == {**ALL, **each(4, 7, "D", "W")}
    house.database.close()


def test_a_reader_of_two_languages_gets_both_in_the_hosts(tmp_path: Path) -> None:
    house = Two(tmp_path)
    item = house.table.get(membership_key("weekly", house.sids["reader4@example.org"]))
    assert item
    house.table.replace(item, {**item.data, "language": "de"})
    house.start()
    house.finish()
    (mail,) = house.mails["reader4@example.org"]
    assert b"Content-Language: en" in mail
    assert house.got() == ALL
    house.database.close()


@pytest.mark.parametrize(("marks", "said"), [("svckpwd", "came"), ("fb", "failed"), ("?l", "in doubt")])
def test_what_is_said_of_a_mail_of_both(marks: str, said: str) -> None:
    assert {fate(mark) for mark in marks} == {said}


def test_doubts_are_resent_while_a_guest_is_held_that_is_not_planned_yet(two: Two) -> None:
    async def doubted(mails: Sequence[Mail]) -> list[Outcome]:
        return [Outcome(Fate.IN_DOUBT) for _ in mails]

    two.composer.tick(MONDAY)
    two.composer.tick(SLOT)
    two.dispatcher.advance(two.edition(HOST), SLOT)
    two.control.hold(GUEST, SLOT)
    two.transport.script = doubted
    two.finish()
    two.transport.script = two.keeping(all_sent)
    doubts = Doubts(two.site, two.table, two.blobs, SECRETS)
    assert doubts.decide(HOST, [one.place for one in doubts.of(HOST)], resend=True, why="", now=SLOT) == 8
    two.dispatcher.tick(SLOT)
    two.finish()
    two.control.approve(GUEST, SLOT)
    two.finish()
    assert two.got() == {**ALL, **each(4, 7, "D", "W")}
