"""ICS calendars (RFC 5545) become entries: one for each coming occurrence of an event."""

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.collect.entry import Entry, EntryText
from chalicelib.collect.found import Found, SourceError, refuse_what_is_no_source
from chalicelib.collect.identity import entry_id, identities, slugify
from chalicelib.content.markup import is_base, one_line, sanitise
from chalicelib.content.values import Problem, Severity, Site, Source

HORIZON = timedelta(days=90)
"""How far ahead occurrences become entries; sections cut finer with ``within``."""
MAX_EVENTS = 5000
MAX_OCCURRENCES = 400
MAX_TIMES_A_DAY = 24
BUDGET_SECONDS = 10.0
"""How long the rules of one calendar may be expanded: one that never comes true is searched to the year 9999."""


def read_calendar(site: Site, source: Source, body: bytes, now: datetime) -> Found:
    """The occurrences that begin within ``HORIZON`` of ``now``. Raises SourceError where it is no calendar."""
    events = _events(body)
    problems: list[Problem] = []
    if len(events) > MAX_EVENTS:
        problems.append(_problem(source, f"holds {len(events)} events; only the first {MAX_EVENTS} are read"))
    entries: dict[str, Entry] = {}
    moved, repeated = _overrides(events, site), _repeated(events)
    ends = time.monotonic() + BUDGET_SECONDS
    for event in events[:MAX_EVENTS]:
        try:
            if time.monotonic() > ends:
                raise ValueError("the rules of the events before it took too long to expand")
            for entry in _occurrences(site, source, event, moved, repeated, now):
                entries.setdefault(entry.id, entry)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            what = _text(event, "summary") or _text(event, "uid") or "without a title"
            problems.append(_problem(source, f"event '{what[:80]}' can't be used: {_why(error)}"))
    return Found(tuple(entries.values()), complete=True, problems=tuple(problems))


def _events(body: bytes) -> list[Any]:
    refuse_what_is_no_source(body)
    from icalendar import Calendar  # 63 ms: only where a calendar is read

    try:
        calendars: list[Any] = Calendar.from_ical(body.decode("utf-8-sig", "replace"), multiple=True)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise SourceError(f"can't be read as a calendar: {one_line(str(error))}"[:300]) from None
    if not any(calendar.name == "VCALENDAR" for calendar in calendars):
        raise SourceError("is no calendar: it has no BEGIN:VCALENDAR")
    return [event for calendar in calendars for event in calendar.walk("VEVENT")]


def _overrides(events: Iterable[Any], site: Site) -> set[tuple[str, datetime]]:
    """The occurrences, by UID and first moment, that an event of their own moves or cancels."""
    found = set()
    for event in events:
        with suppress(ValueError, AttributeError, OverflowError):  # a broken one is named where it is read
            if "recurrence-id" in event:
                found.add((_text(event, "uid"), _utc(event["recurrence-id"].dt, site)))
    return found


def _repeated(events: Iterable[Any]) -> set[str]:
    """UIDs that several events carry (some programs write the same one for all): they don't tell events apart."""
    counts = Counter(_text(event, "uid") for event in events if "recurrence-id" not in event)
    return {uid for uid, count in counts.items() if count > 1}


def _text(event: Any, key: str) -> str:
    value = event.get(key, "")
    return one_line(str(value[0] if isinstance(value, list) and value else value))


def _why(error: Exception) -> str:
    if "broken property" in str(error):
        return f"one of its fields can't be read ({one_line(str(error).rpartition(': ')[2], 80)})"
    return one_line(str(error)) if isinstance(error, ValueError) else "one of its fields is damaged or stands twice"


def _problem(source: Source, message: str) -> Problem:
    text = f"source '{source.name}': {message}"[:300]
    return Problem("content/site.yaml", source.line, "calendar", Severity.WARNING, text)


def _occurrences(
    site: Site, source: Source, event: Any, moved: set[tuple[str, datetime]], repeated: set[str], now: datetime
) -> Iterator[Entry]:
    if _text(event, "status").upper() == "CANCELLED":
        return
    if "dtstart" not in event:
        raise ValueError("it has no DTSTART")
    first = event["dtstart"].dt
    length = _length(event, first)
    override = "recurrence-id" in event
    series = not override and ("rrule" in event or "rdate" in event)
    uid = _text(event, "uid")
    for start in _expand(event, first, now, site) if series else [first]:
        moment = _utc(start, site)
        original = _utc(event["recurrence-id"].dt, site) if override else moment
        if not override and (uid, moment) in moved:
            continue
        if now - timedelta(days=1) <= moment <= now + HORIZON:
            single = uid and not (series or override or uid in repeated)
            name = uid if single else f"{uid or slugify(_text(event, 'summary'))}/{original:%Y%m%dT%H%M}"
            yield _entry(site, source, event, name, moment, length, not isinstance(start, datetime), now)


def _length(event: Any, first: date | datetime) -> timedelta:
    if "dtend" in event:
        end = event["dtend"].dt
        if isinstance(end, datetime) != isinstance(first, datetime) or end < first:
            raise ValueError("it ends before it starts")
        length: timedelta = end - first
        return length
    length = event["duration"].dt if "duration" in event else timedelta(0)
    if length < timedelta(0):
        raise ValueError("it ends before it starts")
    return length


def _expand(event: Any, first: date | datetime, now: datetime, site: Site) -> Iterable[date | datetime]:
    """Local start times by RRULE, RDATE and EXDATE, from yesterday to the horizon."""
    from dateutil.rrule import rruleset, rrulestr

    zone = first.tzinfo if isinstance(first, datetime) and first.tzinfo else site.time_zone
    naive = first.replace(tzinfo=None) if isinstance(first, datetime) else datetime(first.year, first.month, first.day)  # noqa: DTZ001
    rules = rruleset()
    if "rrule" not in event:
        rules.rdate(naive)
    for rule in _many(event["rrule"]) if "rrule" in event else []:
        _refuse_endless(rule)
        text = _naive_until(rule.to_ical().decode(), zone)
        rules.rrule(rrulestr(text, dtstart=naive))  # type: ignore[arg-type]
    for excluded in _dates(event, "exdate"):
        rules.exdate(_local(excluded, zone))
    for added in _dates(event, "rdate"):
        rules.rdate(_local(added, zone))
    low = (now - timedelta(days=1)).astimezone(zone).replace(tzinfo=None)
    high = (now + HORIZON).astimezone(zone).replace(tzinfo=None)
    for count, start in enumerate(rules.between(low, high, inc=True)):
        if count >= MAX_OCCURRENCES:
            return
        yield start.replace(tzinfo=zone) if isinstance(first, datetime) else start.date()


def _refuse_endless(rule: Any) -> None:
    """Rules by the second would be expanded for hours; no event takes place that often."""
    often = math.prod(max(1, len(_many(rule.get(key, [])))) for key in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    if _many(rule.get("FREQ", [""]))[0] not in {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"} or often > MAX_TIMES_A_DAY:
        raise ValueError("its RRULE repeats more often than events do, or has no FREQ")
    if any(number < 1 for key in ("INTERVAL", "COUNT") for number in _many(rule.get(key, [1]))):
        raise ValueError("its RRULE has an INTERVAL or COUNT below 1")


def _naive_until(rule: str, zone: Any) -> str:
    """UNTIL in UTC as local time, since the rule is expanded in local time; a date counts to its end."""
    parts = []
    for part in rule.split(";"):
        if part.upper().startswith("UNTIL=") and part.endswith("Z"):
            until = datetime.strptime(part[6:], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).astimezone(zone)
            part = f"UNTIL={until:%Y%m%dT%H%M%S}"
        elif part.upper().startswith("UNTIL=") and "T" not in part[6:]:
            part = f"{part}T235959"
        parts.append(part)
    return ";".join(parts)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _dates(event: Any, key: str) -> Iterator[date | datetime]:
    for value in _many(event[key]) if key in event else []:
        for item in value.dts:
            dt = item.dt[0] if isinstance(item.dt, tuple) else item.dt  # a period begins where its event does
            if isinstance(dt, date):  # a datetime is a date too
                yield dt


def _local(moment: date | datetime, zone: Any) -> datetime:
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
    return (moment.astimezone(zone) if moment.tzinfo else moment).replace(tzinfo=None)


def _utc(moment: date | datetime, site: Site) -> datetime:
    """Floating times and dates are in the site's zone."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
    zone: ZoneInfo = site.time_zone
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _entry(
    site: Site,
    source: Source,
    event: Any,
    name: str,
    moment: datetime,
    length: timedelta,
    all_day: bool,
    now: datetime,
) -> Entry:
    title, url, place = (_text(event, key) for key in ("summary", "url", "location"))
    if not title:
        raise ValueError("it has no SUMMARY")
    link = next((t for t in (url, place) if t.startswith("https://") and " " not in t and is_base(t)), "")
    paragraphs = str(event.get("description", "")).split("\n\n")
    body = "".join(f"<p>{escape(part)}</p>" for part in paragraphs if part.strip())
    names = identities(source.name, guid=name)
    return Entry(
        id=entry_id(names[0]),
        slug=f"{moment.astimezone(site.time_zone):%Y-%m-%d}-{slugify(title)}",
        kind=source.entry_kind,
        source=source.name,
        texts={source.language or site.fallback: EntryText(title, link, sanitise(body, link))},
        first_seen=now,
        starts=moment,
        ends=moment + length if length else None,
        all_day=all_day,
        place=place,
        identities=names,
    )
