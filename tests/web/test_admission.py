"""Who is let in: with room, with work where the site is busy, and never beyond what an address or a network may."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.audience.limits import PER_ADDRESS, PER_SITE, Limits, Rule
from chalicelib.audience.tokens import Secrets
from chalicelib.content.subscribing import WorkUse
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database
from chalicelib.web.admission import Admission, Asked, admit
from chalicelib.web.proof_of_work import ProofOfWork, is_solved

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BUSY = [WorkUse.OFF, WorkUse.WHEN_BUSY, WorkUse.ALWAYS]


class Door:
    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "door.db")
        table = SqliteTable(self.database, clock=NOW.timestamp)
        self.limits, self.work = Limits(table), ProofOfWork(table, Secrets(("s" * 40,)), 4)

    def ask(self, use: WorkUse, sid: str = "ada", ip: str = "203.0.113.1", *, works: bool = False) -> Admission:
        challenge, answer = "", ""
        if works:
            made = self.work.make(NOW)
            challenge = made.token
            answer = next(str(n) for n in range(10_000) if is_solved(made.salt, made.difficulty, str(n)))
        return admit(Asked(sid, ip, challenge, answer), use, self.limits, self.work, NOW)

    def make_busy(self) -> None:
        assert self.limits.take("site", "", Rule(1, PER_SITE.per_seconds), NOW).ok


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.database.close()


@pytest.mark.parametrize(
    ("use", "works", "ok"),
    [("off", False, True), ("when-busy", False, True), ("always", False, False), ("always", True, True)],
)
def test_on_a_quiet_day(door: Door, use: str, works: bool, ok: bool) -> None:
    found = door.ask(WorkUse(use), works=works)
    assert (found.ok, found.wants_work) == (ok, not ok)


@pytest.mark.parametrize(
    ("use", "works", "ok", "wants_work"),
    [
        ("off", False, False, False),
        ("off", True, False, False),
        ("when-busy", False, False, True),
        ("when-busy", True, True, False),
        ("always", False, False, True),
        ("always", True, True, False),
    ],
)
def test_where_the_site_is_busy(door: Door, use: str, works: bool, ok: bool, wants_work: bool) -> None:
    door.make_busy()
    found = door.ask(WorkUse(use), works=works)
    assert (found.ok, found.wants_work) == (ok, wants_work)
    if not ok and use != "always":
        assert (found.taken.name, found.taken.retry_after_seconds > 0) == ("site", True)


@pytest.mark.parametrize("use", BUSY)
def test_no_work_makes_up_for_an_address_that_is_asked_for_again_and_again(door: Door, use: WorkUse) -> None:
    door.make_busy()
    for number in range(6):
        found = door.ask(use, ip=f"198.51.{number}.1", works=True)
        assert found.ok is (number < PER_ADDRESS.capacity and use is not WorkUse.OFF)
    assert found.taken.retry_after_seconds > timedelta(minutes=1).total_seconds() or use is WorkUse.OFF


def test_work_counts_for_one_request(door: Door) -> None:
    made = door.work.make(NOW)
    answer = next(str(n) for n in range(10_000) if is_solved(made.salt, made.difficulty, str(n)))
    asked = Asked("ada", "203.0.113.1", made.token, answer)
    assert admit(asked, WorkUse.ALWAYS, door.limits, door.work, NOW).ok
    assert admit(asked, WorkUse.ALWAYS, door.limits, door.work, NOW).wants_work
