"""The audit log: what was decided stays, in its order, for two years."""

from datetime import UTC, datetime, timedelta

from chalicelib.deliver.audit import KEPT, note, noted
from tests.simulation.memory import MemoryTable

NOW = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)


def test_what_was_decided_comes_back_in_order_over_the_months() -> None:
    table = MemoryTable()
    for days, what in ((40, "pause"), (0, "resume"), (3, "cancel")):
        note(table, NOW - timedelta(days=days), "ada", what, "digest/2026-11-26", "because" * 100)
    found = list(noted(table, NOW - timedelta(days=60), NOW))
    assert [one.what for one in found] == ["pause", "cancel", "resume"]
    assert found[0].as_dict() == {
        "at": (NOW - timedelta(days=40)).isoformat(timespec="microseconds"), "who": "ada", "what": "pause",
        "about": "digest/2026-11-26", "why": ("because" * 100)[:500],
    }  # fmt: skip
    assert [one.what for one in noted(table, NOW - timedelta(days=3), NOW)] == ["cancel", "resume"]
    assert list(noted(table, NOW + timedelta(minutes=1), NOW + timedelta(days=1))) == []


def test_two_at_the_same_moment_are_two() -> None:
    table = MemoryTable()
    for _ in range(2):
        note(table, NOW, "ada", "pause", "digest/2026-11-26")
    assert len(list(noted(table, NOW, NOW))) == 2


def test_it_is_kept_for_two_years() -> None:
    table = MemoryTable()
    note(table, NOW, "ada", "pause", "digest/2026-11-26")
    (item,) = table.everything()
    assert item.expires == int((NOW + KEPT).timestamp())
    assert len(list(noted(table, datetime(1970, 1, 1, tzinfo=UTC), NOW))) == 1
