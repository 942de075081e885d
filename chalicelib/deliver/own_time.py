"""Each reader's own time: until when a recipient of an edition waits, and what for. Pure."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.compose.editions import Edition
from chalicelib.compose.reader_time import first_due, known_zone, reader_due
from chalicelib.content.values import Site

Wait = tuple[int, str]
"""Epoch seconds, and why in words."""


def waiting(edition: Edition, site: Site, now: datetime) -> Callable[[str], Wait | None]:
    """Until when a reader of a zone ('' for the site's) waits, as planning asks for many; None: they get it at once.

    So does everybody where a person sent it before its time, and whose time is over.
    """
    read = edition.read
    if read is None or edition.slot_at < first_due(read, site):
        return lambda _zone: None
    known: dict[str, Wait | None] = {}
    clock = f"{read.astimezone(site.time_zone):%H:%M}"

    def wait(zone: str) -> Wait | None:
        if zone not in known:
            due = reader_due(read, zone, site)
            place = zone if known_zone(zone) else site.time_zone.key
            known[zone] = (due, f"waits for {clock} in {place}") if due > now.timestamp() else None
        return known[zone]

    return wait
