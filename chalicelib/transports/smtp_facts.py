"""What an SMTP server showed of itself: values only, for whoever looks at them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SmtpFacts:
    """``trouble`` and ``hint`` say why no mail could be handed over; the rest is what was seen until then."""

    where: str
    host: str
    loopback: bool = False
    trouble: str = ""
    hint: str = ""
    address: str = ""
    """Numeric, of the server that was reached."""
    secure: bool = False
    starttls: bool | None = None
    """Whether a plain connection offers TLS; None: it was not asked (TLS from the first byte)."""
    plain_auth: bool = False
    """It takes passwords before TLS."""
    logs_in: bool = False
    certificate_ends: datetime | None = None
    limit: int | None = None
    """The most bytes a mail may have."""


__all__ = ["SmtpFacts"]
