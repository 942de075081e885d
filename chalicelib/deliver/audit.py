"""The audit log: who decided what about which edition, and why. It is only added to; two years are kept."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.store import Key, Put, Table, every

KEPT = timedelta(days=730)
MOST_WORDS = 500
PROGRAM = "sendbrief"
"""Who stands for what the program decided itself: the brake, or the provider's word."""


@dataclass(frozen=True, slots=True)
class Noted:
    """One decision. ``at`` is an ISO moment, UTC; ``who`` a user of the machine, or a key of the API.

    ``about`` names an edition, perhaps places in it: never a reader.
    """

    at: str
    who: str
    what: str
    about: str
    why: str = ""

    def as_dict(self) -> dict[str, str]:
        """For programs."""
        return {name: getattr(self, name) for name in self.__slots__}


def note(table: Table, now: datetime, who: str, what: str, about: str, why: str = "") -> None:
    """Add one decision."""
    at = now.astimezone(UTC).isoformat(timespec="microseconds")
    data = {"who": who[:200], "what": what, "about": about[:MOST_WORDS], "why": why[:MOST_WORDS]}
    table.put_many([Put(Key(f"AUDIT#{at[:7]}", f"{at}#{secrets.token_hex(8)}"), data, int((now + KEPT).timestamp()))])


def noted(table: Table, since: datetime, until: datetime) -> Iterator[Noted]:
    """What was decided from ``since`` on, the oldest first."""
    start = since.astimezone(UTC).isoformat(timespec="microseconds")
    for month in _months(max(since, until - KEPT), until):
        for item in every(table, f"AUDIT#{month}"):
            if item.key.sk >= start:
                data = item.data
                yield Noted(item.key.sk.partition("#")[0], data["who"], data["what"], data["about"], data["why"])


def _months(since: datetime, until: datetime) -> Iterator[str]:
    first, last = since.astimezone(UTC), until.astimezone(UTC)
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield f"{number // 12:04d}-{number % 12 + 1:02d}"


__all__ = ["KEPT", "PROGRAM", "Noted", "note", "noted"]
