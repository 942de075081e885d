"""Whose turn it is: the pace, the caps of domains, the quiet hours, and a provider's day that is used up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.compose.editions import Edition
from chalicelib.deliver.domains import Allowed
from chalicelib.deliver.pace import Grant
from chalicelib.deliver.pacing import Pacing

PATIENCE_SECONDS = 30.0
"""So long a worker on one machine waits for its turn; a function, which is paid while it waits, gives up sooner."""


@dataclass(slots=True)
class Turns:
    """What a worker asks before each wave. ``quiet`` gives the end of an edition's quiet hours, if they are on."""

    pacing: Pacing | None = None
    quiet: Callable[[Edition, datetime], datetime | None] = lambda _edition, _now: None
    patience: float = PATIENCE_SECONDS
    _resting: Grant | None = None

    def reserve(self, wanted: int, wall: float) -> Grant:
        """How many mails, and when: see ``Pacing.reserve``."""
        if self._resting and wall < self._resting.until:
            return self._resting
        self._resting = None
        return self.pacing.reserve(wanted, wall, self.patience) if self.pacing else Grant(wanted, wall)

    def give_back(self, count: int, wall: float) -> None:
        """Mails reserved and not handed over."""
        if self.pacing and count > 0:
            self.pacing.give_back(count, wall)

    def allow(self, domains: Mapping[str, int], wall: float) -> Mapping[str, Allowed]:
        """What the domains' caps leave: see ``Pacing.allow``."""
        return self.pacing.allow(domains, wall) if self.pacing else {}

    def rest(self, until: float, why: str) -> None:
        """No turn for anybody in this process until then."""
        self._resting = Grant(0, until, why, until)

    def quiet_until(self, edition: Edition, now: datetime) -> tuple[float, str] | None:
        """For how many seconds nothing goes out, and why."""
        end = self.quiet(edition, now)
        return ((end - now).total_seconds(), f"quiet hours until {end:%H:%M}") if end else None


__all__ = ["PATIENCE_SECONDS", "Turns"]
