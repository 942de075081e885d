"""The watch over each wave: a process's own tally stops a fast sender within one; who is gone is written to no more."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.audience.suppression import Reason, Suppressions
from chalicelib.clock import Clock
from chalicelib.compose.editions import Edition
from chalicelib.content.sending import Brake
from chalicelib.deliver.brake import Figures, gone, of_wave, trip
from chalicelib.deliver.braking import LOOK_SECONDS, Braking
from chalicelib.errors import SendbriefError
from chalicelib.transports import Fate, Outcome


@dataclass(slots=True)
class Tallies:
    """What a process has counted, by edition and its number of stops, and when it last looked at all that is known."""

    counts: dict[tuple[str, int], Figures] = field(default_factory=dict)
    looked: datetime | None = None


@dataclass(slots=True)
class Watching:
    """A worker's ``Watch``. ``by`` says who told that a mailbox is gone: the transport's name. Never raises.

    ``tallies`` live as long as the process, whose workers share them.
    """

    braking: Braking
    suppressions: Suppressions
    limits: Brake
    clock: Clock
    by: str
    tallies: Tallies = field(default_factory=Tallies)

    def saw(self, edition: Edition, sids: Sequence[str], outcomes: Sequence[Outcome]) -> str:
        """Why the edition must stop, in words; '' while it may go on. It is stopped already then."""
        now = self.clock()
        for sid, outcome in zip(sids, outcomes, strict=True):
            if outcome.fate is Fate.FAILED and gone(outcome.reason):
                self._suppress(sid, outcome.reason, now)
        key = (edition.id, edition.halts)
        tally = self.tallies.counts.get(key, Figures()) + of_wave(outcomes)
        why = trip(tally, self.limits)
        self.tallies.counts[key] = Figures() if why else tally
        if why:
            self._stop(edition.id, now, why)
        else:
            self._look(edition, now)
        return why

    def _suppress(self, sid: str, reason: str, now: datetime) -> None:
        with suppress(SendbriefError):  # the outcomes of a wave must come on record whatever happens here
            self.suppressions.add(sid, Reason.BOUNCE, now, note=reason, by=self.by)

    def _stop(self, edition_id: str, now: datetime, why: str) -> None:
        with suppress(SendbriefError):  # the worker stops it as well
            self.braking.stop(edition_id, now, why)

    def _look(self, edition: Edition, now: datetime) -> None:
        """Once a minute, unless another process has just done it: one of many is enough."""
        before = self.tallies.looked
        if before is None or abs((now - before).total_seconds()) >= LOOK_SECONDS:
            self.tallies.looked = now
            with suppress(SendbriefError):
                if self.braking.is_due(edition, now):
                    self.braking.look(now)
