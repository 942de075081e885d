"""Entries in the table: kept under the month they were first seen, found again by any of their names."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.collect.entry import Entry, entry_from_json, entry_to_json
from chalicelib.collect.identity import digest
from chalicelib.errors import ConflictError
from chalicelib.store import Insert, Item, Key, Replace, Table, Write, every

MONTHS_BACK = 13
"""How far back composing looks for entries that were never offered."""
MAX_ENTRY_BYTES = 300_000
"""As JSON, with its HTML: an item must stay under 400 KB."""


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
        for entry in entries:
            item = _first_known(entry, pointers, known)
            if item is None:
                changes.new += self._add(_fit(entry))
            else:
                unknown = [name for name in entry.identities if _identity(name) not in pointers]
                changes.changed += self._change(item, _fit(entry), unknown)
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
                gone += self._replace(item, replace(entry, withdrawn=True))
        return gone

    def _add(self, entry: Entry) -> int:
        key = Key(f"ENTRIES#{entry.first_seen:%Y-%m}", f"{entry.first_seen:%Y-%m-%dT%H:%M:%SZ}#{entry.id}")
        writes: list[Write] = [Insert(key, entry_to_json(entry))]
        writes += [Insert(_identity(name), {"entry": list(key)}) for name in entry.identities]
        try:
            self._table.transact(writes)
        except ConflictError:  # another tick, or another source of this run, added it first
            return 0
        return 1

    def _change(self, item: Item, entry: Entry, names: Sequence[str]) -> int:
        """``names`` are those of the entry that nothing is known by yet."""
        old = entry_from_json(item.data)
        elsewhere = old.source != entry.source and not old.withdrawn
        changed = _joined(old, entry) if elsewhere else _edited(old, entry)
        new = _fit(replace(changed, identities=tuple(dict.fromkeys((*old.identities, *names)))))
        return self._replace(item, new, names) if _mark(new) != _mark(old) else 0

    def _replace(self, item: Item, entry: Entry, names: Sequence[str] = ()) -> int:
        writes: list[Write] = [Replace(item, entry_to_json(entry))]
        writes += [Insert(_identity(name), {"entry": list(item.key)}) for name in names]
        try:
            self._table.transact(writes)
        except ConflictError:
            return 0  # changed meanwhile by another tick, which read the same source
        return 1


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


def _mark(entry: Entry) -> bytes:
    return json.dumps(entry_to_json(entry), sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")


def _fit(entry: Entry) -> Entry:
    """Without its longest texts, where the whole is larger than an item may be; readers follow the link then."""
    while len(_mark(entry)) > MAX_ENTRY_BYTES and any(text.html for text in entry.texts.values()):
        longest = max(entry.texts, key=lambda tag: len(entry.texts[tag].html))
        entry = replace(entry, texts={**entry.texts, longest: replace(entry.texts[longest], html="")})
    return entry


def _months(now: datetime, count: int) -> list[str]:
    """The month of ``now``, the next (clocks may differ) and those before, oldest first."""
    months, moment = [f"{now:%Y-%m}", f"{now + timedelta(days=2):%Y-%m}"], now.replace(day=1)
    for _ in range(count):
        moment = (moment - timedelta(days=1)).replace(day=1)
        months.append(f"{moment:%Y-%m}")
    return sorted(set(months))
