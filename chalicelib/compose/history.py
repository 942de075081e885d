"""What a newsletter's editions and imported issues said before: so that nothing is offered twice. Pure."""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.collect.identity import canonical_url
from chalicelib.compose.editions import Edition
from chalicelib.compose.schedule import Slot, next_slot
from chalicelib.compose.select import Window
from chalicelib.content.values import Newsletter, Site


def window_of(
    site: Site, newsletter: Newsletter, slot: Slot, started: datetime, before: Iterable[Edition], *, again: bool = True
) -> Window:
    """The window of a slot. ``before`` are the newsletter's other editions.

    Entries of an edition that was cancelled before anybody got it may be offered again, unless ``again`` is False.
    """
    offered = {f"url:{canonical_url(url)}": where for url, where in _archived(site, newsletter.name)}
    for edition in before:
        if (edition.claims_entries or not again) and not edition.gathering:  # it only repeats
            offered |= dict.fromkeys((*edition.entries, *edition.implied), f"#{edition.number} ({edition.slot[:10]})")
    notes = (note for (name, day), note in site.notes.items() if name == newsletter.name and day < slot.name)
    following = next_slot(newsletter.schedule, site.time_zone, slot.at) if newsletter.schedule else None
    return Window(
        slot=slot.at,
        started=started,
        zone=site.time_zone,
        following=following.dated if following else None,
        offered=offered,
        excluded=tuple(name for note in notes for name in note.exclude),
        read=slot.read,
    )


def _archived(site: Site, newsletter: str) -> Iterable[tuple[str, str]]:
    """Each link of the newsletter's imported issues, and where it stood."""
    for issue in site.archive:
        if issue.newsletter == newsletter:
            yield from ((url, f"#{issue.number} ({issue.slot[:10]})") for url in issue.links)


def number_of(site: Site, newsletter: str, before: Iterable[Edition], slot: str | None = None) -> int:
    """The number of a newsletter's next edition, or of that of ``slot``: imported issues and gatherings aside."""
    last = max((issue.number for issue in site.archive if issue.newsletter == newsletter), default=0)
    return 1 + last + sum(e.claims_entries and not e.gathering for e in before if slot is None or e.slot < slot)
