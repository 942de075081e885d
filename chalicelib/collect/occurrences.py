"""Which occurrences of an event fall into a window, and which of them were moved or cancelled (RFC 5545, 3.8)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from chalicelib.collect.entry import Change
from chalicelib.collect.events import Event, When
from chalicelib.collect.recurrence import Budget, Rule, expand
from chalicelib.collect.zones import local_time

MAX_OCCURRENCES = 400
TOLD_MOVED = timedelta(days=90)
"""How long the occurrences of a series that moved for good are told as moved; then its new time is its time."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked for: occurrences that begin (or began, or last) between two moments, aware, at ``now``."""

    now: datetime
    low: datetime
    high: datetime


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Once that an event takes place: aware, UTC. ``original`` is when it was planned for, None of a single event.

    Of a series that is cancelled from some time on, ``from_here`` is True and all later ones are left out.
    """

    event: Event
    starts: datetime
    ends: datetime | None
    original: datetime | None
    change: Change = Change.NONE
    from_here: bool = False

    @property
    def planned_on(self) -> str:
        """The local day of its series that it was planned for, like 2026-12-03; '' of a single event."""
        zone = (self.event.original or self.event.start).zone
        return f"{local_time(self.original, zone):%Y-%m-%d}" if self.original else ""


def occurrences(events: Sequence[Event], window: Window, budget: Budget) -> list[Occurrence]:
    """Those of the events of one UID: a series or a single event, and the changes to its occurrences."""
    series = [event for event in events if event.repeats]
    changes = {change.original.utc(): change for change in _changes(events, series) if change.original}
    found: list[Occurrence] = []
    for event in events:
        if event.repeats:
            found += _series(event, changes, window, budget)
        elif event.original is None:
            found += _single(event, None, window)
    for event in changes.values() if not any(event.cancelled for event in series) else ():
        if event.original and not (event.onwards and event.cancelled):
            found += _single(event, event.original.utc(), window)
    return sorted(found, key=lambda one: (one.starts, one.original or one.starts))


def _changes(events: Sequence[Event], series: Sequence[Event]) -> Iterator[Event]:
    """Changes of single occurrences; one that names only the day of its occurrence means the one of that day."""
    for event in events:
        if event.original and event.original.whole_day and series and not series[0].start.whole_day:
            start = series[0].start
            local = datetime.combine(event.original.local.date(), start.local.time())
            yield replace(event, original=When(local, start.zone))
        elif event.original:
            yield event


def _single(event: Event, original: datetime | None, window: Window) -> Iterator[Occurrence]:
    one = _once(event, event.start.local, original)
    planned = original or one.starts
    near = any(window.low <= moment <= window.high for moment in (one.starts, one.ends or one.starts, planned))
    if event.cancelled:
        if near and one.starts > window.now:
            yield replace(one, change=Change.CANCELLED)
    elif near and (one.ends or one.starts) >= window.low:
        yield replace(one, change=Change.MOVED) if one.starts != planned else one


def _once(event: Event, local: datetime, original: datetime | None, length: timedelta | None = None) -> Occurrence:
    """An occurrence at a local time. Whole days end with a midnight; DTEND gives an exact length, DURATION its days."""
    start = event.start
    starts = start.utc(local)
    if start.whole_day:
        days = (event.end.local - start.local).days if event.end else (event.duration or DAY).days
        return Occurrence(event, starts, start.utc(local + max(1, days) * DAY), original)
    if length is None and event.end:
        length = event.end.utc() - start.utc()
    elif length is None and event.duration:
        whole = timedelta(days=event.duration.days)
        length = start.utc(local + whole) - starts + (event.duration - whole)
    return Occurrence(event, starts, starts + length if length else None, original)


def _series(event: Event, changes: dict[datetime, Event], window: Window, budget: Budget) -> Iterator[Occurrence]:
    """The occurrences that no change of their own replaces; those that a change moves from some time on, moved."""
    later = sorted((moment, change) for moment, change in changes.items() if change.onwards)
    for local, length in _starts(event, window, budget):
        moment = event.start.utc(local)
        if moment in changes and not changes[moment].onwards:
            continue
        change = next((change for since, change in reversed(later) if since <= moment), None)
        if change is None:
            one, since = _once(event, local, moment, length), None
        elif change.original and moment == change.original.utc() and not change.cancelled:
            continue  # stands for itself, as any other change
        else:
            one, since = _shifted(change, event, local), change.original.utc() if change.original else None
        if event.cancelled or (change and change.cancelled):
            if window.now < one.starts <= window.high:
                yield replace(one, change=Change.CANCELLED, from_here=True, original=since)
                return
        elif one.starts <= window.high and (one.ends or one.starts) >= window.low:
            moved = since is not None and one.starts != moment and moment - since <= TOLD_MOVED
            yield replace(one, change=Change.MOVED) if moved else one


def _shifted(change: Event, event: Event, local: datetime) -> Occurrence:
    """An occurrence under a change that holds from some time on: as much later as that moved its first one."""
    original = change.original or change.start
    there = local_time(event.start.utc(local), change.start.zone)
    planned = local_time(original.utc(), change.start.zone)
    return _once(change, there + (change.start.local - planned), event.start.utc(local))


def _starts(event: Event, window: Window, budget: Budget) -> Iterator[tuple[datetime, timedelta | None]]:
    """Local times by RRULE, RDATE, EXRULE and EXDATE about the window, in order, each once."""
    start = event.start
    last = timedelta(days=31) if event.end or event.duration else DAY
    low = local_time(window.low, start.zone) - min(last, _length(event) + DAY)
    high = local_time(window.high, start.zone) + DAY
    found: dict[datetime, timedelta | None] = {} if event.rules else {start.local: None}
    for rule in event.rules:
        found |= dict.fromkeys(expand(local_rule(rule, start)[0], start.local, low, high, budget))
    for when, length in event.added:
        found[_in_zone(when, start)] = length
    without = {
        time for rule in event.without for time in expand(local_rule(rule, start)[0], start.local, low, high, budget)
    }
    without |= {_in_zone(when, start) for when in event.excluded}
    days = {when.local.date() for when in event.excluded if when.whole_day}
    times = (t for t in sorted(found) if low <= t <= high and t not in without and t.date() not in days)
    for count, local in enumerate(times):
        if count == MAX_OCCURRENCES:
            return
        yield local, found[local]


def _length(event: Event) -> timedelta:
    return event.end.utc() - event.start.utc() if event.end else event.duration or DAY


def _in_zone(when: When, start: When) -> datetime:
    """A time of RDATE or EXDATE as the local time of the series."""
    return when.local if when.whole_day or when.zone is start.zone else local_time(when.utc(), start.zone)


def local_rule(rule: Rule, start: When) -> tuple[Rule, date | None]:
    """The rule with a local UNTIL, and the day it ends with where it is written as a midnight: that day counts whole.

    Many programs write the day of the last occurrence as its midnight, local or in UTC, which to the letter (RFC 5545,
    3.3.10) would leave that occurrence out.
    """
    if rule.until is None:
        return rule, None
    until = local_time(rule.until, start.zone) if rule.until.tzinfo else rule.until
    day = until.date() if until.time() == time(0) else rule.until.date() if rule.until.time() == time(0) else None
    return replace(rule, until=datetime.combine(day, time.max) if day else until), day


def dropped_by_midnight(event: Event, now: datetime, budget: Budget) -> date | None:
    """The coming day that an UNTIL at midnight would leave out, to the letter, though the series reaches it."""
    for rule in event.rules:
        whole, day = local_rule(rule, event.start)
        if day and whole.until and rule.until and day >= local_time(now, event.start.zone).date():
            written = local_time(rule.until, event.start.zone) if rule.until.tzinfo else rule.until
            if any(t > written for t in expand(whole, event.start.local, written, whole.until, budget)):
                return day
    return None


def latest_versions(events: Iterable[Event]) -> list[Event]:
    """Of events with the same UID and RECURRENCE-ID those with the highest SEQUENCE; the same one only once."""
    best: dict[datetime | None, int] = {}
    kept = list(dict.fromkeys(events))
    for event in kept:
        key = event.original.utc() if event.original else None
        best[key] = max(best.get(key, 0), event.sequence)
    return [event for event in kept if event.sequence == best[event.original.utc() if event.original else None]]
