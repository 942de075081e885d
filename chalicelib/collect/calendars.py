"""ICS calendars (RFC 5545) become entries: one for each coming occurrence of an event."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.collect.entry import Entry, EntryText
from chalicelib.collect.found import Found, SourceError
from chalicelib.collect.identity import entry_id, identities, slugify
from chalicelib.content.markup import sanitise
from chalicelib.content.values import Problem, Severity, Site, Source

HORIZON = timedelta(days=90)
"""How far ahead occurrences become entries; sections cut finer with ``within``."""
MAX_EVENTS = 5000
MAX_OCCURRENCES = 400


def read_calendar(site: Site, source: Source, body: bytes, now: datetime) -> Found:
    """The occurrences that begin within ``HORIZON`` of ``now``. Raises SourceError where it is no calendar."""
    if not body.strip():
        raise SourceError("the answer is empty")
    from icalendar import Calendar  # 63 ms: only where a calendar is read

    try:
        calendar = Calendar.from_ical(body.decode("utf-8-sig", "replace"))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise SourceError(f"can't be read as a calendar: {error}".replace("\n", " ")[:300]) from None
    problems: list[Problem] = []
    entries: dict[str, Entry] = {}
    events: list[Any] = calendar.walk("VEVENT")[:MAX_EVENTS]
    moved = {(str(e.get("uid", "")), _utc(e["recurrence-id"].dt, site)) for e in events if "recurrence-id" in e}
    for event in events:
        try:
            for entry in _occurrences(site, source, event, moved, now):
                entries.setdefault(entry.id, entry)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            problems.append(_problem(source, event, str(error)))
    return Found(tuple(entries.values()), complete=True, problems=tuple(problems))


def _problem(source: Source, event: Any, why: str) -> Problem:
    what = str(event.get("summary", event.get("uid", "without a title")))[:80]
    message = f"source '{source.name}': event '{what}' can't be used: {why}"[:300]
    return Problem("content/site.yaml", source.line, "calendar", Severity.WARNING, message)


def _occurrences(
    site: Site, source: Source, event: Any, moved: set[tuple[str, datetime]], now: datetime
) -> Iterator[Entry]:
    if str(event.get("status", "")).upper() == "CANCELLED":
        return
    if "dtstart" not in event:
        raise ValueError("it has no DTSTART")
    first = event["dtstart"].dt
    length = _length(event, first)
    override = "recurrence-id" in event
    uid = str(event.get("uid", "")) or slugify(str(event.get("summary", "")))
    for start in [first] if override or "rrule" not in event else _expand(event, first, now, site):
        moment = _utc(start, site)
        original = _utc(event["recurrence-id"].dt, site) if override else moment
        if not override and (uid, moment) in moved:
            continue
        if now - timedelta(days=1) <= moment <= now + HORIZON:
            yield _entry(site, source, event, uid, original, moment, length, not isinstance(start, datetime), now)


def _length(event: Any, first: date | datetime) -> timedelta:
    if "dtend" in event:
        end = event["dtend"].dt
        if isinstance(end, datetime) != isinstance(first, datetime) or end < first:
            raise ValueError("it ends before it starts")
        length: timedelta = end - first
        return length
    return event["duration"].dt if "duration" in event else timedelta(0)


def _expand(event: Any, first: date | datetime, now: datetime, site: Site) -> Iterable[date | datetime]:
    """Local start times by RRULE, RDATE and EXDATE, from yesterday to the horizon."""
    from dateutil.rrule import rruleset, rrulestr

    zone = first.tzinfo if isinstance(first, datetime) and first.tzinfo else site.time_zone
    naive = first.replace(tzinfo=None) if isinstance(first, datetime) else datetime(first.year, first.month, first.day)  # noqa: DTZ001
    rules = rruleset()
    for rule in _many(event["rrule"]):
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


def _naive_until(rule: str, zone: Any) -> str:
    """UNTIL in UTC as local time: the rule is expanded in local time."""
    parts = []
    for part in rule.split(";"):
        if part.upper().startswith("UNTIL=") and part.endswith("Z"):
            until = datetime.strptime(part[6:], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).astimezone(zone)
            part = f"UNTIL={until:%Y%m%dT%H%M%S}"
        parts.append(part)
    return ";".join(parts)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _dates(event: Any, key: str) -> Iterator[date | datetime]:
    for value in _many(event[key]) if key in event else []:
        for item in value.dts:
            if isinstance(item.dt, date):  # a datetime is a date too; periods are passed over
                yield item.dt


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
    uid: str,
    original: datetime,
    moment: datetime,
    length: timedelta,
    all_day: bool,
    now: datetime,
) -> Entry:
    title = " ".join(str(event.get("summary", "")).split())
    if not title:
        raise ValueError("it has no SUMMARY")
    url, place = str(event.get("url", "")), " ".join(str(event.get("location", "")).split())
    link = next((text for text in (url, place) if text.startswith("https://") and " " not in text), "")
    body = "".join(f"<p>{escape(part)}</p>" for part in str(event.get("description", "")).split("\n\n") if part.strip())
    names = identities(source.name, guid=f"{uid}/{original:%Y%m%dT%H%M}")
    language = source.language or site.fallback
    return Entry(
        id=entry_id(names[0]),
        slug=f"{moment.astimezone(site.time_zone):%Y-%m-%d}-{slugify(title)}",
        kind=source.entry_kind,
        source=source.name,
        texts={language: EntryText(title[:300], link, sanitise(body, link))},
        first_seen=now,
        starts=moment,
        ends=moment + length if length else None,
        all_day=all_day,
        place=place,
        identities=names,
    )
