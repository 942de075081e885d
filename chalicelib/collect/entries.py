"""Entries in the table: kept under the month they were first seen, found again by any of their names."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.collect.entry import Entry, entry_from_json, entry_to_json
from chalicelib.collect.identity import digest
from chalicelib.errors import ConflictError
from chalicelib.store import MAX_TRANSACTION, Insert, Item, Key, Replace, Table, every

MONTHS_BACK = 13
"""How far back composing looks for entries that were never offered."""
MAX_ENTRY_BYTES = 300_000
"""As JSON, with its HTML: an item must stay under 400 KB."""
MAX_BATCH_BYTES = 3_000_000
"""What a transaction may hold, which is 4 MB with its keys."""


@dataclass(slots=True)
class Changes:
    """What keeping a source's entries did."""

    new: int = 0
    changed: int = 0
    withdrawn: int = 0


class EntryStore:
    """All entries of a site."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def since(self, now: datetime, months: int = MONTHS_BACK) -> Iterator[Entry]:
        """Every entry first seen in the last months, oldest first, as far as they are not withdrawn."""
        for month in _months(now, months):
            for item in every(self._table, f"ENTRIES#{month}"):
                entry = entry_from_json(item.data)
                if not entry.withdrawn:
                    yield entry

    def keep(self, entries: Sequence[Entry]) -> Changes:
        """Add what is new and change what was edited; an entry known by any of its names stays that entry."""
        changes = Changes()
        pointers = self._table.get_many([_identity(name) for entry in entries for name in entry.identities])
        known = self._table.get_many([_place(pointer) for pointer in pointers.values()])
        steps: list[_Step] = []
        for entry in map(_fit, entries):
            item = _first_known(entry, pointers, known)
            unknown = [name for name in entry.identities if _identity(name) not in pointers]
            step = _added(entry) if item is None else _changed(item, entry, unknown)
            if step is not None:
                steps.append(step)
        for step in self._write(steps):
            changes.new += step.new
            changes.changed += not step.new
        return changes

    def withdraw_missing(self, source: str, present: Sequence[Entry], now: datetime) -> int:
        """Mark what a complete source no longer lists; how many. What is past is left as it was."""
        names = {name for entry in present for name in entry.identities}
        gone = 0
        for month in _months(now, MONTHS_BACK):
            for item in every(self._table, f"ENTRIES#{month}"):
                entry = entry_from_json(item.data)
                over = entry.starts is not None and entry.starts < now
                if entry.source != source or entry.withdrawn or over or names & set(entry.identities):
                    continue
                gone += self._write_alone(_replaced(item, replace(entry, withdrawn=True)))
        return gone

    def _write(self, steps: Sequence["_Step"]) -> Iterator["_Step"]:
        """Write many steps in few transactions; gives those that were done."""
        for batch in _batches(steps):
            try:
                self._table.transact([write for step in batch for write in step.writes])
                yield from batch
            except ConflictError:
                yield from (step for step in batch if self._write_alone(step))

    def _write_alone(self, step: "_Step") -> bool:
        """Whether it was done, or another tick or another source of this run was first."""
        try:
            self._table.transact(step.writes)
        except ConflictError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class _Step:
    """All writes that add or change one entry: they are done together or not at all."""

    writes: tuple[Insert | Replace, ...]
    size: int
    new: bool = False


def _batches(steps: Iterable[_Step]) -> Iterator[list[_Step]]:
    """Steps by transactions: as many as fit, none with a key twice."""
    batch: list[_Step] = []
    keys: set[Key] = set()
    count = size = 0
    for step in steps:
        own = {write.item.key if isinstance(write, Replace) else write.key for write in step.writes}
        full = count + len(own) > MAX_TRANSACTION or size + step.size > MAX_BATCH_BYTES
        if batch and (full or keys & own):
            yield batch
            batch, keys, count, size = [], set(), 0, 0
        batch.append(step)
        keys |= own
        count, size = count + len(own), size + step.size
    if batch:
        yield batch


def _added(entry: Entry) -> _Step:
    key = Key(f"ENTRIES#{entry.first_seen:%Y-%m}", f"{entry.first_seen:%Y-%m-%dT%H:%M:%SZ}#{entry.id}")
    names = [Insert(_identity(name), {"entry": list(key)}) for name in entry.identities]
    return _Step((Insert(key, entry_to_json(entry)), *names), _size(entry), new=True)


def _changed(item: Item, entry: Entry, names: Sequence[str]) -> _Step | None:
    """The writes of an edit, or None where nothing differs. ``names`` are those that nothing is known by yet."""
    old = entry_from_json(item.data)
    elsewhere = old.source != entry.source and not old.withdrawn
    changed = _joined(old, entry) if elsewhere else _edited(old, entry)
    new = _fit(replace(changed, identities=tuple(dict.fromkeys((*old.identities, *names)))))
    return _replaced(item, new, names) if new != old else None


def _replaced(item: Item, entry: Entry, names: Sequence[str] = ()) -> _Step:
    pointers = [Insert(_identity(name), {"entry": list(item.key)}) for name in names]
    return _Step((Replace(item, entry_to_json(entry)), *pointers), _size(entry))


def _joined(old: Entry, other: Entry) -> Entry:
    """The same post by another way: the first source's version stays, with the languages only the other has."""
    texts, topics = {**other.texts, **old.texts}, tuple(dict.fromkeys(old.topics + other.topics))
    return replace(old, texts=texts, topics=topics) if len(texts) > len(old.texts) else old


def _edited(old: Entry, entry: Entry) -> Entry:
    """The source's new version of what stays the same entry."""
    return replace(
        entry,
        id=old.id,
        first_seen=old.first_seen,
        backlog=old.backlog,
        published=entry.published or old.published,
    )


def _identity(name: str) -> Key:
    return Key(f"IDENTITY#{digest(name)[:32]}", "-")


def _place(pointer: Item) -> Key:
    pk, sk = pointer.data["entry"]
    return Key(pk, sk)


def _first_known(entry: Entry, pointers: dict[Key, Item], known: dict[Key, Item]) -> Item | None:
    for name in entry.identities:
        pointer = pointers.get(_identity(name))
        if pointer is not None and (item := known.get(_place(pointer))) is not None:
            return item
    return None


def _size(entry: Entry) -> int:
    """At most how many bytes of JSON it takes: a character of text takes four in UTF-8, six as an escape."""
    texts = sum(
        len(t.html) + len(t.title) + len(t.summary) + len(t.url) + len(t.image_alt) for t in entry.texts.values()
    )
    return 6 * (texts + sum(map(len, (*entry.identities, *entry.categories, *entry.authors)))) + 10_000


def _fit(entry: Entry) -> Entry:
    """Without its longest texts, where the whole is larger than an item may be; readers follow the link then."""
    if _size(entry) <= MAX_ENTRY_BYTES:
        return entry
    while _bytes(entry) > MAX_ENTRY_BYTES and any(text.html for text in entry.texts.values()):
        longest = max(entry.texts, key=lambda tag: len(entry.texts[tag].html))
        entry = replace(entry, texts={**entry.texts, longest: replace(entry.texts[longest], html="")})
    return entry


def _bytes(entry: Entry) -> int:
    return len(json.dumps(entry_to_json(entry), ensure_ascii=False).encode("utf-8", "replace"))


def _months(now: datetime, count: int) -> list[str]:
    """The month of ``now``, the next (clocks may differ) and those before, oldest first."""
    months, moment = [f"{now:%Y-%m}", f"{now + timedelta(days=2):%Y-%m}"], now.replace(day=1)
    for _ in range(count):
        moment = (moment - timedelta(days=1)).replace(day=1)
        months.append(f"{moment:%Y-%m}")
    return sorted(set(months))
