"""The transport's port: a wave of finished mails in, one outcome for each out.

A transport never raises for the fate of one mail. It raises ``TransportUnavailableError`` only where
it is certain that nothing of the wave was handed over, and ``ConfigurationError`` where its settings
can't work (bad credentials, no such host name in the URL).

A provider that stops an account in mid-wave can't be told by raising: what it took before keeps its
outcomes, the rest is deferred, and ``provider_stopped`` has its words.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True, slots=True, eq=False)
class BulkTemplate:
    """What the mails of one letter share, for a provider that fills in the rest. Known by identity.

    ``address`` is the sender's addr-spec, ``sender`` and ``reply_to`` are whole values of From and Reply-To.
    ``subject``, ``html`` and ``text`` hold ``{{key}}``, keys of ASCII letters, where a reader's values go; no other
    ``{{`` stands in them. ``headers`` are the further ones, unfolded ASCII.
    """

    address: str
    sender: str
    reply_to: str
    subject: str
    html: str
    text: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class BulkPart:
    """One reader's share: To as a whole value, a JSON object of values by key, headers of their own."""

    template: BulkTemplate
    to: str
    values: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Mail:
    """A complete RFC 5322 message with CRLF line ends, and its envelope (ASCII addr-specs).

    ``tags`` travel with it to providers that echo them in events: ``edition``, ``chunk``, ``position``.
    ``bulk`` says the same mail as a share of a template, for a transport that ``wants_bulk``.
    """

    sender: str
    recipient: str
    content: bytes
    tags: Mapping[str, str] = field(default_factory=dict)
    clean: bool = False
    bulk: BulkPart | None = None


class Transport(Protocol):
    """Hands mails over. One instance serves one process and one event loop at a time."""

    name: str

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        """One outcome for each mail, in their order."""
        ...

    async def aclose(self) -> None:
        """Give connections back politely; the transport may be used again afterwards."""
        ...


def nameless(outcome: Outcome, mail: Mail) -> Outcome:
    """A provider's words often repeat the address: without it, erasing a person leaves no trace of them in ours."""
    if not outcome.reason:
        return outcome
    reason = re.sub(re.escape(mail.recipient), "the recipient", outcome.reason, flags=re.IGNORECASE)
    return replace(outcome, reason=reason)


def provider_stopped(transport: Transport) -> str:
    """The provider's words where it takes nothing from this account until a person acts; '' while it does."""
    return str(getattr(transport, "stopped", ""))


def quota_used(transport: Transport) -> bool:
    """Whether the provider last said that the day's quota is used up: nothing is wrong, it goes on a day later."""
    return bool(getattr(transport, "quota_used", False))


def wants_bulk(transport: Transport) -> bool:
    """Whether a mail should bring its ``bulk``."""
    return bool(getattr(transport, "bulk", False))


__all__ = [
    "BulkPart",
    "BulkTemplate",
    "Fate",
    "Mail",
    "Outcome",
    "Transport",
    "nameless",
    "provider_stopped",
    "quota_used",
    "wants_bulk",
]
