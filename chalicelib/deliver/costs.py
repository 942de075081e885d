"""What a provider takes for an edition, before it goes out. Pure."""

from dataclasses import dataclass
from decimal import Decimal

SES_PER_THOUSAND = Decimal("0.16")
"""US dollars for 1,000 messages under SES's plan "Essentials", which new accounts have (prices of July 2026)."""
SES_A_LA_CARTE = Decimal("0.10")
"""The same where the account was put on no plan."""
SES_PER_GIGABYTE = Decimal("0.12")
"""US dollars for a gigabyte of attachments."""
_CENT, _GIGABYTE = Decimal("0.01"), Decimal(1_000_000_000)


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars, rounded up to a cent, and what they are for."""

    dollars: Decimal
    why: str

    @property
    def said(self) -> str:
        """``$3.20 (20,000 mails …)``."""
        return f"${self.dollars:,} ({self.why})" if self.dollars else self.why


def cost_of(transport: str, recipients: int, attachment_bytes: int = 0) -> Cost:
    """The price of sending to ``recipients`` by a transport; ``attachment_bytes`` are those of one mail."""
    if transport != "ses":
        return Cost(Decimal(0), f"none for a mail sent by {transport}")
    mails = SES_PER_THOUSAND * recipients / 1000
    files = SES_PER_GIGABYTE * recipients * attachment_bytes / _GIGABYTE
    cheaper = _cents(SES_A_LA_CARTE * recipients / 1000 + files)
    why = f"SES at ${SES_PER_THOUSAND} for 1,000 mails; ${cheaper} for an account without a plan"
    return Cost(_cents(mails + files), why)


def _cents(dollars: Decimal) -> Decimal:
    return dollars.quantize(_CENT, rounding="ROUND_UP")
