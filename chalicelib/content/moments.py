"""Dates, times of day and spans as editors write them. Anything ambiguous is refused, never guessed."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DATE = r"(\d{4})-(\d{1,2})-(\d{1,2})"
_MOMENT = re.compile(
    rf"^{_DATE}(?:[T ]+(\d{{1,2}}):(\d{{2}})(?::(\d{{2}})(?:[.,]\d+)?)?\s*(Z|UTC|[+-]\d{{2}}:?\d{{2}})?)?$"
)
_TIME = re.compile(r"^(\d{1,2}):(\d{2})$")
_SPAN = re.compile(r"^(\d{1,5})\s*([mhdw])$")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_moment(text: str, zone: ZoneInfo) -> tuple[datetime, bool]:
    """A moment in UTC, and whether only a date was written (local midnight then).

    Takes ``2026-12-03``, ``2026-12-03 15:05``, with ``T``, seconds and an offset or ``Z``; without an
    offset the time is in ``zone``. Raises ValueError with what to write instead.
    """
    match = _MOMENT.match(text.strip())
    if not match:
        raise ValueError(f"'{text}' is no date; write it like 2026-12-03 or 2026-12-03 15:05")
    year, month, day, hour, minute, second, offset = match.groups()
    try:
        local = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001 (made aware below)
        return _aware(local, offset, zone).astimezone(UTC), hour is None
    except (ValueError, OverflowError) as error:
        raise ValueError(f"'{text}' is no date: {error}") from None


def _aware(local: datetime, offset: str | None, zone: ZoneInfo) -> datetime:
    if offset is None:
        return local.replace(tzinfo=zone)
    if offset in {"Z", "UTC"}:
        return local.replace(tzinfo=UTC)
    return datetime.fromisoformat(f"{local.isoformat()}{offset[:3]}:{offset[-2:]}")


def parse_time(text: str) -> time:
    """A local time of day like ``10:00``. Raises ValueError."""
    match = _TIME.match(text.strip())
    if not match or int(match[1]) > 23 or int(match[2]) > 59:
        raise ValueError(f"'{text}' is no time of day; write it like 10:00")
    return time(int(match[1]), int(match[2]))


def parse_span(text: str) -> timedelta:
    """A span like ``30m``, ``48h``, ``28d`` or ``2w``. Raises ValueError."""
    match = _SPAN.match(text.strip())
    if not match:
        raise ValueError(f"'{text}' is no span of time; write it like 30m, 48h, 28d or 2w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
