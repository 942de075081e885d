"""What an edition, or a month, costs: mails by the plan of the account, and the rest by what was counted. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.deliver.prices import A_LA_CARTE, ESSENTIALS, PLANS, PRICES

SES_PER_THOUSAND, SES_A_LA_CARTE = PLANS[ESSENTIALS].dollars, PLANS[A_LA_CARTE].dollars
"""US dollars for 1,000 messages under SES's plan "Essentials", and where the account was put on no plan."""
USED_PER_THOUSAND: Mapping[str, Decimal] = {
    "dynamodb reads": Decimal(1515), "dynamodb writes": Decimal(277), "sqs requests": Decimal(409),
    "sns requests": Decimal(2000), "s3 gets": Decimal("2.1"), "lambda requests": Decimal("22.3"),
    "lambda GB-seconds": Decimal("6.5"),
}  # fmt: skip
"""What 1,000 recipients take beside SES, at 100 mails a second and with all told that the template asks SES for:
``python -m bench.costs`` counts it, and a test holds this against it."""
IDLE, IDLE_WITHOUT_ALLOWANCES = Decimal("0.87"), Decimal("5.47")
"""A month of a site on AWS that sends nothing, with what is free in every account, and without: see docs/costs.md."""
_CENT, _GIGABYTE = Decimal("0.01"), Decimal(1_000_000_000)


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars before rounding: ``mails`` and ``files`` are SES's, ``rest`` about what all else takes.

    ``cheaper`` is what SES took by the other plan. ``transport`` is how it goes out; others than SES cost nothing here.
    """

    transport: str
    plan: str = ESSENTIALS
    mails: Decimal = Decimal(0)
    files: Decimal = Decimal(0)
    rest: Decimal = Decimal(0)
    cheaper: Decimal = Decimal(0)

    @property
    def dollars(self) -> Decimal:
        """What SES takes, rounded up to a cent."""
        return cents(self.mails + self.files)

    @property
    def said(self) -> str:
        """``$3.20 (SES at $0.16 for 1,000 mails; $2.00 for an account without a plan), about $0.03 for the rest``."""
        if self.transport != "ses":
            return f"none for a mail sent by {self.transport}"
        why = f"SES at ${PLANS[self.plan].dollars} for 1,000 mails"
        if self.plan == ESSENTIALS:
            why += f"; ${cents(self.cheaper)} for an account without a plan"
        if self.files:
            why += f"; ${cents(self.files)} of it for attachments"
        return f"${self.dollars:,} ({why}), {about(self.rest)} for the rest"

    def as_dict(self) -> dict[str, str]:
        """For programs: dollars to four digits, which is more than anybody knows."""
        return {name: f"{getattr(self, name):.4f}" for name in ("mails", "files", "rest")} | {
            "dollars": f"{self.dollars}", "plan": self.plan if self.transport == "ses" else "", "said": self.said,
        }  # fmt: skip


def cost_of(
    transport: str, recipients: int, attachment_bytes: int = 0, plan: str = ESSENTIALS, *, cloud: bool = True
) -> Cost:
    """The price of sending to ``recipients`` by a transport; ``attachment_bytes`` are those of one mail.

    ``cloud``: whether the store is AWS's too; else only SES costs something.
    """
    if transport != "ses":
        return Cost(transport)
    files = PRICES["ses attachment GB"].of(Decimal(recipients) * attachment_bytes / _GIGABYTE)
    rest = sum((PRICES[what].of(units) for what, units in USED_PER_THOUSAND.items()), Decimal(0))
    return Cost(
        transport, plan, PLANS[plan].of(Decimal(recipients)), files, rest * recipients / 1000 if cloud else Decimal(0),
        PLANS[A_LA_CARTE].of(Decimal(recipients)) + files,
    )  # fmt: skip


def cents(dollars: Decimal) -> Decimal:
    """Rounded up to a cent."""
    return dollars.quantize(_CENT, rounding="ROUND_UP")


def about(dollars: Decimal) -> str:
    """What was counted, no finer than it is known."""
    if not dollars:
        return "nothing"
    return f"about ${cents(dollars):,}" if dollars >= _CENT else "less than a cent"
