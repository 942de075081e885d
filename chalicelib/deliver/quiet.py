"""Quiet hours: when nothing is handed over, in the site's zone. Pure.

A night begins and ends at a local time. One that daylight saving skips moves on by the gap, one that it repeats
counts the first time: each night is one stretch of time, and is quiet once.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chalicelib.content.values import Newsletter, Site

DAY = timedelta(days=1)


def quiet_until(site: Site, newsletter: Newsletter, now: datetime) -> datetime | None:
    """The end (aware, UTC) of the quiet hours that ``now`` (aware) lies in, or None where it lies in none.

    A newsletter may be exempt (``quiet: false``); one whose hour is each reader's own (``at: reader``) is.
    """
    quiet = site.sending.quiet
    if quiet is None or not newsletter.quiet or (newsletter.schedule and newsletter.schedule.reader):
        return None
    today, zone = now.astimezone(site.time_zone).date(), site.time_zone
    nights = [_night(today + DAY * days, quiet.start, quiet.to, zone) for days in (-2, -1, 0)]
    return max((end for start, end in nights if start <= now < end), default=None)


def _night(day: date, start: time, to: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    last = day if start < to else day + DAY
    return _moment(day, start, zone), _moment(last, to, zone)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
