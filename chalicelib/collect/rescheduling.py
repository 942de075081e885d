"""Which stored occurrence of a series a find is, where the series was put at other times as a whole. Pure.

Calendars name an occurrence by the moment it was first planned for, and give those of a series that is put elsewhere
other moments: by their names all would be new. What no name tells is told by these rules, in turn:

1. Occurrences of one day are the same: of several on a day those of the same title, then in their order. A day is
   that of the series' own time zone, also of those that are over or were withdrawn.
2. What is left and still to come is the same less than a week away, in its order: the series went to another day of
   the week. As few as can be are left without a new date, then all are as near as can be to the old one.
3. All else is new, such as a monthly series that is put two weeks later.

So of a series that is held more often than before some dates are told as new, and where one date is left out and
another less than a week away put in, that is told as a move: it can't be told from one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.collect.entry import Entry
from chalicelib.collect.matching import same_title

WEEK = timedelta(days=7)


def rescheduled(found: Mapping[int, Entry], stored: Iterable[Entry]) -> Iterator[tuple[int, Entry]]:
    """Finds (by their number) with the stored entries of their series that they are.

    Neither holds what the other names: ``found`` are finds that no name led to an entry, ``stored`` entries that no
    find of the same reading names.
    """
    series = {(entry.source, entry.series) for entry in found.values() if entry.series}
    old: dict[tuple[str, str], dict[str, Entry]] = defaultdict(dict)
    for entry in stored:
        if entry.starts and not entry.whole_series:
            old[entry.source, entry.series][entry.id] = entry
    for name in series:
        new = {n: e for n, e in found.items() if (e.source, e.series) == name and e.starts and not e.whole_series}
        left = old[name]
        same_day = list(_of_a_day(new, left.values()))
        yield from same_day
        for n, entry in same_day:
            del new[n], left[entry.id]
        yield from _in_order(new, left.values())


def _of_a_day(found: Mapping[int, Entry], stored: Iterable[Entry]) -> Iterator[tuple[int, Entry]]:
    days: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(stored, key=_moment):
        days[entry.planned_on].append(entry)
    waiting = []
    for n in sorted(found, key=lambda n: _moment(found[n])):
        titled = next((e for e in days[found[n].planned_on] if same_title(found[n], e)), None)
        if titled is None:
            waiting.append(n)
        else:
            days[found[n].planned_on].remove(titled)
            yield n, titled
    for n in waiting:
        if found[n].planned_on and days[found[n].planned_on]:
            yield n, days[found[n].planned_on].pop(0)


def _in_order(found: Mapping[int, Entry], stored: Iterable[Entry]) -> Iterator[tuple[int, Entry]]:
    new = sorted(found, key=lambda n: _moment(found[n]))
    if not new:
        return
    now = found[new[0]].first_seen
    coming = sorted((e for e in stored if not e.withdrawn and _moment(e) > now), key=_moment)
    best = [_Way()] * (len(new) + 1)  # of no stored entry and the first finds, then of one more entry each
    for entry in coming:
        row = [best[0].without()]
        for before, above, n in zip(best, best[1:], new, strict=False):
            apart = abs(_moment(found[n]) - _moment(entry))
            ways = [row[-1], above.without(), *([before.joined(n, entry, apart)] if apart < WEEK else [])]
            row.append(min(ways, key=lambda way: (way.missing, way.apart)))
        best = row
    way: _Way | None = best[-1]
    while way and way.pair:
        yield way.pair
        way = way.rest


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to join finds and entries in order: entries left out, how far all are apart, and the last pair."""

    missing: int = 0
    apart: timedelta = timedelta(0)
    pair: tuple[int, Entry] | None = None
    rest: "_Way | None" = None

    def without(self) -> "_Way":
        return replace(self, missing=self.missing + 1)

    def joined(self, n: int, entry: Entry, apart: timedelta) -> "_Way":
        return _Way(self.missing, self.apart + apart, (n, entry), self)


def _moment(entry: Entry) -> datetime:
    """When an occurrence begins; what has no time is left out before."""
    return entry.starts or entry.first_seen
