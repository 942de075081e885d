"""Mails that came back though the mailbox may still be there: counted per person, until there are too many of them.

A full mailbox, a server that is down or a filter in a bad mood passes. So one soft bounce makes nobody unreachable; but
who bounces again and again for weeks is a mailbox that nobody empties, and providers count such mails against a sender.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from chalicelib.store import Delete, Insert, Item, Key, Replace, Table, Write

ENOUGH = 4
"""Soft bounces after which somebody is not written to: a month of a weekly newsletter; for a daily one see SPREAD."""
SPREAD = timedelta(days=14)
"""What the first and the last of them lie apart at least: holidays fill a mailbox, and an outage is over by then."""
KEPT = timedelta(days=180)
"""For how long after the last one they are remembered: quarterly newsletters still come to two."""
MOST = 16
"""Moments that are kept: the first, and the latest."""


def bounces_key(sid: str) -> Key:
    """Where the soft bounces of a person are counted; the shard is the id's first digit."""
    return Key(f"BOUNCES#{sid[0]}", sid)


def too_many(moments: Iterable[int]) -> bool:
    """Whether soft bounces (epoch seconds, any order) are a reason to stop."""
    found = sorted(set(moments))
    return len(found) >= ENOUGH and found[-1] - found[0] >= SPREAD.total_seconds()


def with_bounce(moments: Iterable[int], at: datetime) -> tuple[int, ...]:
    """Soft bounces with one more, in their order: the same whichever came first."""
    found = sorted({*moments, int(at.timestamp())})
    return (*found[:1], *found[1:][-(MOST - 1) :])


def since_delivery(moments: Iterable[int], at: datetime) -> tuple[int, ...]:
    """Those of some soft bounces that came after a delivery: the mailbox took mail then, so what was before is over."""
    return tuple(moment for moment in sorted(moments) if moment > at.timestamp())


def moments_of(item: Item | None) -> tuple[int, ...]:
    """The moments in a stored item."""
    return tuple(int(moment) for moment in item.data["moments"]) if item else ()


def bounce_writes(item: Item | None, sid: str, moments: Sequence[int]) -> list[Write]:
    """What keeps the moments of a person; without any, nothing is kept."""
    if not moments:
        return [Delete(item)] if item else []
    expires = int(max(moments) + KEPT.total_seconds())
    data = {"moments": list(moments)}
    return [Replace(item, data, expires) if item else Insert(bounces_key(sid), data, expires)]


def soft_bounces(table: Table, sid: str) -> list[str]:
    """The soft bounces that are on record of a person, as ISO moments (UTC)."""
    found = moments_of(table.get(bounces_key(sid)))
    return [datetime.fromtimestamp(moment, UTC).isoformat() for moment in found]
