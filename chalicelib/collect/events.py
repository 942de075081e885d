"""Events of a calendar (RFC 5545, 3.6.1) as values.

icalendar reads what stands in their lines. It never sees a TZID: it would look zones up by guessing, and remember
those that one calendar defines for all others.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from chalicelib.collect.recurrence import Budget, Rule, parse_rule
from chalicelib.collect.zones import Observance, defined_zone, known_zone
from chalicelib.content.markup import one_line

_ZONED = re.compile(
    r"(?i)(DTSTART|DTEND|RECURRENCE-ID|EXDATE|RDATE)((?:;[^:\"]*?)?);TZID=(.*?)((?:;[A-Z-]+=[^;:\"]*)*):([^:]*)\Z"
)
_ZONE_DAYS = 100_000
MAX_DATES = 2000


@dataclass(frozen=True, slots=True)
class When:
    """A time as a calendar gives it: naive and local in ``zone``. Of a whole day its midnight."""

    local: datetime
    zone: tzinfo
    whole_day: bool = False

    def utc(self, local: datetime | None = None) -> datetime:
        """The moment, or that of another local time of the zone; what the zone skips moves on by the gap."""
        return (local or self.local).replace(tzinfo=self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """One VEVENT. ``original`` is its RECURRENCE-ID, ``onwards`` whether that means all later ones too.

    ``end`` comes from DTEND, ``duration`` from DURATION. ``unknown_zones`` are TZIDs nothing is known of.
    """

    uid: str
    sequence: int
    title: str
    start: When
    end: When | None = None
    duration: timedelta | None = None
    url: str = ""
    place: str = ""
    description: str = ""
    language: str = ""
    cancelled: bool = False
    rules: tuple[Rule, ...] = ()
    without: tuple[Rule, ...] = ()
    added: tuple[tuple[When, timedelta | None], ...] = ()
    excluded: tuple[When, ...] = ()
    original: When | None = None
    onwards: bool = False
    unknown_zones: tuple[str, ...] = ()

    @property
    def repeats(self) -> bool:
        """Whether it is a series and not one event or one occurrence of a series."""
        return self.original is None and bool(self.rules or self.added)


class ZoneTable:
    """What the TZIDs of one calendar mean. Times without a zone are in ``usual``, whole days in ``days``."""

    def __init__(self, usual: tzinfo, days: tzinfo, definitions: Mapping[str, list[list[str]]]) -> None:
        self.usual = usual
        self.days = days
        self._definitions = definitions
        self._found: dict[str, tzinfo | None] = {}

    def find(self, name: str) -> tzinfo | None:
        """A zone known by its name, else the one that the calendar defines, else None."""
        if name not in self._found:
            self._found[name] = known_zone(name) or self._defined(name)
        return self._found[name]

    def _defined(self, name: str) -> tzinfo | None:
        try:
            parts = [_observance(lines) for lines in self._definitions.get(name, [])]
            return defined_zone(name, parts, Budget(_ZONE_DAYS))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return None


def read_event(lines: list[str], zones: ZoneTable, *, cancelled: bool) -> Event:
    """The event of a VEVENT's lines; ``cancelled`` where its whole calendar is a cancellation (METHOD:CANCEL).

    Raises ValueError, in plain words, where it can't be used.
    """
    try:
        return _Reader(zones).event(_component(lines), cancelled=cancelled)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(_why(error)) from None


def _why(error: Exception) -> str:
    if "broken property" in str(error):
        return f"one of its fields can't be read ({one_line(str(error).rpartition(': ')[2], 80)})"
    if isinstance(error, OverflowError):
        return "one of its dates is beyond what calendars hold"
    return one_line(str(error)) if isinstance(error, ValueError) else "one of its fields is damaged or stands twice"


def _component(lines: list[str]) -> Any:
    """Lines as icalendar reads them, with each TZID put aside as X-TZID."""
    from icalendar import Event as Component  # 63 ms: only where a calendar is read

    aside = [_ZONED.sub(_put_aside, line) if "TZID" in line[:200].upper() else line for line in lines]
    return Component.from_ical("\r\n".join(["BEGIN:VEVENT", *aside, "END:VEVENT", ""]))


def _put_aside(match: re.Match[str]) -> str:
    name = match[3].replace('"', "")
    return f'{match[1]}{match[2]};X-TZID="{name}"{match[4]}:{match[5]}'


def _observance(lines: list[str]) -> Observance:
    part = _component(lines)
    dates = tuple(item.dt for value in _many(part.get("rdate", [])) for item in value.dts)
    return Observance(
        part["dtstart"].dt.replace(tzinfo=None),
        part["tzoffsetfrom"].td,
        part["tzoffsetto"].td,
        tuple(rule.to_ical().decode() for rule in _many(part.get("rrule", []))),
        tuple(day.replace(tzinfo=None) for day in dates if isinstance(day, datetime)),
    )


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(component: Any, key: str) -> str:
    value = component.get(key, "")
    return one_line(str(value[0] if isinstance(value, list) and value else value))


class _Reader:
    """Reads one event, and notes the zones that are unknown."""

    def __init__(self, zones: ZoneTable) -> None:
        self.zones = zones
        self.unknown: list[str] = []

    def event(self, part: Any, *, cancelled: bool) -> Event:
        if "dtstart" not in part:
            raise ValueError("it has no DTSTART")
        title = _text(part, "summary")
        if not title:
            raise ValueError("it has no SUMMARY")
        start = self.when(part["dtstart"])
        end, duration = self._end(part, start)
        override = "recurrence-id" in part
        scope = part["recurrence-id"].params.get("RANGE", "").upper() if override else ""
        if scope not in {"", "THISANDFUTURE"}:
            raise ValueError(f"it changes the occurrences {scope[:20]}, which is not followed")
        return Event(
            _text(part, "uid"),
            _sequence(part),
            title,
            start,
            end,
            duration,
            url=_text(part, "url"),
            place=_text(part, "location"),
            description=str(part.get("description", "")),
            language=_language(part),
            cancelled=cancelled or _text(part, "status").upper() == "CANCELLED",
            rules=() if override else self._rules(part, "rrule"),
            without=self._rules(part, "exrule"),
            added=() if override else tuple(self._dates(part, "rdate")),
            excluded=tuple(when for when, _ in self._dates(part, "exdate")),
            original=self.when(part["recurrence-id"]) if override else None,
            onwards=bool(scope),
            unknown_zones=tuple(dict.fromkeys(self.unknown)),
        )

    def when(self, value: Any) -> When:
        """A time of a property with parameters; without a zone it is in the calendar's."""
        return self._when(value.dt, value.params)

    def _when(self, moment: date | datetime, params: Mapping[str, Any]) -> When:
        if not isinstance(moment, datetime):
            when = When(datetime(moment.year, moment.month, moment.day), self.zones.days, whole_day=True)  # noqa: DTZ001
        elif moment.tzinfo:
            when = When(moment.astimezone(UTC).replace(tzinfo=None), UTC)
        else:
            when = When(moment, self._zone(str(params.get("X-TZID", ""))))
        when.utc()  # what no calendar can hold is refused here
        return when

    def _zone(self, name: str) -> tzinfo:
        zone = self.zones.find(name) if name else self.zones.usual
        if zone is None:
            self.unknown.append(name)
        return zone or self.zones.usual

    def _end(self, part: Any, start: When) -> tuple[When | None, timedelta | None]:
        if "dtend" in part:
            end = self.when(part["dtend"])
            if end.whole_day != start.whole_day or end.utc() < start.utc():
                raise ValueError("it ends before it starts")
            return end, None
        duration = part["duration"].dt if "duration" in part else None
        if duration is not None and duration < timedelta(0):
            raise ValueError("it ends before it starts")
        return None, duration

    def _rules(self, part: Any, key: str) -> tuple[Rule, ...]:
        values = _many(part[key]) if key in part else []
        return tuple(parse_rule(value if isinstance(value, str) else value.to_ical().decode()) for value in values)

    def _dates(self, part: Any, key: str) -> Iterator[tuple[When, timedelta | None]]:
        """The times of EXDATE or RDATE, each with the length of its period where it has one."""
        count = 0
        for value in _many(part[key]) if key in part else []:
            for item in value.dts:
                period = item.dt if isinstance(item.dt, tuple) else (item.dt, None)
                count += 1
                if count > MAX_DATES:
                    raise ValueError(f"it lists more than {MAX_DATES} dates")
                if isinstance(period[0], date):  # a datetime is a date too
                    yield self._when(period[0], value.params), _length(*period)


def _length(start: Any, end: Any) -> timedelta | None:
    if isinstance(end, timedelta):
        return max(end, timedelta(0))
    return max(end - start, timedelta(0)) if isinstance(end, datetime) and isinstance(start, datetime) else None


def _sequence(part: Any) -> int:
    text = _text(part, "sequence")
    return int(text) if re.fullmatch(r"\d{1,9}", text) else 0


def _language(part: Any) -> str:
    params = getattr(part["summary"], "params", {})
    return str(params.get("LANGUAGE", ""))
