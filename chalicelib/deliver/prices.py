"""What AWS takes, as it was published: us-east-1, US dollars without taxes. Benchmarks count with the same.

``read`` is the month in which a price was read at its source or by others who had, '' where it was not read again for
this list. Prices change: the account's bill is right, this is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """``dollars`` for ``per`` units; ``free`` units a month cost nothing, in every account and for ever."""

    dollars: Decimal
    per: Decimal
    source: str
    read: str = ""
    free: Decimal = Decimal(0)

    def of(self, units: Decimal, *, allowance: bool = False) -> Decimal:
        """Dollars for so many units; with ``allowance`` what is free is taken off first."""
        paid = max(Decimal(0), units - self.free) if allowance else units
        return paid * self.dollars / self.per


def _price(dollars: str, per: str, source: str, read: str = "", free: str = "0") -> Price:
    return Price(Decimal(dollars), Decimal(per), f"https://aws.amazon.com/{source}/pricing/", read, Decimal(free))


ESSENTIALS, A_LA_CARTE = "essentials", "a-la-carte"
PLANS: Mapping[str, Price] = {
    ESSENTIALS: _price("0.16", "1000", "ses", "2026-11"),
    A_LA_CARTE: _price("0.10", "1000", "ses", "2026-11"),
}
"""Of SES since July 2026: new accounts have Essentials until somebody puts them on no plan."""

PRICES: Mapping[str, Price] = {
    "ses mails": PLANS[ESSENTIALS],
    "ses attachment GB": _price("0.12", "1", "ses", "2026-11"),
    "lambda requests": _price("0.20", "1e6", "lambda", "2026-11", "1e6"),
    "lambda GB-seconds": _price("0.0000133334", "1", "lambda", "2026-11", "400000"),
    "dynamodb reads": _price("0.125", "1e6", "dynamodb", "2026-11"),
    "dynamodb writes": _price("0.625", "1e6", "dynamodb", "2026-11"),
    "dynamodb GB": _price("0.25", "1", "dynamodb", "", "25"),
    "dynamodb recovery GB": _price("0.20", "1", "dynamodb"),
    "sqs requests": _price("0.40", "1e6", "sqs", "2026-11", "1e6"),
    "sns requests": _price("0.50", "1e6", "sns", "2026-11", "1e6"),
    "s3 puts": _price("5", "1e6", "s3"),
    "s3 gets": _price("0.40", "1e6", "s3"),
    "s3 GB": _price("0.023", "1", "s3"),
    "alarms": _price("0.10", "1", "cloudwatch", "2026-06", "10"),
    "dashboards": _price("3", "1", "cloudwatch", "2026-06", "3"),
    "metrics": _price("0.30", "1", "cloudwatch", "2026-02", "10"),
    "log GB": _price("0.50", "1", "cloudwatch", "2026-06", "5"),
    "kms requests": _price("0.03", "10000", "kms", "2026-04", "20000"),
}
"""Lambda on arm64; DynamoDB on demand (1 KB written, 4 KB read); an alarm of standard resolution; logs as they come in;
GB kept for a month."""
