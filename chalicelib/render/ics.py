"""Events and deadlines as iCalendar (RFC 5545), with the methods of RFC 5546. Pure: equal values give equal bytes.

Moments are written in UTC, whole days as dates with the day after the last one as their end. What an entry is called
there, its UID, hangs on the entry and the site's host alone: it stays through moves, edits, cancellations, languages
and newsletters, and SEQUENCE says which state is the later one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit

from chalicelib.collect.entry import Change, Entry, EntryText
from chalicelib.content.values import Kind, Site, localize
from chalicelib.errors import RenderError
from chalicelib.render.headers import addr_spec
from chalicelib.render.plain import LinkList, to_plain
from chalicelib.render.text import ascii_host, ascii_url, clean, cut, one_line

PRODUCT = "-//Sendbrief//Newsletters//EN"
MAX_DESCRIPTION = 4000
MAX_LINKS = 20
REFRESH = timedelta(hours=12)
"""How often programs that subscribed to a calendar look for changes."""
_WIDE = 100_000
"""Columns: calendar programs wrap by themselves."""
_READER = "ATTENDEE:x-sendbrief:reader"
_AT_READER = f"\r\n{_READER}\r\n"
"""Nothing written in a field looks like this: line ends in it are escaped, and folded lines begin with a blank."""


class Method(StrEnum):
    """What a program is to do with the calendar (RFC 5546, 1.4): show it, answer it, or take the event out."""

    PUBLISH = "PUBLISH"
    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar to be written. ``stamp`` is when it is made; without it each event has the moment it last changed.

    ``host`` stands in UIDs in place of that of base_url. With ``attendee`` a line for the reader is left open.
    """

    language: str
    method: Method = Method.PUBLISH
    stamp: datetime | None = None
    name: str = ""
    source: str = ""
    host: str = ""
    attendee: bool = False


def can_stand(entry: Entry) -> bool:
    """Whether an entry is one date: an event or deadline, but no news about a series as a whole."""
    return entry.kind is not Kind.POST and entry.starts is not None and not entry.whole_series


def ics_text(site: Site, entries: Iterable[Entry], calendar: Calendar) -> str:
    """A VCALENDAR with CRLF and no line above 75 octets. Entries without a date are left out. Raises RenderError."""
    return "".join(ics_pieces(site, entries, calendar))


def ics_pieces(site: Site, entries: Iterable[Entry], calendar: Calendar) -> tuple[str, ...]:
    """The same in the pieces around the reader's line, which each end with CRLF; without ``attendee`` it is one."""
    from icalendar import Calendar as Component  # 63 ms: only where one is written

    made = Component()
    made.add("PRODID", PRODUCT)
    made.add("VERSION", "2.0")
    made.add("CALSCALE", "GREGORIAN")
    made.add("METHOD", str(calendar.method))
    _name(made, calendar)
    for entry in entries:
        if can_stand(entry):
            made.add_component(_event(site, entry, calendar))
    text = made.to_ical().decode("utf-8")
    first, *rest = text.split(_AT_READER)
    return (f"{first}\r\n", *rest) if rest else (text,)


def uid(site: Site, entry: Entry, host: str = "") -> str:
    """What calendar programs know an entry by: ``<id>@<host>``. Raises RenderError where base_url has no host."""
    try:
        named = host or ascii_host(urlsplit(site.base_url).hostname or "")
    except (ValueError, UnicodeError):
        named = ""
    if not named:
        raise RenderError(f"base_url has no host name: {site.base_url!r}.", "Set base_url in site.yaml.")
    return f"{entry.id}@{named}"


def _name(made: Any, calendar: Calendar) -> None:
    """Of a calendar that one subscribes to, its name (also as RFC 7986 has it), address and pace."""
    from icalendar.prop import vDuration, vText, vUri

    if not calendar.name:
        return
    for key in ("NAME", "X-WR-CALNAME"):
        made.add(key, vText(one_line(calendar.name)))
    made.add("REFRESH-INTERVAL", vDuration(REFRESH, params={"VALUE": "DURATION"}))
    made.add("X-PUBLISHED-TTL", vDuration(REFRESH))
    if calendar.source:
        made.add("SOURCE", vUri(calendar.source, params={"VALUE": "URI"}))


def _event(site: Site, entry: Entry, calendar: Calendar) -> Any:
    from icalendar import Event as Component

    tag, text = entry.text(calendar.language, site.fallback)
    changed = entry.revised or entry.first_seen
    part = Component()
    part.add("UID", uid(site, entry, calendar.host))
    part.add("DTSTAMP", _utc(calendar.stamp or changed))
    part.add("LAST-MODIFIED", _utc(changed))
    part.add("SEQUENCE", entry.revision)
    _times(part, entry, site)
    part.add("SUMMARY", one_line(text.title) or entry.slug, parameters={"LANGUAGE": tag})
    part.add("STATUS", "CANCELLED" if entry.change is Change.CANCELLED or entry.withdrawn else "CONFIRMED")
    if entry.kind is Kind.DEADLINE:
        part.add("TRANSP", "TRANSPARENT")
    _about(part, entry, text)
    titles = {topic.name: one_line(localize(topic.title, calendar.language, site.fallback)) for topic in site.topics}
    if entry.topics:
        part.add("CATEGORIES", [titles.get(name) or name for name in entry.topics])
    sender = one_line(localize(site.sender.name, calendar.language, site.fallback)).replace('"', "'")
    organizer = f"mailto:{quote(addr_spec(site.sender.address), safe='@!$*+-._~')}"
    part.add("ORGANIZER", organizer, parameters={"CN": sender} if sender else {})
    if calendar.attendee:
        part.add("ATTENDEE", _READER.partition(":")[2])
    return part


def _about(part: Any, entry: Entry, text: EntryText) -> None:
    url, links = ascii_url(text.url), LinkList()
    said = to_plain(text.html, links, _WIDE)
    listed = "\n".join(f"[{number}] {link}" for number, link in enumerate(links.urls[:MAX_LINKS], 1))
    whole = clean(cut(said, MAX_DESCRIPTION)) or one_line(text.summary)
    blocks = [block for block in (whole, listed, url) if block]
    if blocks:
        part.add("DESCRIPTION", "\n\n".join(blocks))
    if entry.place:
        part.add("LOCATION", one_line(entry.place))
    if url:
        part.add("URL", url)


def _times(part: Any, entry: Entry, site: Site) -> None:
    """Start and end. What has no end, a deadline too, takes no time (RFC 5545, 3.6.1); a whole day takes that day."""
    starts = entry.starts or entry.first_seen
    ends = None if entry.kind is Kind.DEADLINE else entry.ends
    if entry.all_day:
        first = starts.astimezone(site.time_zone).date()
        last = (ends - timedelta(microseconds=1)).astimezone(site.time_zone).date() if ends else first
        part.add("DTSTART", first)
        if last < date.max:
            part.add("DTEND", max(first, last) + timedelta(days=1))
        return
    part.add("DTSTART", _utc(starts))
    if ends and _utc(ends) > _utc(starts):
        part.add("DTEND", _utc(ends))


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
