"""Subscribing, leaving, suppressing, removing: each safe to repeat and to cut off."""

import io
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.audience import make_member
from chalicelib.audience.exporting import export_csv, safe_cell
from chalicelib.audience.subscriber import Basis, MemberState
from chalicelib.store import Write
from chalicelib.store.sqlite import SqliteTable
from tests.audience.house import NOW, SECRETS, People


def test_a_person_is_one_whatever_the_case_and_stays_out_after_leaving(people: People) -> None:
    assert [people.add("Ada@example.org"), people.add("ada@EXAMPLE.org")] == ["new", "same"]
    sid = people.audience.sid("ADA@example.org")
    assert people.audience.leave(sid, "digest", NOW, "link")
    assert not people.audience.leave(sid, "digest", NOW, "link"), "idempotent"
    assert not people.audience.leave("0" * 24, "digest", NOW, "link")
    assert people.add("ada@example.org") == "unsubscribed"
    assert [line["action"] for line in people.audience.history(sid)] == ["subscribed", "unsubscribed"]
    assert people.audience.profile("ada@example.org").newsletters == {"digest": "unsubscribed"}


def test_leaving_one_newsletter_leaves_the_other(people: People) -> None:
    people.add("ada@example.org")
    people.add("ada@example.org", "alerts")
    sid = people.audience.sid("ada@example.org")
    people.audience.leave(sid, "digest", NOW, "link")
    other = people.audience.membership("alerts", sid)
    assert other is not None
    assert other.state is MemberState.CONFIRMED
    assert people.audience.profile("ada@example.org").newsletters == {"digest": "unsubscribed", "alerts": "confirmed"}


def test_a_suppressed_person_is_not_taken_in(people: People) -> None:
    people.audience.suppress(people.audience.sid("ada@example.org"), "complaint", NOW)
    assert people.add("ADA@example.org") == "suppressed"
    assert people.addresses() == []


def test_racing_subscriptions_and_departures_end_in_one_consistent_state(people: People) -> None:
    people.add("ada@example.org")
    sid = people.audience.sid("ada@example.org")
    results: list[bool] = []

    def leave() -> None:
        results.append(people.audience.leave(sid, "digest", NOW, "link"))

    def join(newsletter: str) -> None:
        people.add("ada@example.org", newsletter)

    threads = [threading.Thread(target=leave) for _ in range(3)]
    threads += [threading.Thread(target=join, args=(f"letter{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, False, True]
    states = people.audience.profile("ada@example.org").newsletters
    assert states == {"digest": "unsubscribed", "letter0": "confirmed", "letter1": "confirmed", "letter2": "confirmed"}


def everything(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        rows = [
            str(row) for table in ("items", "messages", "blobs") for row in connection.execute(f"SELECT * FROM {table}")
        ]
    connection.close()
    return "\n".join(rows)


class Cut(BaseException):
    pass


class CutOff:
    """A table whose n-th transaction never happens."""

    def __init__(self, table: SqliteTable, after: int) -> None:
        self._table, self._left = table, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def transact(self, writes: Sequence[Write]) -> None:
        if self._left == 0:
            raise Cut
        self._left -= 1
        self._table.transact(writes)


def test_an_import_cut_off_in_the_middle_is_finished_by_the_next(people: People) -> None:
    rows = "email\n" + "".join(f"reader{n}@example.org\n" for n in range(100))
    with pytest.raises(Cut):
        people.load(rows, CutOff(people.table, 2))
    assert len(people.addresses()) == 66
    report = people.load(rows)
    assert (report.read, report.new, report.same) == (100, 34, 66)
    assert len(people.addresses()) == 100


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-1", "@sum", "\tx", "\rx"])
def test_no_exported_cell_is_a_formula(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"


def test_what_is_exported_comes_back_the_same(people: People) -> None:
    addresses = ["=cmd@example.org", "+tag@example.org", "-x@example.org", "o'neil@example.com", "'quoted@example.org"]
    for address in addresses:
        people.add(address, name='=HYPERLINK("x"), "y"')
    out = io.StringIO()
    assert export_csv(people.audience.members("digest"), out) == len(addresses)
    assert all(not line.startswith(("=", "+", "-", "@")) for line in out.getvalue().splitlines()[1:])
    report = people.load(out.getvalue())
    assert (report.same, report.problems) == (len(addresses), [])
    assert people.addresses() == sorted(addresses)


def test_thirty_at_once_fit_one_transaction(people: People) -> None:
    wanted = [make_member(SECRETS, "digest", f"r{n}@example.org", "", "") for n in range(30)]
    assert people.audience.subscribe(wanted, Basis.CONTRACT, "a test", NOW) == ["new"] * 30
