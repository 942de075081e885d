"""How many a segment reaches, part by part, and how many of them get mail: members stream by, only figures are kept."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from zoneinfo import ZoneInfo

from chalicelib.audience.segments import Test, node_test
from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.content.segments import AllOf, AnyOf, Node, Not, Part, Segment, written

BATCH = 500
Stopped = Callable[[list[Membership]], Collection[str]]
"""The ids of those of some members who are suppressed."""


@dataclass(frozen=True, slots=True)
class PartCount:
    """One part of a filter: how many it alone matches, and how many are left (after 'or': are in) with it.

    ``joint`` is the 'and' or 'or' before it, '' for the first; ``level`` counts from 0 inwards.
    """

    level: int
    joint: str
    text: str
    alone: int
    so_far: int


@dataclass(frozen=True, slots=True)
class Headcount:
    """``matching`` of ``memberships`` = mails + pending + unsubscribed + suppressed + paused; ``people`` count once."""

    memberships: int
    matching: int
    people: int
    mails: int
    pending: int
    unsubscribed: int
    suppressed: int
    paused: int
    parts: tuple[PartCount, ...]


def side_by_side(members: Iterable[Iterable[Membership]]) -> Iterator[Membership]:
    """The members of several newsletters in the order of their ids, as each of them has it: one person's in a row."""
    return merge(*members, key=lambda member: member.sid)


def headcount(
    members: Iterable[Membership], segment: Segment | None, stopped: Stopped, now: datetime, zone: ZoneInfo
) -> Headcount:
    """The figures of a segment (None: of all) among ``members``, who come in the order of their ids.

    Confirmed members are counted, or all where the segment asks for a state.
    """
    every_state = segment is not None and segment.asks_for("state")
    counts, today = Counter[str](), now.astimezone(zone).date()
    top = _Probe(segment.root, lambda node: node_test(node, segment.fallback, today, zone)) if segment else None

    def matching() -> Iterator[Membership]:
        for member in members:
            if every_state or member.state is MemberState.CONFIRMED:
                counts["memberships"] += 1
                if top is None or top.look(member):
                    yield member

    _sort_out(matching(), stopped, today.isoformat(), counts)
    parts = tuple(top.rows(counts["matching"])) if top else ()
    return Headcount(**{name: counts[name] for name in _FIGURES}, parts=parts)


_FIGURES = ("memberships", "matching", "people", "mails", "pending", "unsubscribed", "suppressed", "paused")


def _sort_out(found: Iterator[Membership], stopped: Stopped, today: str, counts: Counter[str]) -> None:
    """What becomes of those who match: each is counted once beside ``matching``."""
    last = ""
    while batch := list(islice(found, BATCH)):
        out = stopped([member for member in batch if member.state is MemberState.CONFIRMED])
        for member in batch:
            counts["matching"] += 1
            counts["people"] += member.sid != last
            last = member.sid
            if member.state is not MemberState.CONFIRMED:
                counts[str(member.state)] += 1
            elif member.sid in out:
                counts["suppressed"] += 1
            else:
                counts["paused" if member.paused_until > today else "mails"] += 1


class _Probe:
    """A part of a filter that counts whom it matches; all parts look at each member, whatever the others say."""

    def __init__(self, node: Node, make: Callable[[Node], Test]) -> None:
        self._node, self._any = node, isinstance(node, AnyOf)
        parts = () if isinstance(node, Part) else (node.part,) if isinstance(node, Not) else node.parts
        self._inner = [_Probe(part, make) for part in parts]
        self._test = None if self._inner else make(node)
        self.alone = self.so_far = 0

    def look(self, member: Membership) -> bool:
        if self._test is not None:
            hit = self._test(member)
        else:
            hit = not self._any
            for probe in self._inner:
                found = probe.look(member)
                hit = (hit or found) if self._any else (hit and found)
                probe.so_far += hit
            hit = hit is not isinstance(self._node, Not)
        self.alone += hit
        return hit

    def rows(self, matching: int) -> Iterator[PartCount]:
        """What stands in a table: the parts of the whole, or the whole where it is one condition."""
        if isinstance(self._node, Part | Not):
            yield from self._with_inner(0, "", matching)
        else:
            yield from self._inner_rows(0)

    def _with_inner(self, level: int, joint: str, so_far: int) -> Iterator[PartCount]:
        text = f"({written(self._node)})" if isinstance(self._node, AllOf | AnyOf) else written(self._node)
        yield PartCount(level, joint, text, self.alone, so_far)
        if not (isinstance(self._node, Not) and isinstance(self._node.part, Part)):
            yield from self._inner_rows(level + 1)

    def _inner_rows(self, level: int) -> Iterator[PartCount]:
        joint = "or" if self._any else "and"
        for number, probe in enumerate(self._inner):
            yield from probe._with_inner(level, joint if number else "", probe.so_far)
