"""What a tick does beside sending: the brake's look, and the alarms. Trouble with either is told, and stops nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.deliver.braking import Braking
from chalicelib.deliver.pacing import Pacing
from chalicelib.errors import SendbriefError
from chalicelib.transports import Transport

if TYPE_CHECKING:
    from chalicelib.deliver.alarms import Alarms


@dataclass(frozen=True, slots=True)
class Guard:
    """The brake and the alarms of one site."""

    braking: Braking
    alarms: "Alarms"

    async def watch(self, transport: Callable[[], Transport], now: datetime) -> list[str]:
        """Look, stop what must be stopped, and tell the editors; what a person should know, in sentences."""
        try:
            return self.braking.look(now) + await self.alarms.tell(transport, now)
        except SendbriefError as error:
            return [f"The brake and the alarms could not be looked after. {error}"]


def word_of(pacing: Pacing, wall: Callable[[], float]) -> Callable[[], str]:
    """Why the provider takes nothing, by what it last said (asked every ten minutes); '' where it can't be asked."""

    def stopped() -> str:
        try:
            quota = pacing.quota(wall())
        except SendbriefError:  # who sends meets the same trouble, and tells it
            return ""
        return quota.stopped if quota else ""

    return stopped


__all__ = ["Guard", "word_of"]
