"""What editions somebody got, and a server's words on them: found without an index, and forgotten."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.audience.suppression import Suppressions
from chalicelib.deliver.draining import drain
from chalicelib.deliver.hearing.hearing import Hearing
from chalicelib.deliver.hearing.values import Heard
from chalicelib.deliver.ledger import News
from chalicelib.deliver.sends import Sends, whole_dossier
from chalicelib.transports import Fate, Mail, Outcome
from tests.deliver.house import ID, House
from tests.simulation.world import SECRETS, SLOT


async def refuses_reader3(mails: Sequence[Mail]) -> list[Outcome]:
    return [
        Outcome(Fate.FAILED, f"550 no reader3 here, says {m.recipient}") if "reader3" in m.recipient
        else Outcome(Fate.SENT) for m in mails
    ]  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path, readers=23)
    house.transport.script = refuses_reader3
    house.start()
    asyncio.run(drain(house.queue, house.worker()))
    house.dispatcher.tick(SLOT)
    return house


def sends(house: House) -> Sends:
    return Sends(house.table, house.blobs)


def test_everybody_is_found_in_the_chunk_they_are_in(house: House) -> None:
    house.subscribe("late@example.org")
    assert house.edition().chunks == 5
    for address, sid in house.sids.items():
        (send,) = sends(house).of([sid], ["digest"])
        assert (send.edition, send.at) == (ID, SLOT.isoformat())
        assert send.outcome == ("failed" if address == "reader3@example.org" else "sent")
        assert house.dispatcher.chunks.recipients(ID, send.chunk)[send.position].sid == sid
    assert list(sends(house).of([house.audience.sid("late@example.org")], ["digest"])) == []
    assert list(sends(house).of(["0" * 24, "f" * 24], ["digest"])) == []
    assert list(sends(house).of([house.sids["reader1@example.org"]], ["another"])) == []


def test_a_former_id_counts_and_the_dossier_holds_all_of_it(house: House) -> None:
    sid = house.sids["reader3@example.org"]
    found = whole_dossier(house.table, house.blobs, SECRETS, sid, SLOT)
    reason = "550 no reader3 here, says the recipient"
    assert found["sends"] == [
        {"edition": ID, "at": SLOT.isoformat(), "outcome": "failed", "reason": reason, "heard": []}
    ]
    both = [sid, house.sids["reader1@example.org"]]
    assert [send.outcome for send in sends(house).of(both, ["digest"])] == ["failed", "sent"]


def test_a_servers_words_on_somebody_are_forgotten_and_the_books_stand(house: House) -> None:
    books, sid = house.books(), house.sids["reader3@example.org"]
    assert sends(house).forget_reasons([sid], ["digest"]) == 1
    assert sends(house).forget_reasons([sid], ["digest"]) == 0
    (send,) = sends(house).of([sid], ["digest"])
    assert (send.outcome, send.reason) == ("failed", "")
    assert house.books() == books


def test_what_was_heard_of_a_mail_is_in_the_dossier_and_forgotten_with_it(house: House) -> None:
    sid = house.sids["reader5@example.org"]
    (send,) = sends(house).of([sid], ["digest"])
    words = "452 4.2.2 mailbox of Ada Lovelace is full"
    heards = [
        Heard(
            News.BOUNCED, SLOT + timedelta(hours=hour), f"{hour}", ID, send.chunk, send.position, excerpt=words,
            source="dsn",
        )
        for hour in (2, 1)
    ]  # fmt: skip
    Hearing(house.table, house.blobs, Suppressions(house.table)).record(heards, SLOT)
    found = whole_dossier(house.table, house.blobs, SECRETS, sid, SLOT)
    at = [(SLOT + timedelta(hours=hour)).isoformat() for hour in (1, 2)]
    note = {"kind": "bounced", "source": "dsn", "words": words}
    assert found["sends"][0]["heard"] == [{**note, "at": one} for one in at]
    assert len(found["bounces"]) == 2
    assert sends(house).forget_reasons([sid], ["digest"]) == 1
    assert sends(house).forget_reasons([sid], ["digest"]) == 0
    assert not [item for item in house.table.everything() if "Lovelace" in str(item.data)]
