"""Listening: each mail and each event has a fate of its own, and what can't be recorded now comes again."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.audience.suppression import Suppressions
from chalicelib.audience.tokens import MailTokens
from chalicelib.deliver.chunks import ledger_key
from chalicelib.deliver.draining import drain
from chalicelib.deliver.hearing.listening import Listener, Tally, within
from chalicelib.deliver.hearing.references import bounce_sender, edition_reference, signed_message_id
from chalicelib.errors import InboxError, StoreUnavailableError
from chalicelib.store import Item, Key, QueueMessage
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_queue import SqliteQueue
from tests.deliver.hearing.samples import sample
from tests.deliver.house import ID, House
from tests.simulation.world import SECRETS, SLOT

NOW = SLOT + timedelta(hours=1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.start()
    asyncio.run(drain(made.queue, made.worker()))
    yield made
    made.database.close()


def listener(house: House, table: SqliteTable | None = None) -> Listener:
    suppressions = Suppressions(house.table)
    return Listener(table or house.table, house.blobs, suppressions, MailTokens(SECRETS), lambda: ["digest"])


def event(chunk: int, position: int) -> str:
    tags = {"edition": ["digest_2026-11-26"], "chunk": [str(chunk)], "position": [str(position)]}
    return json.dumps({"eventType": "Delivery", "mail": {"messageId": "m", "tags": tags}, "delivery": {}})


def returned(chunk: int, position: int) -> bytes:
    reference = edition_reference(ID, chunk, position)
    verp = bounce_sender("bounces@example.org", reference, MailTokens(SECRETS).sign(reference))
    return sample("postfix-unknown-user", message_id="other@example.net", verp=verp)


def lose_ledger(house: House, chunk: int) -> None:
    item = house.table.get(ledger_key(ID, chunk))
    assert item is not None
    house.table.delete(item)


class Box:
    """An inbox of mails by name."""

    def __init__(self, *mails: bytes) -> None:
        self.left = {str(number): raw for number, raw in enumerate(mails)}

    def mails(self) -> Iterator[tuple[str, bytes]]:
        yield from list(self.left.items())

    def done(self, name: str) -> None:
        del self.left[name]

    def close(self) -> None:
        return None


def test_a_queue_is_heard_and_what_is_no_event_ends_with_the_dead_letters(house: House) -> None:
    queue = SqliteQueue(house.database, "events", max_attempts=2, wall_clock=house.wall)
    queue.send([event(0, number % 5) for number in range(12)])
    queue.send(["no JSON"])
    tally = listener(house).queue(queue, lambda: NOW)
    assert (house.marks(), tally.read, tally.recorded.changed) == ("v" * 5 + "s" * 5, 12, 5)
    assert "no event of SES" in tally.troubles[0]
    assert listener(house).queue(queue, lambda: NOW).read == 0, "the bad one waits for a while"
    house.passed += 3600
    again = listener(house).queue(queue, lambda: NOW)
    assert (again.read, len(again.troubles)) == (0, 1), "and nothing that was heard comes again"
    house.passed += 3600
    assert (queue.receive(10), queue.dead()) == ([], ["no JSON"])


def test_of_a_batch_only_the_event_that_cannot_be_recorded_comes_again(house: House) -> None:
    lose_ledger(house, 1)
    messages = [QueueMessage(event(chunk, chunk), f"r{chunk}", 1) for chunk in (1, 0)]
    tally = Tally()
    failed = listener(house).events(messages, NOW, tally)
    assert list(failed) == ["r1"]
    assert "ledger of chunk 1" in str(failed["r1"])
    assert (house.marks()[0], tally.recorded.changed, len(tally.troubles)) == ("v", 1, 1)


def test_a_mail_that_cannot_be_recorded_stays_unread_and_stops_no_other(house: House) -> None:
    lose_ledger(house, 1)
    box = Box(returned(1, 0), returned(0, 2), b"Subject: hello\n\nA person writes.\n")
    tally = listener(house).inbox(box, NOW)
    assert list(box.left) == ["0"]
    assert (tally.read, tally.recorded.suppressed, len(tally.troubles)) == (2, 1, 1)
    assert house.marks()[2] == "b"


def test_a_store_that_is_away_ends_the_round_with_every_mail_kept(house: House) -> None:
    class Away(SqliteTable):
        def get(self, key: Key) -> Item | None:
            raise StoreUnavailableError("The disk is gone.")

    box = Box(returned(0, 0), returned(0, 1))
    with pytest.raises(StoreUnavailableError):
        listener(house, Away(house.database, house.wall)).inbox(box, NOW)
    assert list(box.left) == ["0", "1"]


def test_a_mailbox_that_breaks_off_is_told_with_all_that_was_heard_before(house: House) -> None:
    class Breaking(Box):
        def mails(self) -> Iterator[tuple[str, bytes]]:
            yield next(super().mails())
            raise InboxError("The server hung up.")

    tally = listener(house).inbox(Breaking(returned(0, 0), returned(0, 1)), NOW)
    assert (tally.read, tally.recorded.suppressed, tally.troubles) == (1, 1, ["The server hung up."])


def test_a_mailbox_that_a_setting_names_wrongly_is_told_and_one_that_is_right_is_heard(
    house: House, tmp_path: Path
) -> None:
    (told,) = listener(house).mailbox("pop3://u:p@example.org", NOW).troubles
    assert "SENDBRIEF_BOUNCES" in told
    for name in ("new", "cur"):
        (tmp_path / "box" / name).mkdir(parents=True)
    (tmp_path / "box" / "new" / "1").write_bytes(returned(0, 1))
    assert listener(house).mailbox(f"maildir:{tmp_path}/box", NOW, stop=lambda: True).read == 0
    tally = listener(house).mailbox(f"maildir:{tmp_path}/box", NOW)
    assert (tally.read, tally.troubles, house.marks()[1]) == (1, [], "b")


class Faulty:
    """A signer with a fault of its own over one mail: what nobody foresaw."""

    def __init__(self, place: str) -> None:
        self.tokens, self.place = MailTokens(SECRETS), place

    def sign(self, text: str) -> str:
        return self.tokens.sign(text)

    def valid(self, text: str, signature: str) -> bool:
        if text.endswith(self.place):
            raise LookupError("ada@example.net")
        return self.tokens.valid(text, signature)


def test_a_fault_over_one_mail_or_event_stops_no_other_and_names_nobody(house: House) -> None:
    hearing = Listener(house.table, house.blobs, Suppressions(house.table), Faulty(".0.0"), lambda: ["digest"])
    box = Box(returned(0, 0), returned(0, 2))
    tally = hearing.inbox(box, NOW)
    assert (list(box.left), house.marks()[:3]) == (["0"], "ssb")
    assert tally.troubles == ["Fault over a mail that came back: LookupError. It stays unread."]
    reference = edition_reference(ID, 0, 0)
    name = signed_message_id(reference, MailTokens(SECRETS), "example.org")
    mail = {"messageId": "m", "headers": [{"name": "Message-ID", "value": name}]}
    older = json.dumps({"notificationType": "Delivery", "mail": mail, "delivery": {}})
    failed = hearing.events([QueueMessage(older, "r0", 1), QueueMessage(event(0, 1), "r1", 1)], NOW, Tally())
    assert [str(error) for error in failed.values()] == [
        "Fault over an event: LookupError. It goes to the dead letters; report it."
    ]
    assert house.marks()[:3] == "svb"


def test_a_store_that_is_away_fails_a_batch_as_one_and_is_named_once(house: House) -> None:
    class Away(SqliteTable):
        asked = 0

        def get(self, key: Key) -> Item | None:
            self.asked += 1
            raise StoreUnavailableError("The disk is gone.")

    table, tally = Away(house.database, house.wall), Tally()
    messages = [QueueMessage(event(0, number), f"r{number}", 1) for number in range(5)]
    failed = listener(house, table).events(messages, NOW, tally)
    assert (sorted(failed), table.asked, len(tally.troubles)) == ([f"r{number}" for number in range(5)], 1, 1)


def test_a_queue_that_is_away_is_told_with_what_was_heard(house: House) -> None:
    class Away(SqliteQueue):
        left = 1

        def receive(self, most: int = 1, *, visibility: int = 300, wait: int = 0) -> list[QueueMessage]:
            if not self.left:
                raise StoreUnavailableError("SQS is away.")
            self.left -= 1
            return super().receive(most, visibility=visibility, wait=wait)

    queue = Away(house.database, "events", wall_clock=house.wall)
    queue.send([event(0, 0)])
    tally = listener(house).queue(queue, lambda: NOW)
    assert (tally.recorded.changed, tally.troubles) == (1, ["SQS is away."])


def test_a_round_ends_when_its_time_is_over_or_somebody_asks() -> None:
    asked = iter((False, True))
    assert within(3600)() is False
    assert within(0)() is True
    stop = within(3600, lambda: next(asked))
    assert (stop(), stop()) == (False, True)


def test_a_round_that_is_told_to_stop_leaves_the_rest_for_the_next(house: House) -> None:
    box = Box(returned(0, 0), returned(0, 1))
    answers = iter((False, True))
    assert listener(house).inbox(box, NOW, stop=lambda: next(answers)).read == 1
    assert list(box.left) == ["1"]
