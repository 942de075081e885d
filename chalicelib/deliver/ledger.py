"""The ledger of one chunk: what became of each recipient. Pure transitions; the worker stores them.

A recipient is pending, then in flight (the intent of a wave is on record), then has an outcome. Whoever
takes over a ledger whose owner is gone finds what was in flight in doubt: it may have gone out. What the
provider tells later (it came, it came back, it was called spam) is ranked: the order of news does not matter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from chalicelib.transports import Fate, Outcome

PENDING, FLIGHT, SENT, FAILED, SKIPPED, DEFERRED, IN_DOUBT = "p", "w", "s", "f", "k", "d", "?"
LEFT = "l"
"""In doubt, and a person decided to leave it so."""
DELIVERED, BOUNCED, COMPLAINED = "v", "b", "c"
"""News of the provider after the hand-over: in the books they count as sent, failed and sent."""
_FATES = {Fate.SENT: SENT, Fate.FAILED: FAILED, Fate.DEFERRED: DEFERRED, Fate.IN_DOUBT: IN_DOUBT}


class News(Enum):
    """What a provider tells of a mail; the value is the mark it leaves."""

    SENT = SENT
    DELIVERED = DELIVERED
    BOUNCED = BOUNCED
    """It came back, or the provider dropped it after taking it."""
    REJECTED = BOUNCED
    """Taken and then refused: to the reader it is the same."""
    COMPLAINED = COMPLAINED


_RANK = {SENT: 1, DELIVERED: 2, BOUNCED: 3, COMPLAINED: 4}
"""Of two news the higher one is true, whichever came first; all other marks are mere beliefs of ours."""

GIVE_UP_SECONDS = 48 * 3600
"""A mail deferred for longer than this has failed (RFC 5321, 4.5.4.1, asks for days)."""
FIRST_RETRY_SECONDS = 300
LONGEST_RETRY_SECONDS = 4 * 3600
MAX_REASON = 200


@dataclass(frozen=True, slots=True)
class Detail:
    """Why a recipient stands where it does. ``first`` and ``next`` are epoch seconds of the sending clock.

    ``first`` is when the mail was first deferred, or since when the recipient stands there; ``next`` when it is tried
    again.
    """

    reason: str
    tries: int = 0
    first: int = 0
    next: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """``marks`` holds one letter for each recipient, in the chunk's order. ``lease`` is epoch seconds, wall clock."""

    marks: str
    details: Mapping[int, Detail] = field(default_factory=dict)
    owner: str = ""
    lease: int = 0
    alone: frozenset[int] = frozenset()
    """Who was to get a guest's edition too, and whose mail went without: once written down, it stays so."""

    @property
    def done(self) -> bool:
        """Nobody is left to be tried."""
        return not any(mark in self.marks for mark in (PENDING, FLIGHT, DEFERRED))

    def held_by_other(self, wall: float, *, alive: bool) -> bool:
        """Whether somebody works on it: a lease that runs, of an owner not known to be dead."""
        return bool(self.owner) and alive and self.lease > wall

    def due(self, clock: float) -> bool:
        """Whether somebody can be tried now."""
        return PENDING in self.marks or FLIGHT in self.marks or any(d.next <= clock for d in self._deferred())

    def next_wave(self, size: int) -> list[int]:
        """The positions of the first ``size`` pending recipients."""
        wave: list[int] = []
        position = self.marks.find(PENDING)
        while position >= 0 and len(wave) < size:
            wave.append(position)
            position = self.marks.find(PENDING, position + 1)
        return wave

    def claim(self, owner: str, lease: float, clock: float) -> "Ledger":
        """Taken over: what was in flight is in doubt, what was deferred and is due is pending again."""
        marks, details = list(self.marks), dict(self.details)
        for position, mark in enumerate(marks):
            if mark == FLIGHT:
                marks[position] = IN_DOUBT
                details[position] = Detail("the sender stopped in mid-wave", first=int(clock))
            elif mark == DEFERRED and details[position].next <= clock:
                marks[position] = PENDING
        return replace(self, marks="".join(marks), details=details, owner=owner, lease=int(lease))

    def begin(
        self, wave: Iterable[int], skips: Mapping[int, str], lease: float, failed: Mapping[int, str] | None = None
    ) -> "Ledger":
        """The intent of a wave on record, and those who are skipped or can't be written to, with why.

        Only who still waits: somebody may have cancelled, or news may have come, since the wave was chosen.
        """
        marks, details = list(self.marks), dict(self.details)
        for position in wave:
            if marks[position] == PENDING:
                marks[position] = FLIGHT
        for mark, reasons in ((SKIPPED, skips), (FAILED, failed or {})):
            for position, why in reasons.items():
                if marks[position] in {PENDING, DEFERRED}:
                    marks[position] = mark
                    details[position] = Detail(why[:MAX_REASON])
        return replace(self, marks="".join(marks), details=details, lease=int(lease))

    def settle(self, outcomes: Mapping[int, Outcome], clock: float) -> "Ledger":
        """The outcomes of a wave. Only who is in flight can get one, so settling twice changes nothing."""
        marks, details = list(self.marks), dict(self.details)
        for position, outcome in outcomes.items():
            if marks[position] != FLIGHT:
                continue
            marks[position], detail = _settled(outcome, details.pop(position, Detail("")), position, clock)
            if detail is not None:
                details[position] = detail
        return replace(self, marks="".join(marks), details=details)

    def heard(self, position: int, news: News, reason: str = "") -> "Ledger":
        """What the provider tells of one mail: the same in any order, repeated, and before our own record."""
        mark, told = self.marks[position], Detail(reason[:MAX_REASON])
        before = self.details.get(position, Detail(""))
        if _RANK.get(mark, 0) > _RANK[news.value] or (mark == news.value and before.reason >= told.reason):
            return self
        details = {p: detail for p, detail in self.details.items() if p != position}
        if told.reason:
            details[position] = told
        return replace(self, marks=_put(self.marks, position, news.value), details=details)

    def wait(self, waits: Mapping[int, tuple[float, str]]) -> "Ledger":
        """Pending recipients whose turn comes later, each with when (epoch seconds) and why: that is no try."""
        ledger, details = self, dict(self.details)
        for position, (until, why) in waits.items():
            if ledger.marks[position] == PENDING:
                ledger = replace(ledger, marks=_put(ledger.marks, position, DEFERRED))
                details[position] = replace(details.get(position, Detail("")), reason=why[:MAX_REASON], next=int(until))
        return replace(ledger, details=details)

    def decide(self, position: int, *, resend: bool, why: str = "") -> "Ledger":
        """A person's word on somebody in doubt: written to again, or left. Raises ValueError for anybody else."""
        if self.marks[position] not in {IN_DOUBT, LEFT}:
            raise ValueError(f"position {position} is not in doubt")
        details = {p: detail for p, detail in self.details.items() if p != position}
        if not resend:
            details[position] = replace(self.details.get(position, Detail("")), reason=f"left: {why}"[:MAX_REASON])
        return replace(self, marks=_put(self.marks, position, PENDING if resend else LEFT), details=details)

    def without_guest(self, positions: Iterable[int]) -> "Ledger":
        """Their mails, which go on record this moment, hold nothing of the guest's edition."""
        return replace(self, alone=self.alone.union(positions))

    def undo(self) -> "Ledger":
        """Nothing of the wave was handed over, for certain: who was in flight is pending again."""
        return replace(self, marks=self.marks.replace(FLIGHT, PENDING))

    def release(self) -> "Ledger":
        """Given back: anybody may claim it."""
        return replace(self, owner="", lease=0)

    def cancel(self, why: str) -> "Ledger":
        """Nobody further is tried; a wave in flight still gets its outcomes."""
        left = [p for p, mark in enumerate(self.marks) if mark in {PENDING, DEFERRED}]
        return self.begin((), dict.fromkeys(left, why), self.lease)

    def _deferred(self) -> list[Detail]:
        return [self.details[p] for p, mark in enumerate(self.marks) if mark == DEFERRED]


def _put(marks: str, position: int, mark: str) -> str:
    return marks[:position] + mark + marks[position + 1 :]


def _settled(outcome: Outcome, before: Detail, position: int, clock: float) -> tuple[str, Detail | None]:
    reason = outcome.reason[:MAX_REASON]
    if outcome.fate is Fate.SENT:
        return SENT, None
    if outcome.fate is not Fate.DEFERRED:
        return _FATES[outcome.fate], Detail(reason, before.tries, int(clock))
    first = before.first or int(clock)
    if clock - first >= GIVE_UP_SECONDS:
        return FAILED, Detail(f"given up after 48 hours: {reason}"[:MAX_REASON], before.tries)
    wait = min(FIRST_RETRY_SECONDS * 2**before.tries, LONGEST_RETRY_SECONDS)
    spread = position % 60  # not all of a chunk at the same second
    return DEFERRED, Detail(reason, before.tries + 1, first, int(clock) + wait + spread)


def new_ledger(skips: Mapping[int, str], size: int, waits: Mapping[int, tuple[float, str]] | None = None) -> Ledger:
    """A ledger for a chunk of ``size``, with those whom planning already skips, and those whose time comes later."""
    return Ledger(PENDING * size).begin((), skips, 0).wait(waits or {})


def ledger_to_data(ledger: Ledger) -> dict[str, Any]:
    """The item of a ledger. What is the same of many positions stands there once, under all of them."""
    alike: dict[tuple[str, int, int, int], list[str]] = {}
    for position, d in ledger.details.items():
        alike.setdefault((d.reason, d.tries, d.first, d.next), []).append(str(position))
    details = {" ".join(places): list(values) for values, places in alike.items()}
    alone = {"alone": sorted(ledger.alone)} if ledger.alone else {}
    return {"marks": ledger.marks, "details": details, "owner": ledger.owner, "lease": ledger.lease, **alone}


def ledger_from_data(data: Mapping[str, Any]) -> Ledger:
    """The ledger that ``ledger_to_data`` wrote."""
    details: dict[int, Detail] = {}
    for places, values in data["details"].items():
        details |= dict.fromkeys(map(int, places.split()), Detail(*values))
    return Ledger(data["marks"], details, data["owner"], data["lease"], frozenset(map(int, data.get("alone", ()))))
