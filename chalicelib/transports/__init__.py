"""The transport's port: a wave of finished mails in, one outcome for each out.

A transport never raises for the fate of one mail. It raises ``TransportUnavailableError`` only where
it is certain that nothing of the wave was handed over, and ``ConfigurationError`` where its settings
can't work (bad credentials, no such host name in the URL).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Fate(StrEnum):
    """What became of one mail at hand-over."""

    SENT = "sent"
    """The provider took responsibility for it (SMTP 250 after the data; SES MessageId)."""
    FAILED = "failed"
    """Refused for good (SMTP 5xx for this recipient; SES MessageRejected)."""
    DEFERRED = "deferred"
    """Refused for now, with certainty not taken (SMTP 4xx; throttling)."""
    IN_DOUBT = "in_doubt"
    """Handed over, no answer: it may or may not go out. Never resent by itself."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``reason`` is the provider's own words, one line of at most 200 characters; empty when sent."""

    fate: Fate
    reason: str = ""
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """A complete RFC 5322 message with CRLF line ends, and its envelope (ASCII addr-specs).

    ``tags`` travel with it to providers that echo them in events: ``edition``, ``chunk``, ``position``.
    """

    sender: str
    recipient: str
    content: bytes
    tags: Mapping[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """Hands mails over. One instance serves one process and one event loop at a time."""

    name: str

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        """One outcome for each mail, in their order."""
        ...

    async def aclose(self) -> None:
        """Give connections back politely; the transport may be used again afterwards."""
        ...


__all__ = ["Fate", "Mail", "Outcome", "Transport"]
