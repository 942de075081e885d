"""Which two editions become one mail, and what becomes of the second one's readers. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from chalicelib.compose.companions import merges
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.content.values import Site
from chalicelib.deliver.ledger import BOUNCED, DEFERRED, FAILED, IN_DOUBT, LEFT, PENDING, Ledger

WITH_HOST = 4_102_444_800
"""Until when who is in the host's mail waits in the guest's ledger, in epoch seconds: 2100, for no clock ends it."""

CAME = "came"


def is_late(edition: Edition, site: Site, now: datetime) -> bool:
    """Whether it is overdue for so long that a person has to let it go, and none has."""
    return now - edition.slot_at > site.newsletters[edition.newsletter].hold_if_late and not edition.released


def pair(edition: Edition, others: Iterable[Edition], site: Site, now: datetime) -> tuple[Edition, Edition] | None:
    """The host and its guest, of which ``edition`` is one; None where it goes by itself.

    The earlier one hosts, of two at one time the one whose newsletter's name comes first. Of three the third goes by
    itself.
    """
    ready = [one for one in (edition, *others) if _is_ready(one, site, now) and _go_together(one, edition, site)]
    ready.sort(key=lambda one: (one.dated, one.newsletter))
    place = next((place for place, one in enumerate(ready) if one.id == edition.id), -1)
    two = ready[place - place % 2 :][:2] if place >= 0 else []
    return (two[0], two[1]) if len(two) == 2 else None


def _is_ready(one: Edition, site: Site, now: datetime) -> bool:
    """Due, let go, and nothing of it frozen yet."""
    if not merges(site.newsletters.get(one.newsletter)) or one.gathering or one.state is not State.APPROVED:
        return False
    return one.slot_at <= now and not is_late(one, site, now) and not (one.chunks or one.host or one.guest)


def _go_together(one: Edition, other: Edition, site: Site) -> bool:
    """On one local day; where each reader has a time of their own, at the same one."""
    days = {edition.dated.astimezone(site.time_zone).date() for edition in (one, other)}
    return len(days) == 1 and one.read == other.read and (one.id == other.id or one.newsletter != other.newsletter)


def with_host(ledger: Ledger) -> list[int]:
    """The positions of a guest's ledger that wait for the host's mail."""
    waits = (place for place, detail in ledger.details.items() if detail.next == WITH_HOST)
    return sorted(place for place in waits if ledger.marks[place] == DEFERRED)


def fate(mark: str) -> str:
    """What became of a mail that held the guest too, by its mark in the host's ledger."""
    return {FAILED: "failed", BOUNCED: "failed", IN_DOUBT: "in doubt", LEFT: "in doubt"}.get(mark, CAME)


def settled(ledger: Ledger, ends: Mapping[int, str]) -> Ledger:
    """A guest's ledger when its host is through: of those who waited each is skipped for a reason, or pending ('')."""
    ends = {place: ends[place] for place in with_host(ledger) if place in ends}
    free = frozenset(place for place, why in ends.items() if not why)
    marks = "".join(PENDING if place in free else mark for place, mark in enumerate(ledger.marks))
    details = {place: detail for place, detail in ledger.details.items() if place not in free}
    skips = {place: why for place, why in ends.items() if why}
    return replace(ledger, marks=marks, details=details).begin((), skips, ledger.lease)
