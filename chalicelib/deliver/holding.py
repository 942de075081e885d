"""What waits for a person in a store that is an older one of itself: a backup put back, a table of an earlier hour."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.compose.edition import State
from chalicelib.deliver.books import add_up
from chalicelib.deliver.ledger import ledger_from_data
from chalicelib.deliver.pausing import (
    HOME,
    Pause,
    Restored,
    moved_words,
    note_restored,
    pause,
    paused,
    standing,
)
from chalicelib.errors import ConflictError
from chalicelib.store import Item, Key, Put, Table, every

PASSED = "its slot has passed when the store was restored from a backup: who got it since is not known"
_AFTER = "it was being sent when the store was restored from a backup: who got it since is not known"
HELD = "RESTORED"


@dataclass(frozen=True, slots=True)
class HeldBack:
    """An edition that a restore held: in which state it was, and its books as they were then."""

    edition: str
    state: str
    books: Mapping[str, int]


def held(pk: str, data: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """An edition that may have gone out since the backup waits for a person; all else is as it was."""
    if not pk.startswith("EDITIONS#"):
        return data
    state = State(data["state"])
    if state is State.SENDING:
        return {**data, "state": str(State.HELD), "was_sending": True, "why": _AFTER}
    if state in {State.DRAFT, State.APPROVED} and datetime.fromisoformat(data["slot_at"]) <= now:
        return {**data, "state": str(State.HELD), "why": PASSED}
    return data


def stand(table: Table, newsletters: Iterable[str], now: datetime) -> Pause | None:
    """The pause that is on. A table that is not where it was is made what a restore leaves; safe to repeat, or cut off.

    The first look writes down which table it is.
    """
    how = standing(table)
    if how.moved and not (how.pause and how.pause.restoring):
        hold_back(table, newsletters, now, moved_words(how))
        return paused(table)
    if how.here and not how.home:
        with suppress(ConflictError):  # another tick was first
            table.insert(HOME, {"table": how.here})
    return how.pause


def hold_back(table: Table, newsletters: Iterable[str], now: datetime, why: str, made: str = "") -> None:
    """Pause a site whose store is an older one of itself, and hold what may have gone out since.

    That it is at home here is written last: whoever is cut off before is followed by one who begins again.
    """
    pause(table, why, now)
    for name in newsletters:
        for item in list(every(table, f"EDITIONS#{name}")):
            _hold(table, item, now)
    note_restored(table, Restored(now.isoformat(), made))


def _hold(table: Table, item: Item | None, now: datetime) -> None:
    while item is not None:
        changed = held(item.key.pk, item.data, now)
        if changed == item.data:
            return
        note_held(table, {_name(item.key): item.data["state"]})
        try:
            table.replace(item, changed)
        except ConflictError:  # a worker tells why it waits, or a person decides
            item = table.get(item.key)
        else:
            return


def note_held(table: Table, states: Mapping[str, str]) -> None:
    """Keep the books of editions, by their state at the backup, as they are this moment: that is how they were then."""
    for edition, state in states.items():
        ledgers = [ledger_from_data(item.data) for item in every(table, f"EDITION#{edition}", prefix="LEDGER#")]
        data = {"state": state, "books": add_up(None, ledgers).as_dict()}
        table.put_many([Put(Key(HELD, edition), data)])


def held_back(table: Table, edition: str = "") -> list[HeldBack]:
    """The editions that the last restore held; or one of them, if it was."""
    items = [table.get(Key(HELD, edition))] if edition else list(every(table, HELD))
    return [HeldBack(item.key.sk, item.data["state"], item.data["books"]) for item in items if item]


def passed_then(table: Table, slot_at: datetime) -> bool:
    """Whether a slot had passed when the store was restored: what came of it then, nothing here can know."""
    restored = standing(table).restored
    return restored is not None and slot_at <= datetime.fromisoformat(restored.at)


def _name(key: Key) -> str:
    return f"{key.pk.removeprefix('EDITIONS#')}/{key.sk}"


__all__ = ["HELD", "PASSED", "HeldBack", "held", "held_back", "hold_back", "note_held", "passed_then",
           "stand"]  # fmt: skip
