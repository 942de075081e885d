"""The pace of a transport in the store: one item that all workers share, changed under its version."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import TypeVar

from chalicelib.content.sending import DomainCap, Pace
from chalicelib.deliver import domains as by_domain
from chalicelib.deliver import pace as pure
from chalicelib.deliver.counts import MICRO
from chalicelib.deliver.domains import Allowed, Domain, cap_of, domain_from_data, domain_to_data
from chalicelib.deliver.grid import MOST_AHEAD
from chalicelib.deliver.pace import Grant, PaceState, Reading, limits_of, pace_from_data, pace_to_data
from chalicelib.deliver.warming import warm_words
from chalicelib.errors import ConflictError, TransportUnavailableError
from chalicelib.store import Data, Key, Table
from chalicelib.transports.quota import Quota, QuotaSource

TRIES = 30
"""Lost races before a worker is told to come back in a second. Each one lost is a reservation of somebody else."""
ASK_AGAIN_SECONDS = 60
"""After the provider did not say its quota, where an older answer is there to go by."""
OLDEST_SECONDS = 86_400
"""So old that answer may be."""
KEEP_DOMAIN_SECONDS = 2 * 3600
LONGEST_PATIENCE = MOST_AHEAD / MICRO
"""Seconds."""

T = TypeVar("T")
S = TypeVar("S")
Decide = Callable[[S], tuple[T, S]]


@dataclass(frozen=True, slots=True)
class PaceStatus:
    """The pace for a person to look at. None: no such limit.

    ``per_day`` is of the day of UTC, warm-up included; ``rolling`` of any 24 hours. ``words`` are sentences.
    """

    per_second: float | None
    per_day: int | None
    rolling: int | None
    today: int
    words: tuple[str, ...]


class Pacing:
    """Reserves what one transport may be handed. ``wave``: the most mails handed over at once.

    ``now`` is epoch seconds of the machine's clock everywhere, never of one that is moved. Each call reads and
    writes the store, and at times asks the provider: some raise what ``QuotaSource.read`` raises, where there is
    no older answer to go by.
    """

    def __init__(
        self, table: Table, transport: str, pace: Pace, source: QuotaSource | None = None, *, wave: int = 50
    ) -> None:
        self._table, self._pace, self._source, self._wave = table, pace, source, wave
        self._key = Key(f"PACE#{transport}", "-")
        self._asked: float | None = None

    @property
    def limited(self) -> bool:
        """Whether anything holds, apart from caps of domains."""
        pace = self._pace
        return self._source is not None or any(
            limit is not None for limit in (pace.per_second, pace.per_day, pace.warm_up)
        )

    def reserve(self, wanted: int, now: float, patience: float = LONGEST_PATIENCE) -> Grant:
        """Up to ``wanted`` mails at a moment that is at most ``patience`` seconds away, by one write.

        Where nothing holds, all of them at once, without a write.
        """
        if not self.limited:
            return Grant(wanted, now)
        return self._change(
            now,
            lambda state: pure.reserve(state, limits_of(self._pace, state.reading), wanted, now, self._wave, patience),
            Grant(0, now, "too many workers reserve mails at this moment", now + 1),
        )

    def give_back(self, count: int, now: float, domains: Mapping[str, int] | None = None) -> None:
        """Mails that were reserved and not handed over count no more, of the day and of ``domains`` where told.

        Where too many others write at once they stay counted, which is on the safe side.
        """
        if self.limited and count > 0:
            self._write(lambda state: (None, pure.given_back(state, count, now)), None)
        for cap, shares in self._by_cap(domains or {}):
            total = sum(shares.values())

            def decide(state: Domain, total: int = total) -> tuple[None, Domain]:
                return None, by_domain.domain_given_back(state, total, now)

            self._change_domain(cap, decide, None, now)

    def allow(self, domains: Mapping[str, int], now: float) -> Mapping[str, Allowed]:
        """How many of the mails to each domain may be handed over at ``now``; they are counted with that.

        Domains without a cap get all, without a look at the store. Those under one cap share it, in their order.
        """
        answers = {domain: Allowed(count) for domain, count in domains.items()}
        for cap, shares in self._by_cap(domains):
            total = sum(shares.values())

            def decide(state: Domain, cap: DomainCap = cap, total: int = total) -> tuple[Allowed, Domain]:
                return by_domain.allow(state, cap, total, now)

            busy = Allowed(0, now + 1, f"too many workers write to {cap.domains[0]} at this moment")
            answers |= _shared_out(self._change_domain(cap, decide, busy, now), shares)
        return answers

    def quota(self, now: float) -> Quota | None:
        """What the provider says, at most ten minutes old; None where it is not asked."""
        if self._source is None:
            return None
        reading: Reading | None = self._change(now, lambda state: (state.reading, state), None)
        return reading.quota if reading else None

    def status(self, now: float) -> PaceStatus:
        """How the pace stands, as far as it is known: nobody is asked."""
        item = self._table.get(self._key)
        state = pace_from_data(item.data) if item else PaceState()
        limits = limits_of(self._pace, state.reading)
        quota = state.reading.quota if state.reading else Quota()
        caps = [cap for cap in (limits.per_day, limits.rolling) if cap is not None]
        warm = warm_words(state.warmth, limits.warm_up, min(caps, default=None), now)
        words = tuple(word for word in (quota.stopped, quota.warning, warm) if word)
        return PaceStatus(
            limits.rate, pure.day_cap(state, limits, now), limits.rolling, pure.sent_today(state, now), words
        )

    def _change(self, now: float, decide: Decide[PaceState, T], busy: T) -> T:
        """``_write``, with what the provider says read before, where it is due."""
        answers: list[Quota] = []

        def informed(state: PaceState) -> tuple[T, PaceState]:
            return decide(self._informed(state, now, answers))

        return self._write(informed, busy)

    def _write(self, decide: Decide[PaceState, T], busy: T) -> T:
        return change(self._table, self._key, (pace_from_data, pace_to_data, PaceState()), decide, busy)

    def _change_domain(self, cap: DomainCap, decide: Decide[Domain, T], busy: T, now: float) -> T:
        key, expires = Key(f"PACE#domain#{cap.domains[0]}", "-"), ceil(now) + KEEP_DOMAIN_SECONDS
        return change(self._table, key, (domain_from_data, domain_to_data, Domain()), decide, busy, expires)

    def _informed(self, state: PaceState, now: float, answers: list[Quota]) -> PaceState:
        if self._source is None or self._knows(state.reading, now):
            return state
        self._asked = now
        try:
            if not answers:  # asked once, however often the write is tried
                answers.append(self._source.read())
        except TransportUnavailableError:
            if state.reading is None or now - state.reading.at > OLDEST_SECONDS:
                self._asked = None
                raise
            later = now - pure.RECHECK_SECONDS + ASK_AGAIN_SECONDS
            return replace(state, reading=replace(state.reading, asked=later))
        return pure.read(state, answers[0], now)

    def _knows(self, reading: Reading | None, now: float) -> bool:
        """Whether the reading is news, by whatever clock it was made; a process asks no more often by its own."""
        if reading is None:
            return False
        asked = [reading.asked] if self._asked is None else [reading.asked, self._asked]
        return any(abs(now - moment) < pure.RECHECK_SECONDS for moment in asked)

    def _by_cap(self, domains: Mapping[str, int]) -> list[tuple[DomainCap, dict[str, int]]]:
        found: dict[str, tuple[DomainCap, dict[str, int]]] = {}
        for domain, count in domains.items():
            cap = cap_of(self._pace.caps, domain)
            if cap and count > 0:
                found.setdefault(cap.domains[0], (cap, {}))[1][domain] = count
        return list(found.values())


def change(
    table: Table, key: Key, form: tuple[Callable[[Data], S], Callable[[S], Data], S], decide: Decide[S, T], busy: T,
    expires: int | None = None,
) -> T:  # fmt: skip
    """Change one item as ``decide`` says, which may be asked again; ``busy`` where others are always first.

    ``form``: how the state is read, how it is written, and what it is where there is none. One that stays the same
    is not written.
    """
    read, write, new = form
    for _ in range(TRIES):
        item = table.get(key)
        before = read(item.data) if item else new
        answer, after = decide(before)
        if after == before:
            return answer
        try:
            table.replace(item, write(after), expires) if item else table.insert(key, write(after), expires)
        except ConflictError:
            continue
        return answer
    return busy


def _shared_out(allowed: Allowed, shares: Mapping[str, int]) -> dict[str, Allowed]:
    """What a cap allows, to its domains in their order; who gets all has nothing to wait for."""
    left, answers = allowed.count, {}
    for domain, wanted in shares.items():
        count = min(wanted, left)
        left -= count
        answers[domain] = Allowed(count) if count == wanted else replace(allowed, count=count)
    return answers
