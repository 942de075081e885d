"""What a provider says of how much it takes: a port of one question."""

from dataclasses import dataclass
from typing import Protocol

FIRST_RATE = 14.0
"""Mails a second of an account of SES that has just left the sandbox: assumed until SES has said its own."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The provider's figures of the moment, unshared. None: no limit, or none that it tells."""

    per_second: float | None = None
    per_day: int | None = None
    """In any 24 hours, up to now."""
    sent: int = 0
    """In the last 24 hours, by everybody who uses the account."""
    stopped: str = ""
    """Why the provider takes nothing at all, and what to do; '' where it does."""
    warning: str = ""
    """What a person should know, though mail is taken; '' where there is nothing."""


class QuotaSource(Protocol):
    """Asks the provider, at each call."""

    def read(self) -> Quota:
        """The quota now. Raises TransportUnavailableError, or ConfigurationError where asking is not allowed."""
        ...


__all__ = ["Quota", "QuotaSource"]
