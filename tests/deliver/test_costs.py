"""What an edition costs before it goes out."""

from decimal import Decimal

import pytest

from chalicelib.deliver.costs import cost_of


@pytest.mark.parametrize(
    ("transport", "recipients", "attachment", "dollars"),
    [
        ("ses", 20_000, 0, "3.20"),
        ("ses", 1, 0, "0.01"),
        ("ses", 0, 0, "0.00"),
        ("ses", 10_000, 1_000_000, "2.80"),
        ("smtp", 20_000, 0, "0"),
    ],
)
def test_ses_takes_by_the_thousand_and_rounds_up(
    transport: str, recipients: int, attachment: int, dollars: str
) -> None:
    assert cost_of(transport, recipients, attachment).dollars == Decimal(dollars)


def test_what_a_plan_costs_more_is_said() -> None:
    assert cost_of("ses", 20_000).said == "$3.20 (SES at $0.16 for 1,000 mails; $2.00 for an account without a plan)"
