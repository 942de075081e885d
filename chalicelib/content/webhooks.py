"""What other programs are told of, and where: ``webhooks`` of site.yaml, as values."""

from dataclasses import dataclass
from enum import StrEnum


class Happening(StrEnum):
    """What can happen that other programs hear of."""

    SUBSCRIBED = "subscribed"
    """Made a member with a recorded ground, or by somebody who was known already."""
    CONFIRMED = "confirmed"
    """A double opt-in was confirmed."""
    UNSUBSCRIBED = "unsubscribed"
    MOVED = "moved"
    """Is known under another id since a change of address."""
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    ERASED = "erased"
    EDITION_SENT = "edition-sent"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of what happens. ``line`` is where site.yaml names it."""

    url: str
    events: frozenset[Happening]
    line: int = 0
