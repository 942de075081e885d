"""The gap report: news that no newsletter ever offered, and why. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.collect.entry import Entry
from chalicelib.compose.editions import Edition
from chalicelib.compose.history import window_of
from chalicelib.compose.schedule import Slot
from chalicelib.compose.select import Window, takes, why_not
from chalicelib.content.values import Kind, Newsletter, Site

OLD = timedelta(days=30)
"""How old news must be that should have stood somewhere by now."""


@dataclass(frozen=True, slots=True)
class Gap:
    """An entry that was never offered, and why."""

    entry: Entry
    why: str


def gaps(
    site: Site,
    entries: Iterable[Entry],
    editions: Mapping[str, Sequence[Edition]],
    started: Mapping[str, datetime],
    now: datetime,
) -> list[Gap]:
    """Posts older than ``OLD`` that stood in no edition of any newsletter, the oldest first.

    ``editions`` are those of each newsletter, ``started`` is since when it runs. What counts as seen when its
    source was first read is no gap.
    """
    slot = Slot(now, f"{now:%Y-%m-%d}~")  # after all editions of the day
    windows = {
        n.name: window_of(site, n, slot, started.get(n.name, now), editions[n.name]) for n in site.newsletters.values()
    }
    old = [e for e in entries if e.kind is Kind.POST and not e.backlog and e.date <= now - OLD]
    left = [e for e in old if not any(window.stood_in(e) for window in windows.values())]
    return [Gap(e, _why(e, site, windows)) for e in sorted(left, key=lambda e: (e.date, e.slug))]


def _why(entry: Entry, site: Site, windows: Mapping[str, Window]) -> str:
    reasons = (f"{n.name}: {why_never(entry, n, site, windows[n.name])}" for n in site.newsletters.values())
    return "; ".join(reasons) or "the site has no newsletter"


def why_never(entry: Entry, newsletter: Newsletter, site: Site, window: Window) -> str:
    """Why an entry stood in none of a newsletter's editions so far."""
    if why := why_not(entry, newsletter, site, window):
        return why
    if newsletter.schedule is None:
        return "none of its topics triggers it"
    if not any(takes(section, entry, window.slot) for section in newsletter.sections):
        return "no section takes it"
    return "no edition was made since it appeared, or an editor's arrangement left it out"
