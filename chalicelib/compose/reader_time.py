"""``at: reader``: one slot, at its local time in each reader's own zone. Pure.

The zones of the earth are 26 hours wide: the first readers' hour comes up to 26 hours before the last ones'.
A local time that a zone's daylight saving skips moves on by the gap; one that it repeats counts the first time.
"""

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from chalicelib.content.values import Site

FIRST_ZONE, LAST_ZONE = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
"""Kiribati's and Baker Island's: no clock of the earth is ahead of the one or behind the other."""
MAX_ZONE_NAME = 64


def reader_due(slot_at: datetime, zone_name: str, site: Site) -> int:
    """When a reader's mail is due, in epoch seconds: the slot's local date and time in their zone.

    ``slot_at`` is aware. A zone that is empty or unknown is the site's.
    """
    zone = known_zone(zone_name) or site.time_zone
    due = _local(slot_at, site.time_zone).replace(tzinfo=zone)
    return int(max(due.timestamp(), first_due(slot_at, site).timestamp()))


def first_due(slot_at: datetime, site: Site) -> datetime:
    """When the first reader's mail may be due: by then the edition is composed and planned."""
    return first_due_in(slot_at, site.time_zone)


def first_due_in(slot_at: datetime, zone: ZoneInfo) -> datetime:
    """The same, of a slot in a zone."""
    return _local(slot_at, zone).replace(tzinfo=FIRST_ZONE)


def last_due(slot_at: datetime, site: Site) -> datetime:
    """When the last reader's mail is due, but for a gap of daylight saving."""
    return _local(slot_at, site.time_zone).replace(tzinfo=LAST_ZONE)


@lru_cache(maxsize=1024)
def known_zone(name: str) -> ZoneInfo | None:
    """The zone of an IANA name, or None: names come from readers."""
    if not name or len(name) > MAX_ZONE_NAME or not name.isascii() or not name.isprintable():
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _local(slot_at: datetime, zone: ZoneInfo) -> datetime:
    return slot_at.astimezone(zone).replace(tzinfo=None, fold=0)
