"""What the readers of a newsletter were told of an event, and so what there is to tell: that it is on again. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from chalicelib.collect.entry import Change, Entry
from chalicelib.collect.identity import entry_id
from chalicelib.content.values import Kind


def as_news(entries: Sequence[Entry], offered: Collection[str], moment: datetime) -> list[Entry]:
    """Entries as a newsletter tells them at a moment (aware) that has ``offered`` these names before.

    An event whose cancellation was told and that is not cancelled any more is on again; of a series that was told
    as cancelled, its first coming occurrence stands for that. Each cancellation after an event was told to be on
    again has a name of its own, and so has what follows it: told in turns, however often the calendar changes.
    What was never told as cancelled, or has changed back before it was told, is no news.
    """
    told = [_one(entry, offered) for entry in entries]
    return _with_series(told, offered, moment)


def _one(entry: Entry, offered: Collection[str]) -> Entry:
    if entry.kind is not Kind.EVENT:
        return entry
    cancelled, again = _times(entry.id, offered)
    if entry.change is Change.CANCELLED:
        return replace(entry, offered_as=_name(entry.id, Change.CANCELLED, again + 1))
    return _on_again(entry, entry.id, cancelled, offered) if cancelled > again else entry


def _on_again(entry: Entry, told: str, times: int, offered: Collection[str]) -> Entry:
    """An entry as the news that what was told as cancelled under an id takes place; a move is told once."""
    moved_from = None if entry.offer in offered else entry.moved_from
    return replace(entry, change=Change.AGAIN, moved_from=moved_from, offered_as=_name(told, Change.AGAIN, times))


def _with_series(entries: list[Entry], offered: Collection[str], moment: datetime) -> list[Entry]:
    """The same, where the first coming occurrence of each series that is on again stands for all."""
    off = {_series(e) for e in entries if e.whole_series and e.change is Change.CANCELLED and _is_coming(e, moment)}
    first: dict[str, Entry] = {}
    for entry in entries:
        if entry.change in {Change.NONE, Change.MOVED} and _is_coming(entry, moment) and entry.series:
            known = first.setdefault(_series(entry), entry)
            first[_series(entry)] = min(known, entry, key=lambda e: (e.starts, e.id))
    news = {}
    for name, entry in first.items():
        cancelled, again = _times(entry_id(name), offered)
        if cancelled > again and name not in off:
            shown = _on_again(entry, entry_id(name), cancelled, offered)
            news[entry.id] = replace(shown, identities=(*entry.identities, name))
    return [news.get(entry.id, entry) for entry in entries]


def _is_coming(entry: Entry, moment: datetime) -> bool:
    return entry.kind is Kind.EVENT and entry.starts is not None and entry.starts > moment


def _series(entry: Entry) -> str:
    """The name of a series as a whole, from which its id is made where it is cancelled."""
    return f"guid:{entry.source}:{entry.series}"


def _times(told: str, offered: Collection[str]) -> tuple[int, int]:
    """How often an event was told as cancelled, and as on again after that."""
    cancelled = _known(told, Change.CANCELLED, offered)
    return cancelled, _known(told, Change.AGAIN, offered)


def _known(told: str, change: Change, offered: Collection[str]) -> int:
    return next(number for number in count() if _name(told, change, number + 1) not in offered)


def _name(told: str, change: Change, number: int) -> str:
    return f"{told}~{change}" + (f"-{number}" if number > 1 else "")
