"""Who is in doubt: listed with what helps to decide, settled by evidence, resent or left by a person's word alone."""

import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.deliver.doubts import Doubts, read_places
from chalicelib.deliver.evidence import SentFolder, look_in_folder, look_in_log
from chalicelib.deliver.ledger import News
from chalicelib.deliver.maillog import Evidence
from chalicelib.errors import ConfigurationError, IllegalTransitionError, InboxError, NotFoundError, UsageError
from chalicelib.store import Write
from chalicelib.transports import Mail, Outcome
from tests.deliver.house import ID, House, all_sent
from tests.deliver.watched import now_of, work
from tests.simulation.world import SECRETS

THREE = [(0, 0), (0, 1), (1, 0)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Ten recipients; the sender died twice, with two and with one in the air."""
    made = House(tmp_path)
    made.start()
    for number, wave in ((0, [0, 1]), (1, [0])):
        held = made.dispatcher.chunks.ledger(ID, number)
        gone = held.ledger.claim("gone", 1, now_of(made).timestamp()).begin(wave, {}, 1)
        made.dispatcher.chunks.write_ledger(held, gone.claim("next", 2, now_of(made).timestamp()).release())
    yield made
    made.database.close()


def doubts_of(house: House) -> Doubts:
    return Doubts(house.site, house.table, house.blobs, SECRETS)


def close(house: House) -> None:
    """All others are sent, and the books closed."""
    work(house, house.worker())
    assert house.edition().state is State.SENT
    assert (house.edition().totals["sent"], house.edition().totals["in_doubt"]) == (7, 3)


def test_they_are_listed_with_address_message_id_moment_and_reason(house: House) -> None:
    found = list(doubts_of(house).of(ID))
    assert [one.place for one in found] == THREE
    assert [one.id for one in found] == ["0.0", "0.1", "1.0"]
    addresses = {sid: address for address, sid in house.sids.items()}
    assert [one.address for one in found] == [addresses[one.sid] for one in found]
    first = found[0]
    assert first.message_id.startswith("digest.2026-11-26.0.0.")
    assert first.message_id.endswith("@example.org")
    assert (first.since, first.why, first.left) == (
        "2026-11-26T09:00:00+00:00", "the sender stopped in mid-wave", False,
    )  # fmt: skip
    with pytest.raises(NotFoundError):
        list(doubts_of(house).of("digest/none"))


def test_whoever_was_erased_is_in_doubt_without_an_address(house: House) -> None:
    first = next(doubts_of(house).of(ID))
    house.audience.erase(first.sid, now_of(house))
    assert next(doubts_of(house).of(ID)).address == ""


def test_places_are_named_as_the_list_does() -> None:
    assert read_places(["1.0", "0.1", "1.0"], THREE) == [(1, 0), (0, 1)]
    assert read_places(["all", "0.1"], THREE) == THREE
    for wrong in ("0.2", "0", "0.1.0", "all ", "", "9" * 100, "٠.١"):
        with pytest.raises(UsageError):
            read_places([wrong], THREE)


def test_resending_in_mid_send_puts_them_back_in_their_turn(house: House) -> None:
    assert doubts_of(house).decide(ID, THREE, resend=True, why="asked them", now=now_of(house)) == 3
    assert house.edition().state is State.SENDING
    work(house, house.worker())
    assert (house.edition().state, house.edition().totals["sent"]) == (State.SENT, 10)
    assert sorted(house.transport.handed) == sorted(house.sids)


def test_resending_opens_closed_books_and_nobody_else_gets_a_second_mail(house: House) -> None:
    close(house)
    handed = len(house.transport.handed)
    assert doubts_of(house).decide(ID, [(0, 1), (1, 0)], resend=True, why="x", now=now_of(house)) == 2
    edition = house.edition()
    assert (edition.state, edition.totals, edition.sent_before) == (State.SENDING, {}, 7)
    assert house.books().as_dict() | {"pending": 2, "sent": 7, "in_doubt": 1} == house.books().as_dict()
    work(house, house.worker())
    assert len(house.transport.handed) == handed + 2
    assert len(set(house.transport.handed)) == len(house.transport.handed) == 9
    assert (house.edition().totals["sent"], house.edition().totals["in_doubt"]) == (9, 1)
    assert house.edition().state is State.SENT


def test_other_programs_hear_of_it_again_only_if_something_was_sent(house: House) -> None:
    told = list[str]()

    def heard(edition: Edition) -> Sequence[Write]:
        told.append(edition.id)
        return ()

    house.dispatcher._on_sent = heard
    close(house)
    first = next(doubts_of(house).of(ID))
    address = {sid: address for address, sid in house.sids.items()}[first.sid]
    Suppressions(house.table).add(first.sid, Reason.MANUAL, now_of(house))
    doubts_of(house).decide(ID, [first.place], resend=True, why="x", now=now_of(house))
    work(house, house.worker())
    assert address not in house.transport.handed
    assert (house.edition().totals["skipped"], told) == (1, [ID])
    doubts_of(house).decide(ID, [(0, 1)], resend=True, why="x", now=now_of(house))
    work(house, house.worker())
    assert told == [ID, ID]


def test_only_this_opens_a_sent_edition(house: House) -> None:
    close(house)
    for decide in (house.control.resume, house.control.approve, house.control.send):
        with pytest.raises(IllegalTransitionError):
            decide(ID, now_of(house))
    assert house.edition().state is State.SENT


def test_leaving_says_why_and_may_be_changed_later(house: House) -> None:
    close(house)
    assert doubts_of(house).decide(ID, THREE, resend=False, why="they have it", now=now_of(house)) == 3
    assert {(one.left, one.why) for one in doubts_of(house).of(ID)} == {(True, "left: they have it")}
    assert (house.edition().state, house.edition().totals["in_doubt"]) == (State.SENT, 3)
    assert doubts_of(house).decide(ID, [(0, 0)], resend=True, why="after all", now=now_of(house)) == 1
    work(house, house.worker())
    assert house.edition().totals["sent"] == 8


def test_of_a_cancelled_edition_nothing_is_sent_again(house: House) -> None:
    house.control.cancel(ID, now_of(house))
    work(house)
    with pytest.raises(IllegalTransitionError):
        doubts_of(house).decide(ID, THREE, resend=True, why="x", now=now_of(house))
    assert doubts_of(house).decide(ID, THREE, resend=False, why="x", now=now_of(house)) == 3
    assert house.books().balanced


def test_whoever_was_settled_meanwhile_is_not_decided_on(house: House) -> None:
    doubts_of(house).settle(ID, {(0, 0): Evidence(News.DELIVERED)})
    assert doubts_of(house).decide(ID, THREE, resend=True, why="x", now=now_of(house)) == 2
    assert house.marks()[0] == "v"


def test_evidence_settles_also_closed_books_and_both_stay_balanced(house: House) -> None:
    close(house)
    found = {(0, 0): Evidence(News.DELIVERED), (0, 1): Evidence(News.BOUNCED, "550 no"), (1, 0): Evidence(News.SENT)}
    assert doubts_of(house).settle(ID, found) == 3
    assert doubts_of(house).settle(ID, found) == 0
    books = house.books()
    assert (books.sent, books.failed, books.in_doubt, books.delivered, books.bounced) == (9, 1, 0, 1, 1)
    assert books.balanced
    assert list(doubts_of(house).of(ID)) == []


def test_a_worker_at_the_chunk_and_a_decision_do_not_lose_each_other(house: House) -> None:
    async def decides(mails: Sequence[Mail]) -> list[Outcome]:
        doubts_of(house).decide(
            ID, [place for place in THREE if place[0] == 0], resend=True, why="x", now=now_of(house)
        )
        return await all_sent(mails)

    house.transport.script = decides
    work(house, house.worker())
    assert (house.edition().totals["sent"], house.edition().totals["in_doubt"]) == (9, 1)
    assert len(set(house.transport.handed)) == len(house.transport.handed) == 9


def log_of(house: House) -> list[str]:
    """A Postfix log: the first was delivered, the second came back, of the third nothing is known."""
    first, second, third = doubts_of(house).of(ID)
    lines = []
    for queue, one, status in (("4Xa1", first, "sent (250 OK)"), ("4Xb22", second, "bounced (550 5.1.1 unknown)")):
        lines += [
            f"Nov 26 09:00:00 mail postfix/cleanup[1]: {queue}abcde: message-id=<{one.message_id}>",
            f"Nov 26 09:00:01 mail postfix/smtp[2]: {queue}abcde: to=<x@example.com>, relay=mx[192.0.2.1]:25, "
            f"dsn=2.0.0, status={status}",
        ]
    forged = third.message_id.replace(".1.0.", ".1.0.a")
    return [*lines, f"Nov 26 09:00:02 mail postfix/cleanup[1]: 4Xc33abcde: message-id=<{forged}>",
            "Nov 26 09:00:02 mail postfix/qmgr[1]: 4Xc33abcde: from=<x>, nrcpt=1 (queue active)"]  # fmt: skip


def test_the_log_and_those_rotated_beside_it_are_read_in_their_order(house: House, tmp_path: Path) -> None:
    lines = log_of(house)
    log = tmp_path / "mail.log"
    parts = {"mail.log.2.gz": lines[:1], "mail.log.1": lines[1:3], "mail.log": lines[3:]}
    at = now_of(house).timestamp()
    for place, (name, part) in enumerate(parts.items()):
        content = "\n".join([*part, ""]).encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
        os.utime(tmp_path / name, (at + place, at + place))
    (tmp_path / "mail.log.3.gz").write_bytes(b"no gzip, and too old to be read")
    os.utime(tmp_path / "mail.log.3.gz", (at - 1, at - 1))
    (tmp_path / "mail.log.9.xz").write_bytes(b"nothing that is read here")
    found = look_in_log(log, ID, list(doubts_of(house).of(ID)), SECRETS)
    assert found == {(0, 0): Evidence(News.DELIVERED), (0, 1): Evidence(News.BOUNCED, "550 5.1.1 unknown")}
    assert look_in_log(log, "digest/2026-11-19", list(doubts_of(house).of(ID)), SECRETS) == {}


def test_a_log_that_can_not_be_read_is_named(house: House, tmp_path: Path) -> None:
    doubts = list(doubts_of(house).of(ID))
    with pytest.raises(ConfigurationError, match="There is no log"):
        look_in_log(tmp_path / "none.log", ID, doubts, SECRETS)
    (tmp_path / "bad.log").write_bytes(b"")
    for raw in (b"no gzip", gzip.compress(b"cut off" * 100)[:20]):
        (tmp_path / "bad.log.1.gz").write_bytes(raw)
        os.utime(tmp_path / "bad.log.1.gz", (now_of(house).timestamp(),) * 2)
        with pytest.raises(ConfigurationError, match=r"can't be read.*SENDBRIEF_MAIL_LOG"):
            look_in_log(tmp_path / "bad.log", ID, doubts, SECRETS)


class Folder(SentFolder):
    def __init__(self, holds: Sequence[str]) -> None:
        self.holds, self.closed = holds, False

    def has(self, part: str) -> bool:
        return any(part in f"<{one}>" for one in self.holds)

    def close(self) -> None:
        self.closed = True


def test_what_lies_in_the_folder_of_sent_mails_was_sent(house: House) -> None:
    doubts = list(doubts_of(house).of(ID))
    folder = Folder([doubts[1].message_id, "digest.2026-11-26.10.0.aaaaaaaaaa@example.org"])
    assert look_in_folder("", ID, [one.place for one in doubts], lambda _: folder) == {(0, 1): Evidence(News.SENT)}
    assert folder.closed


def test_a_folder_that_can_not_be_asked_names_its_own_setting(house: House) -> None:
    def fails(_: str) -> SentFolder:
        raise InboxError("The mailbox of bounces (x at y:993) can't be read: no.", "Check SENDBRIEF_BOUNCES.")

    doubts = list(doubts_of(house).of(ID))
    with pytest.raises(InboxError, match=r"The folder of sent mails .* SENDBRIEF_SENT_FOLDER"):
        look_in_folder("", ID, [one.place for one in doubts], fails)
    with pytest.raises(ConfigurationError, match=r"SENDBRIEF_SENT_FOLDER"):
        look_in_folder("https://example.org", ID, [one.place for one in doubts])
