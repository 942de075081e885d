"""What happened, for other programs: an outbox in the store, written with what happened, forgotten after 30 days.

An item names people by id only. Whoever passes it on looks up what is known then, so that erasing holds.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.audience.people import Announce
from chalicelib.audience.subscriber import Evidence
from chalicelib.clock import Clock
from chalicelib.content.webhooks import Happening
from chalicelib.errors import UsageError
from chalicelib.store import Insert, Item, Key, Table, Write

KEPT = timedelta(days=30)
SETTLES = timedelta(seconds=30)
"""What is younger is not shown yet: a write that began earlier may still come, and nobody may have passed it by then.
Longer than the public function lives (28 s)."""
_KINDS = {kind.value: kind for kind in Happening}
_SHAPE = "%Y-%m-%dT%H:%M:%S.%fZ"
_LENGTH = len("2026-11-26T09:30:00.000000Z")


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened. ``place`` is its place in the outbox, in the order of time; ``at`` an ISO moment, UTC.

    ``newsletter`` is '' where it is about a person as a whole; ``about`` names the edition, if it is about one.
    """

    id: str
    place: str
    kind: Happening
    at: str
    sid: str = ""
    newsletter: str = ""
    about: str = ""


def announcer(clock: Clock) -> Announce:
    """What keeps evidence about people as something that happened, where other programs hear of it."""

    def announce(sid: str, evidence: Evidence) -> Sequence[Write]:
        bounced = evidence.action == Happening.SUPPRESSED and evidence.how == "bounce"
        kind = Happening.BOUNCED if bounced else _KINDS.get(evidence.action)
        if kind is None:
            return ()
        return (happening(kind, clock(), sid=sid, newsletter=evidence.newsletter, at=evidence.at),)

    return announce


def happening(
    kind: Happening, now: datetime, *, sid: str = "", newsletter: str = "", about: str = "", at: datetime | None = None
) -> Write:
    """The write that keeps it. ``now`` is the moment of writing, which orders it; ``at`` when it was decided."""
    data = {"kind": str(kind), "at": (at or now).isoformat(), "sid": sid, "newsletter": newsletter, "about": about}
    place = f"{moment_place(now)}#{secrets.token_hex(8)}"
    kept = {name: value for name, value in data.items() if value}
    return Insert(Key(_day(place), place), kept, int((now + KEPT).timestamp()))


def moment_place(moment: datetime) -> str:
    """Where in the outbox a moment begins."""
    return moment.astimezone(UTC).strftime(_SHAPE)


def checked_place(text: str) -> str:
    """A place that a program gives back. Raises UsageError for what never was one."""
    moment, _, name = text.partition("#")
    try:
        if len(moment) != _LENGTH or moment_place(datetime.strptime(moment, _SHAPE).replace(tzinfo=UTC)) != moment:
            raise ValueError
        if name and (len(name) != 16 or int(name, 16) < 0 or not name.isalnum() or not name.isascii()):
            raise ValueError
    except (ValueError, OverflowError):
        raise UsageError("This is no place in the list of events.", "Give back a cursor as it was given.") from None
    return text


def happened_since(table: Table, place: str, now: datetime, most: int) -> tuple[list[Happened], str]:
    """At most ``most`` of what happened after a place, oldest first, and the place from which to go on.

    Nothing is passed by: what may still be overtaken by a write under way is not shown until it has settled.
    """
    oldest, until = moment_place(now - KEPT), moment_place(now - SETTLES)
    start = max(place, oldest)
    found = list[Happened]()
    for day in _days(start, until):
        for item in _between(table, day, start, until):
            if len(found) == most:
                return found, found[-1].place
            if item.data["kind"] in _KINDS:  # else a newer version wrote it
                found.append(_read(item))
    return found, max(until, start)


def _between(table: Table, day: str, after: str, until: str) -> Iterator[Item]:
    cursor: str | None = None
    if until <= after:
        return
    while True:
        page = table.query(f"HAPPENED#{day}", first=f"{after}\0", last=until, limit=200, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _days(first: str, last: str) -> Iterator[str]:
    day, end = (datetime.fromisoformat(text[:10]).date() for text in (first, last))
    while day <= end:
        yield day.isoformat()
        day += timedelta(days=1)


def _day(place: str) -> str:
    return f"HAPPENED#{place[:10]}"


def _read(item: Item) -> Happened:
    data, place = item.data, item.key.sk
    words = (str(data.get(name, "")) for name in ("sid", "newsletter", "about"))
    return Happened(f"evt_{place.partition('#')[2]}", place, Happening(data["kind"]), str(data["at"]), *words)
