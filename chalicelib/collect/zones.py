"""Time zones as calendars name them: by IANA's names, by those of Windows, or by a VTIMEZONE of their own."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from chalicelib.collect.recurrence import Budget, expand, parse_rule

MAX_OBSERVANCES = 60
LAST_YEAR = 2100
"""How far the rules of a VTIMEZONE are followed."""


class DefinedZone(tzinfo):
    """A zone as a calendar's own VTIMEZONE defines it (RFC 5545, 3.6.5).

    ``onsets`` are (local time under the old offset, new offset). Only local times are turned into UTC by it; ones
    that the zone skips or repeats count under the offset before, as RFC 5545, 3.3.5 says.
    """

    def __init__(self, name: str, before: timedelta, onsets: Iterable[tuple[datetime, timedelta]]) -> None:
        self.name = name
        ordered = sorted(onsets)
        self._before = before
        self._times = []
        self._offsets = [offset for _, offset in ordered]
        for (local, offset), old in zip(ordered, [before, *self._offsets], strict=False):
            # a skipped hour belongs to the time before it, and so does the first of a repeated one
            self._times.append(local + max(offset - old, timedelta(0)))

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """The offset at a local time; None only for no time."""
        if moment is None:
            return None
        position = bisect_right(self._times, moment.replace(tzinfo=None)) - 1
        return self._offsets[position] if position >= 0 else self._before

    def dst(self, moment: datetime | None) -> timedelta | None:
        """Not told apart from the offset."""
        return timedelta(0) if moment else None

    def tzname(self, moment: datetime | None) -> str:
        """The calendar's own name for it."""
        return self.name


def local_time(moment: datetime, zone: tzinfo) -> datetime:
    """An aware moment as the naive local time of any zone, also of one that only knows its offset at local times."""
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    guess = naive + (zone.utcoffset(naive) or timedelta(0))
    return naive + (zone.utcoffset(guess) or timedelta(0))


def known_zone(name: str) -> ZoneInfo | None:
    """The zone a TZID means by itself: its IANA name, a Windows name, or an IANA name after a program's prefix."""
    cleaned = name.strip().strip('"').strip("/").strip()
    parts = cleaned.split("/")
    windows = _windows().get(cleaned.casefold(), "")
    for candidate in (cleaned, windows, *("/".join(parts[start:]) for start in range(1, len(parts)))):
        if candidate and (zone := _iana(candidate)):
            return zone
    return None


def _iana(name: str) -> ZoneInfo | None:
    known = _names().get(name.casefold())
    try:
        return ZoneInfo(known) if known else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@cache
def _names() -> Mapping[str, str]:
    return {name.casefold(): name for name in available_timezones() if name not in {"localtime", "Factory"}}


@cache
def _windows() -> Mapping[str, str]:
    """The table of the Unicode CLDR, which icalendar keeps."""
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    return {name.casefold(): iana for name, iana in WINDOWS_TO_OLSON.items()}


@dataclass(frozen=True, slots=True)
class Observance:
    """A STANDARD or DAYLIGHT part: from ``start`` (naive local, under ``old``) on, the offset is ``new``."""

    start: datetime
    old: timedelta
    new: timedelta
    rules: tuple[str, ...] = ()
    dates: tuple[datetime, ...] = ()


def defined_zone(name: str, observances: Iterable[Observance], budget: Budget) -> DefinedZone:
    """The zone that a calendar defines. Raises ValueError where it can't be followed."""
    onsets: list[tuple[datetime, timedelta]] = []
    parts = sorted(observances, key=lambda part: part.start)[:MAX_OBSERVANCES]
    if not parts:
        raise ValueError("a zone without times")
    for part in parts:
        times = {part.start, *part.dates, *_by_rules(part.rules, part.start, part.old, budget)}
        onsets += [(time, part.new) for time in times]
    return DefinedZone(name, parts[0].old, onsets)


def _by_rules(texts: Iterable[str], start: datetime, old: timedelta, budget: Budget) -> Iterable[datetime]:
    for text in texts:
        rule = parse_rule(text)
        if rule.freq not in {"YEARLY", "MONTHLY"}:
            raise ValueError("a zone that changes more than monthly")
        if rule.until and rule.until.tzinfo:
            rule = replace(rule, until=rule.until.replace(tzinfo=None) + old)
        yield from expand(rule, start, start, datetime(LAST_YEAR, 1, 1), budget)  # noqa: DTZ001
