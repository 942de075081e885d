"""Entries in the table: kept under the month they were first seen, found again by any of their names."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.collect.entry import Entry, entry_from_json, entry_to_json
from chalicelib.collect.identity import digest, entry_id
from chalicelib.collect.matching import Leads, match, shared_names
from chalicelib.collect.merging import fit, revised, size, together, updated, without_lent
from chalicelib.collect.rescheduling import rescheduled
from chalicelib.content.values import Kind
from chalicelib.errors import ConflictError
from chalicelib.store import MAX_TRANSACTION, Delete, Insert, Item, Key, Put, Replace, Table, every

MONTHS_BACK = 13
"""How far back composing looks for entries that were never offered."""
DATED_MONTHS_BACK = 60
"""The same for events and deadlines, which may be announced years before; they lie apart, so that it costs little."""
MAX_BATCH_BYTES = 3_000_000
"""What a transaction may hold, which is 4 MB with its keys."""
MAX_OF_A_TITLE = 20
"""How many entries of one title a source may have to choose from: the last ones."""
MAX_OF_A_SERIES = 200
"""The same of the occurrences of a series."""
_ATTEMPTS = 3


@dataclass(slots=True)
class Changes:
    """What keeping a source's entries did."""

    new: int = 0
    changed: int = 0
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class _Step:
    """Writes that are done together or not at all: those that add or change the entry of ``found``, or a title's."""

    writes: tuple[Insert | Replace | Delete | Put, ...]
    size: int
    new: bool = False
    found: tuple[Entry, ...] = ()


class EntryStore:
    """All entries of a site."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def since(self, now: datetime, months: int = MONTHS_BACK) -> Iterator[Entry]:
        """Every post first seen in the last months, then events and deadlines, as far as they are not withdrawn."""
        for item in self._items(now, months):
            entry = entry_from_json(item.data)
            if not entry.withdrawn:
                yield entry

    def dated(self, now: datetime) -> Iterator[Entry]:
        """Every event and deadline first seen in the last five years, as far as it is not withdrawn."""
        for month in _months(now, DATED_MONTHS_BACK):
            entries = (entry_from_json(item.data) for item in every(self._table, f"DATED#{month}"))
            yield from (entry for entry in entries if not entry.withdrawn)

    def find_dated(self, entry_id: str, now: datetime) -> Entry | None:
        """An event or deadline by its id, also a withdrawn one, or None where there is none."""
        pointer = self._table.get(_pointer(_by_id(entry_id)))
        if pointer is not None:
            item = self._table.get(_places(pointer)[0])
            return entry_from_json(item.data) if item else None
        for month in _months(now, DATED_MONTHS_BACK):  # kept before there were such pointers
            for item in every(self._table, f"DATED#{month}"):
                if item.data["id"] == entry_id:
                    return entry_from_json(item.data)
        return None

    def keep(self, entries: Sequence[Entry], *, complete: bool = False) -> Changes:
        """Add what is new and change what was edited, of one reading of one source; see matching.py for which is which.

        ``complete`` sources list all they have, in all languages.
        """
        changes = Changes()
        left = [fit(entry) for entry in entries]
        listed = {name for entry in left for name in entry.identities}
        for _ in range(_ATTEMPTS):
            left = self._keep(left, listed, changes, complete=complete) if left else []
        return changes

    def withdraw_missing(self, source: str, present: Sequence[Entry], now: datetime) -> int:
        """Mark what a complete source no longer lists; how many. What is past is left as it was."""
        names = {name for entry in present for name in entry.identities}
        gone = 0
        for item in self._items(now, MONTHS_BACK):
            entry = entry_from_json(item.data)
            over = entry.starts is not None and entry.starts < now
            if entry.withdrawn or over or names & set(entry.identities):
                continue
            if entry.source == source:
                gone += self._write_alone(_replaced(item, revised(entry, replace(entry, withdrawn=True), now)))
            elif any(lender[0] == source for lender in entry.lent.values()):
                gone += self._write_alone(_replaced(item, without_lent(entry, source)))
        return gone

    def _items(self, now: datetime, months: int) -> Iterator[Item]:
        for month in _months(now, months):
            yield from every(self._table, f"ENTRIES#{month}")
        for month in _months(now, max(months, DATED_MONTHS_BACK)):
            yield from every(self._table, f"DATED#{month}")

    def _keep(
        self, found: Sequence[Entry], listed: Collection[str], changes: Changes, *, complete: bool
    ) -> list[Entry]:
        """One attempt; those finds for which somebody else was first. ``listed`` are the names of the whole reading."""
        names = _Names(self._table, found)
        matched = match(found, [names.leads(entry) for entry in found])
        new = {n: entry for n, entry in enumerate(found) if matched[n] is None}
        for n, stored in rescheduled(new, names.of_series(new.values(), listed)):
            matched[n] = stored
        groups: dict[Key | int, list[Entry]] = defaultdict(list)
        for n, (entry, known) in enumerate(zip(found, matched, strict=True)):
            groups[names.place(known) if known else n].append(entry)
        steps = []
        for place, group in groups.items():
            step = names.change(place, group, complete=complete) if isinstance(place, Key) else names.add(group[0])
            if step is not None:
                steps.append(step)
        lost: list[Entry] = []
        for step, done in self._write([*steps, *names.titles()]):
            changes.new += done and step.new
            changes.changed += done and not step.new and bool(step.found)
            lost += () if done else step.found
        return lost

    def _write(self, steps: Sequence[_Step]) -> Iterator[tuple[_Step, bool]]:
        """Write many steps in few transactions; with each, whether it was done."""
        for batch in _batches(steps):
            try:
                self._table.transact([write for step in batch for write in step.writes])
                yield from ((step, True) for step in batch)
            except ConflictError:
                yield from ((step, self._write_alone(step)) for step in batch)

    def _write_alone(self, step: _Step) -> bool:
        """Whether it was done, or another tick or another source of this run was first."""
        try:
            self._table.transact(step.writes)
        except ConflictError:
            return False
        return True


class _Names:
    """What the names of some finds lead to in the table, and the writes that make them lead there."""

    def __init__(self, table: Table, found: Sequence[Entry]) -> None:
        self._table = table
        names = {name: _pointer(name) for entry in found for name in (*entry.identities, *shared_names(entry))}
        pointers = table.get_many(list(names.values()))
        self._pointers = {name: pointers[key] for name, key in names.items() if key in pointers}
        self._places = {name: _places(pointer) for name, pointer in self._pointers.items()}
        told = [name for entry in found if not self._sure(entry) for name in shared_names(entry)]
        leading = {name for entry in found for name in entry.identities}.union(told)
        self._items = table.get_many([place for name in leading for place in self._places.get(name, ())])
        self._entries = {place: entry_from_json(item.data) for place, item in self._items.items()}
        self._by_id = {entry.id: place for place, entry in self._entries.items()}
        self._of_title: dict[str, dict[Key, None]] = defaultdict(dict)

    def leads(self, entry: Entry) -> Leads:
        """The stored entries that a find may be."""
        guids = [name for name in entry.identities if name.startswith("guid:")]
        sure = [name for name in entry.identities if not name.startswith("guid:")]
        titles = shared_names(entry) if entry.kind is Kind.POST else []
        return Leads(*(self._stored(names) for names in (sure, guids, titles)))

    def of_series(self, found: Iterable[Entry], listed: Collection[str]) -> list[Entry]:
        """The stored occurrences of the finds' series of which none of the ``listed`` names is."""
        names = dict.fromkeys(name for entry in found if entry.series for name in shared_names(entry))
        return [entry for entry in self._stored(names) if not any(name in listed for name in entry.identities)]

    def place(self, stored: Entry) -> Key:
        """Where an entry of ``leads`` lies."""
        return self._by_id[stored.id]

    def add(self, entry: Entry) -> _Step:
        """The writes of a new entry, to which all its names lead from now on."""
        kept = entry
        if entry.identities[0] in self._places:  # the id made from this name is taken
            kept = replace(entry, id=entry_id(f"{entry.identities[0]}@{entry.first_seen.isoformat()}"))
        shelf = "DATED" if kept.starts else "ENTRIES"
        key = Key(f"{shelf}#{kept.first_seen:%Y-%m}", f"{kept.first_seen:%Y-%m-%dT%H:%M:%SZ}#{kept.id}")
        self._note_title(entry, key)
        names = [self._lead(name, key) for name in entry.identities]
        if kept.starts:
            names.append(Insert(_pointer(_by_id(kept.id)), {"entry": list(key)}))
        return _Step((Insert(key, entry_to_json(kept)), *names), size(kept), new=True, found=(entry,))

    def change(self, place: Key, found: Sequence[Entry], *, complete: bool) -> _Step | None:
        """The writes of what ``found`` changes in the entry at a place, or None where nothing differs."""
        old, entry = self._entries[place], together(found)
        new = updated(old, entry, complete=complete)
        self._note_title(entry, place)
        moved = [self._lead(name, place) for name in entry.identities if self._places.get(name) != [place]]
        if not moved and new == old:
            return None
        forgotten = self._table.get_many([_pointer(name) for name in old.identities if name not in new.identities])
        ended = [Delete(pointer) for pointer in forgotten.values() if _places(pointer) == [place]]
        return _replaced(self._items[place], new, [*moved, *ended], found)

    def titles(self) -> Iterator[_Step]:
        """The writes by which titles lead to their entries. Weaker than other names, they need no condition."""
        for name, places in self._of_title.items():
            before = self._places.get(name, [])
            both = list(dict.fromkeys((*before, *places)))
            if both != before:
                most = MAX_OF_A_SERIES if name.startswith("series:") else MAX_OF_A_TITLE
                entries = [list(place) for place in both[-most:]]
                yield _Step((Put(_pointer(name), {"entries": entries}),), 100 * len(entries))

    def _note_title(self, entry: Entry, place: Key) -> None:
        for name in shared_names(entry):
            self._of_title[name][place] = None

    def _sure(self, entry: Entry) -> bool:
        return any(name in self._places for name in entry.identities if entry.series or not name.startswith("guid:"))

    def _stored(self, names: Iterable[str]) -> tuple[Entry, ...]:
        places = dict.fromkeys(place for name in names for place in self._places.get(name, ()))
        return tuple(self._entries[place] for place in places if place in self._entries)

    def _lead(self, name: str, place: Key) -> Insert | Replace:
        pointer = self._pointers.get(name)
        data = {"entry": list(place)}
        return Insert(_pointer(name), data) if pointer is None else Replace(pointer, data)


def _batches(steps: Sequence[_Step]) -> Iterator[list[_Step]]:
    """Steps by transactions: as many as fit, none with a key twice."""
    batch: list[_Step] = []
    keys: set[Key] = set()
    held = 0
    for step in steps:
        own = {write.item.key if isinstance(write, Replace | Delete) else write.key for write in step.writes}
        full = len(keys) + len(own) > MAX_TRANSACTION or held + step.size > MAX_BATCH_BYTES
        if batch and (full or keys & own):
            yield batch
            batch, keys, held = [], set(), 0
        batch.append(step)
        keys |= own
        held += step.size
    if batch:
        yield batch


def _replaced(
    item: Item, entry: Entry, names: Sequence[Insert | Replace | Delete] = (), found: Sequence[Entry] = ()
) -> _Step:
    return _Step((Replace(item, entry_to_json(entry)), *names), size(entry), found=tuple(found))


def _by_id(entry_id: str) -> str:
    """The name under which a calendar program's address finds an event."""
    return f"id:{entry_id}"


def _pointer(name: str) -> Key:
    return Key(f"IDENTITY#{digest(name)[:32]}", "-")


def _places(pointer: Item) -> list[Key]:
    written = pointer.data["entries"] if "entries" in pointer.data else [pointer.data["entry"]]
    return [Key(pk, sk) for pk, sk in written]


def _months(now: datetime, count: int) -> list[str]:
    """The month of ``now``, the next (clocks may differ) and those before, oldest first."""
    months, moment = [f"{now:%Y-%m}", f"{now + timedelta(days=2):%Y-%m}"], now.replace(day=1)
    for _ in range(count):
        moment = (moment - timedelta(days=1)).replace(day=1)
        months.append(f"{moment:%Y-%m}")
    return sorted(set(months))
