"""What is seen of a dead letter: whose chunk it is, who waits, and what would stop it now."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.tokens import MailTokens
from chalicelib.deliver.chunks import ledger_key, task_body
from chalicelib.deliver.redriving import DeadLetter, dead_letters, examined
from tests.deliver.house import ID, House
from tests.simulation.world import SECRETS, SLOT


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    made.start()
    yield made
    made.database.close()


def seen(house: House, body: str) -> DeadLetter:
    return examined(body, house.table, house.blobs)


def test_a_chunk_that_could_go_on_has_no_trouble(house: House) -> None:
    assert seen(house, task_body(ID, 1)) == DeadLetter(ID, 1, 5, "")


def test_what_would_stop_it_is_told(house: House) -> None:
    assert "no chunk" in seen(house, "no JSON").trouble
    assert "nobody/2026-11-26" in seen(house, task_body("nobody/2026-11-26", 0)).trouble
    item = house.table.get(ledger_key(ID, 0))
    assert item is not None
    house.table.delete(item)
    assert "ledger of chunk 0" in seen(house, task_body(ID, 0)).trouble
    house.control.cancel(ID, SLOT)
    assert seen(house, task_body(ID, 1)).trouble == "the edition is cancelled: nothing of it is sent"


class Dead:
    """A queue with dead letters."""

    def __init__(self, *bodies: str) -> None:
        self.bodies = list(bodies)

    def dead(self) -> list[str]:
        return self.bodies


def event(edition: str, chunk: int) -> str:
    tags = {"edition": [edition], "chunk": [str(chunk)], "position": ["0"]}
    return json.dumps({"eventType": "Delivery", "mail": {"messageId": "m", "tags": tags}, "delivery": {}})


def test_letters_of_each_queue_are_told_apart_and_name_nobody(house: House) -> None:
    item = house.table.get(ledger_key(ID, 1))
    assert item is not None
    house.table.delete(item)
    notice = {"notice": "confirm", "sid": "ab" * 12, "language": "en", "newsletters": []}
    queues: Any = {
        "chunks": Dead(task_body(ID, 0)),
        "notices": Dead(json.dumps(notice), "ada@example.org"),
        "events": Dead(event("digest_2026-11-26", 0), event("digest_2026-11-26", 1), event("digest_gone", 0),
                       event("", 0), "to ada@example.org"),
    }  # fmt: skip
    found = dead_letters(queues, house.table, house.blobs, MailTokens(SECRETS), SLOT)
    assert [(one.queue, one.edition, one.chunk, one.waiting, bool(one.trouble)) for one in found] == [
        ("chunks", ID, 0, 5, False),
        ("notices", "", -1, 1, False), ("notices", "", -1, 0, True),
        ("events", ID, 0, 0, False), ("events", ID, 1, 0, True), ("events", "digest/gone", 0, 0, True),
        ("events", "", -1, 0, False), ("events", "", -1, 0, True),
    ]  # fmt: skip
    assert "ada" not in str(found)
