"""Calendar files for everybody: one event to be added, and all of them to be subscribed to."""

from datetime import datetime, timedelta

from chalicelib.collect.entries import EntryStore
from chalicelib.collect.entry import Entry
from chalicelib.content.values import Site, localize
from chalicelib.errors import NotFoundError
from chalicelib.render.ics import Calendar, Method, can_stand, ics_text
from chalicelib.web.reading import absolute, language_query

KEPT = timedelta(days=60)
"""How long what is over stays in the calendar to be subscribed to."""
MAX_EVENTS = 2000


def calendar_entries(store: EntryStore, now: datetime) -> list[Entry]:
    """The events and deadlines of the site's calendar, in their order; what was taken back is not among them."""
    found = [entry for entry in store.dated(now) if can_stand(entry) and _end(entry) > now - KEPT]
    return sorted(found, key=lambda entry: (entry.starts or entry.first_seen, entry.id))[:MAX_EVENTS]


def site_calendar(site: Site, store: EntryStore, now: datetime, language: str, host: str = "", source: str = "") -> str:
    """The calendar of the whole site in one language; the same until an event changes. Raises RenderError.

    ``host`` is that of ``Calendar``, ``source`` where the file lies, if not at the route.
    """
    name = localize(site.name, language, site.fallback)
    source = source or absolute(site, f"/calendar.ics{language_query(site, language)}")
    return ics_text(site, calendar_entries(store, now), Calendar(language, name=name, source=source, host=host))


def event_file(site: Site, store: EntryStore, now: datetime, entry_id: str, language: str, host: str = "") -> str:
    """An event or deadline by its id; one that was taken back is cancelled there. Raises NotFoundError, RenderError."""
    entry = store.find_dated(entry_id, now)
    if entry is None or not can_stand(entry):
        raise NotFoundError("There is no such event.")
    return ics_text(site, [entry], Calendar(language, Method.PUBLISH, host=host))


def _end(entry: Entry) -> datetime:
    return entry.ends or entry.starts or entry.first_seen
