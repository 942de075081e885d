"""What is seen of a dead letter: whose chunk it is, who waits, and what would stop it now."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.deliver.chunks import ledger_key, task_body
from chalicelib.deliver.redriving import DeadLetter, examined
from tests.deliver.house import ID, House
from tests.simulation.world import SLOT


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
