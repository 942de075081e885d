"""The calendar file that a mail carries: which of its events, and by which method. Pure."""

import re
from collections.abc import Sequence

from chalicelib.collect.entry import Change, Entry
from chalicelib.compose.edition import Content
from chalicelib.content.values import CalendarUse, Kind, Newsletter, Site
from chalicelib.render.ics import Calendar, Method, can_stand, ics_pieces
from chalicelib.render.rendered import CalendarPart
from chalicelib.render.variants import Variant

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")


def calendar_of(site: Site, newsletter: Newsletter, content: Content, variant: Variant) -> CalendarPart | None:
    """The variant's events and deadlines as a file, or None: nothing is dated, or the newsletter wants none.

    Raises RenderError, AddressError.
    """
    if newsletter.calendar is CalendarUse.NONE:
        return None
    shown = frozenset(variant.entry_ids)
    entries = {entry.id: entry for entry in content.entries if entry.id in shown and can_stand(entry)}
    if not entries:
        return None
    found = tuple(entries.values())
    method = _method(newsletter.calendar, found)
    personal = newsletter.calendar is CalendarUse.INVITE and method is not Method.PUBLISH
    calendar = Calendar(variant.language, method, content.slot_at, attendee=personal)
    name = found[0].slug if len(found) == 1 else f"{content.newsletter}-{content.slot}"
    filename = f"{_NOT_IN_NAMES.sub('-', name).strip('-')[:60] or 'event'}.ics"
    return CalendarPart(str(method), filename, ics_pieces(site, found, calendar))


def _method(use: CalendarUse, entries: Sequence[Entry]) -> Method:
    """Several events can only be published: an invitation and a cancellation are of one (RFC 5546, 3.2.2, 3.2.5)."""
    if len(entries) > 1:
        return Method.PUBLISH
    if entries[0].change is Change.CANCELLED:
        return Method.CANCEL
    asked = use is CalendarUse.INVITE and entries[0].kind is Kind.EVENT
    return Method.REQUEST if asked else Method.PUBLISH
