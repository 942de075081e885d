"""Time as a value: the system clock, and one moved to any moment so that it can be replayed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the present moment, aware, in UTC."""


def iso(moment: datetime | None) -> str | None:
    """A moment as JSON holds it."""
    return moment.isoformat() if moment else None


def from_iso(text: str | None) -> datetime | None:
    """The moment that ``iso`` wrote."""
    return datetime.fromisoformat(text) if text else None


def system_clock() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def clock_starting_at(moment: datetime) -> Clock:
    """A clock that shows ``moment`` (aware) now and runs on from there at the usual pace."""
    if moment.tzinfo is None:
        raise ValueError("a clock needs an aware moment")
    offset: timedelta = moment.astimezone(UTC) - system_clock()
    return lambda: system_clock() + offset
