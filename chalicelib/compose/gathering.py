"""The monthly cadence: with the last slot of a month goes out, to those who chose that, what its editions held."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.collect.entry import Change, Entry
from chalicelib.compose.edition import Content, State
from chalicelib.compose.editions import Edition
from chalicelib.compose.schedule import Slot, latest_slot, next_slot
from chalicelib.compose.select import NO_HIGHLIGHT, Window, is_over, select
from chalicelib.content.values import EditionNote, Localized, Newsletter, Site

MONTHLY = "monthly"
_OUT, _WAITING = frozenset({State.APPROVED, State.SENDING, State.SENT}), frozenset({State.DRAFT, State.HELD})


def gathering_after(newsletter: Newsletter, site: Site, now: datetime) -> Slot | None:
    """The slot whose editions are to be gathered: the latest one, where it is the last of its month; else None."""
    if MONTHLY not in newsletter.cadences or newsletter.schedule is None:
        return None
    latest = latest_slot(newsletter.schedule, site.time_zone, now)
    following = next_slot(newsletter.schedule, site.time_zone, now)
    return None if latest is None or (following and following.name[:7] == latest.name[:7]) else latest


def to_gather(editions: Sequence[Edition], slot: Slot) -> list[Edition]:
    """The editions of a slot's month that went out; none while one of them still waits, or once they were gathered."""
    month = [e for e in editions if e.slot[:7] == slot.name[:7] and e.slot_at <= slot.at]
    if any(e.state in _WAITING for e in month) or any(e.gathering and e.slot[:7] == slot.name[:7] for e in editions):
        return []
    return [e for e in month if e.state in _OUT]


def _as_it_is(first: Entry, now: Entry) -> Entry:
    """An entry now, for readers who did not see the month's editions; ``first`` is what the first of them said."""
    if first.change is Change.AGAIN and now.change is not Change.CANCELLED:
        return replace(now, change=Change.AGAIN, identities=first.identities)
    return now


def gather(
    site: Site,
    newsletter: Newsletter,
    slot: Slot,
    contents: Sequence[Content],
    current: Iterable[Entry],
    window: Window,
    number: int,
) -> Content:
    """What editions held, as one: each entry once, as it is now, without what is over.

    An event is on again for those only whom an earlier month told that it is cancelled.
    """
    now = {entry.id: entry for entry in current}
    first = {entry.id: entry for content in reversed(contents) for entry in reversed(content.entries)}
    held = {e.id: _as_it_is(first[e.id], now.get(e.id, e)) for content in contents for e in content.entries}
    left = [entry for entry in held.values() if not is_over(entry, slot.dated)]
    last = contents[-1].highlight if contents else None
    note = EditionNote(newsletter.name, slot.name, highlight=last.id if last else NO_HIGHLIGHT)
    limits = {source.name: source.limit for source in site.sources}
    chosen = select(left, newsletter, note, window, limits=limits)
    remarks: dict[str, Localized] = {}
    for content in contents:
        remarks |= content.remarks
    return Content(
        newsletter=newsletter.name,
        slot=slot.name,
        slot_at=slot.dated,
        number=number,
        template=newsletter.template,
        sections=chosen.sections,
        highlight=chosen.highlight,
        remarks={entry_id: remark for entry_id, remark in remarks.items() if entry_id in held},
        gathering=True,
    )
