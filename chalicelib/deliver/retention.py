"""What is kept no longer: a round each day, a part of it at each tick, that goes on where the last one stopped."""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from chalicelib.audience.audience import Audience
from chalicelib.audience.people import Person
from chalicelib.audience.signup import pending_key
from chalicelib.audience.subscriber import SHARDS, MemberState
from chalicelib.compose.editions import EditionStore
from chalicelib.content.values import Site
from chalicelib.errors import ConflictError
from chalicelib.store import MAX_TRANSACTION, Blobs, Delete, Insert, Item, Key, Replace, Table, every

STATE = Key("RETENTION", "STATE")
MOST_LOOKED_AT, MOST_ERASED = 5000, 50
"""In one go: what a tick of a function has time for beside its own work."""
PAGE = 500
_NEVER = datetime.max.replace(tzinfo=UTC)
Sweep = Callable[[], int]
"""Takes out what has expired, where the store does not do so by itself; how many items."""


@dataclass(slots=True)
class Retained:
    """What a round did, or would do. ``left`` people were erased, ``editions`` forgot who their recipients were."""

    left: int = 0
    editions: int = 0
    expired: int = 0
    done: bool = True


@dataclass(slots=True)
class _Budget:
    looked: int
    erased: int

    @property
    def spent(self) -> bool:
        return self.looked <= 0 or self.erased <= 0


class Retention:
    """The sweep of one site. A round has parts, each a partition of the table; where it stands is an item."""

    def __init__(self, site: Site, table: Table, blobs: Blobs, audience: Audience, sweep: Sweep = lambda: 0, *,
                 most_looked_at: int = MOST_LOOKED_AT) -> None:  # fmt: skip
        self._site, self._table, self._audience, self._sweep = site, table, audience, sweep
        self._most = most_looked_at
        self._editions = EditionStore(table, blobs)

    def run(self, now: datetime) -> Retained | None:
        """Go on with the day's round; None where it is done. Safe to run twice, also at once."""
        today = now.date().isoformat()
        item = self._table.get(STATE)
        place = str(item.data["place"]) if item and item.data["day"] == today else ""
        if item and item.data["day"] == today and item.data["done"]:
            return None
        done, place = self._go_on(now, place, _Budget(self._most, MOST_ERASED))
        self._keep(item, {"day": today, "place": place, "done": done.done})
        return done

    def all(self, now: datetime) -> Retained:
        """A whole round at once, whatever the day's ticks have done."""
        endless = _Budget(sys.maxsize, sys.maxsize)
        return self._go_on(now, "", endless)[0]

    def would(self, now: datetime) -> Retained:
        """What a whole round would do now. Changes nothing."""
        found, left = Retained(), set[str]()
        for part in self._parts():
            for item in every(self._table, part):
                if self._is_to_go(part, item, now):
                    left.add(item.key.sk)
                found.editions += self._is_to_forget(part, item, now)
        found.left = len(left)
        return found

    def _go_on(self, now: datetime, place: str, budget: _Budget) -> tuple[Retained, str]:
        """``place`` is the part and, after a line break, the sort key that was looked at last."""
        found = Retained(expired=self._sweep() if not place else 0)
        last, _, cursor = place.partition("\n")
        for part in self._parts():
            if part < last:
                continue
            after = cursor if part == last else ""
            for item in self._after(part, after):
                if budget.spent:
                    return replace(found, done=False), place
                self._apply(part, item, now, found, budget)
                place = f"{part}\n{item.key.sk}"
        return found, ""

    def _parts(self) -> list[str]:
        """The partitions a round goes through, in their order."""
        names = self._site.newsletters
        lists = [f"LIST#{name}#{shard}" for name in names for shard in SHARDS]
        return sorted([*lists, *(f"SUPPRESSED#{shard}" for shard in SHARDS), *(f"EDITIONS#{name}" for name in names)])

    def _after(self, part: str, cursor: str) -> Iterator[Item]:
        following: str | None = cursor or None
        while True:
            page = self._table.query(part, limit=PAGE, cursor=following)
            yield from page.items
            following = page.cursor
            if following is None:
                return

    def _apply(self, part: str, item: Item, now: datetime, found: Retained, budget: _Budget) -> None:
        budget.looked -= 1
        if self._is_to_go(part, item, now):
            self._audience.erase(item.key.sk, now)
            budget.erased -= 1
            found.left += 1
        elif self._is_to_forget(part, item, now):
            self._forget(item)
            budget.erased -= 1
            found.editions += 1

    def _is_to_go(self, part: str, item: Item, now: datetime) -> bool:
        """Whether an item leads to somebody who gets nothing any more, and has not for long enough."""
        if part.startswith("EDITIONS#") or (
            part.startswith("LIST#") and item.data["state"] != MemberState.UNSUBSCRIBED
        ):
            return False
        if part.startswith("SUPPRESSED#") and datetime.fromisoformat(item.data["at"]) > self._left_before(now):
            return False
        person = self._audience.person(item.key.sk)
        return self._since(person) < self._left_before(now) if person.profile else False

    def _left_before(self, now: datetime) -> datetime:
        return now - timedelta(days=self._site.privacy.keep_left_days)

    def _since(self, person: Person) -> datetime:
        """Since when somebody gets nothing; the end of time where they do, or wait for a confirmation."""
        if self._table.get(pending_key(person.sid)):
            return _NEVER
        moments = [person.stopped.at] if person.stopped else []
        if not person.confirmed:
            moments += [line["at"] for line in self._audience.history(person.sid)[-1:]]
        return min(map(datetime.fromisoformat, moments), default=_NEVER)

    def _is_to_forget(self, part: str, item: Item, now: datetime) -> bool:
        if not part.startswith("EDITIONS#"):
            return False
        edition = self._editions.get(part.removeprefix("EDITIONS#"), item.key.sk)
        old = now - timedelta(days=self._site.privacy.keep_recipients_days)
        if edition is None or not edition.totals or edition.slot_at >= old:
            return False
        return bool(self._table.query(f"EDITION#{edition.id}", prefix="CHUNK#", limit=1).items)

    def _forget(self, item: Item) -> None:
        """Who the recipients of an edition were; its books stay as they were closed."""
        pk = f"EDITION#{item.data['newsletter']}/{item.key.sk}"
        chunks = list(every(self._table, pk, prefix="CHUNK#"))
        for start in range(0, len(chunks), MAX_TRANSACTION):
            with suppress(ConflictError):  # another sweep is at it
                self._table.transact([Delete(chunk) for chunk in chunks[start : start + MAX_TRANSACTION]])

    def _keep(self, item: Item | None, data: dict[str, object]) -> None:
        with suppress(ConflictError):  # another sweep is at it, or ahead
            self._table.transact([Replace(item, data) if item else Insert(STATE, data)])
