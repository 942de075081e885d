"""What an edition costs before it goes out, what a month did, and what a site costs at rest."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chalicelib.audience.subscriber import MemberState
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.deliver.books import Books
from chalicelib.deliver.costs import about, cost_of
from chalicelib.deliver.forecast import MOST_COUNTED, forecast
from chalicelib.deliver.idle import TICKS, Line, Tick, idle_lines, total
from chalicelib.deliver.prices import PLANS, PRICES
from chalicelib.deliver.spending import month_of, spent, taken
from tests.deliver.house import House
from tests.simulation.world import SITE

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("transport", "recipients", "attachment", "plan", "dollars"),
    [
        ("ses", 20_000, 0, "essentials", "3.20"),
        ("ses", 20_000, 0, "a-la-carte", "2.00"),
        ("ses", 1, 0, "essentials", "0.01"),
        ("ses", 0, 0, "essentials", "0.00"),
        ("ses", 10_000, 1_000_000, "essentials", "2.80"),
        ("smtp", 20_000, 0, "essentials", "0"),
    ],
)
def test_ses_takes_by_the_thousand_and_rounds_up(
    transport: str, recipients: int, attachment: int, plan: str, dollars: str
) -> None:
    assert cost_of(transport, recipients, attachment, plan).dollars == Decimal(dollars)


def test_what_is_said_names_the_plan_the_files_and_about_what_the_rest_takes() -> None:
    assert cost_of("ses", 20_000).said == (
        "$3.20 (SES at $0.16 for 1,000 mails; $2.00 for an account without a plan), about $0.04 for the rest"
    )
    assert cost_of("ses", 20_000, plan="a-la-carte", cloud=False).said == (
        "$2.00 (SES at $0.10 for 1,000 mails), nothing for the rest"
    )
    assert "; $1.20 of it for attachments)" in cost_of("ses", 10_000, 1_000_000).said
    assert cost_of("maildir", 20_000).said == "none for a mail sent by maildir"
    assert [about(Decimal(dollars)) for dollars in ("0", "0.009", "0.011", "1234")] == [
        "nothing", "less than a cent", "about $0.02", "about $1,234.00",
    ]  # fmt: skip


def test_prices_are_of_units_beyond_what_is_free() -> None:
    queue = PRICES["sqs requests"]
    assert queue.of(Decimal(2_000_000)) == Decimal("0.8")
    assert queue.of(Decimal(2_000_000), allowance=True) == Decimal("0.4")
    assert queue.of(Decimal(900_000), allowance=True) == 0
    for price in (*PRICES.values(), *PLANS.values()):
        assert price.dollars > 0
        assert price.source.startswith("https://aws.amazon.com/")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, site=SITE)
    yield made
    made.database.close()


def test_editors_are_told_how_many_an_edition_may_reach(house: House) -> None:
    members = list(house.audience.members("digest"))
    left = replace(members[0], state=MemberState.UNSUBSCRIBED)
    told = forecast([left, *members[1:]], lambda mails: cost_of("ses", mails))
    assert told.startswith("Readers: up to 9. Cost: $0.01 (SES")
    assert forecast([left], lambda mails: cost_of("ses", mails)) == ""
    many = forecast([members[0]] * (MOST_COUNTED + 5), lambda mails: cost_of("smtp", mails))
    assert many == f"Readers: more than {MOST_COUNTED:,}. Cost for these: none for a mail sent by smtp."


def edition(slot: str, state: State = State.SENT, **changes: object) -> Edition:
    at = datetime.fromisoformat(f"{slot}T23:30:00+00:00")
    return replace(Edition("digest", slot, at, state), **changes)  # type: ignore[arg-type]


def test_a_month_is_what_the_provider_took_of_editions_whose_slot_is_in_it() -> None:
    books = {
        "2026-10-31": Books(planned=9, sent=9), "2026-11-30": Books(planned=8, sent=8),
        "2026-11-26": Books(planned=20, sent=10, failed=5, bounced=3, in_doubt=2),
        "2026-11-19": Books(planned=4, skipped=4),
    }  # fmt: skip
    found = spent(
        "2026-11", [edition(slot) for slot in books], lambda one: books[one.slot], lambda n: cost_of("ses", n), BERLIN,
        cloud=True,
    )  # fmt: skip
    assert found.editions == (("digest/2026-10-31", 9), ("digest/2026-11-26", 15)), "half past midnight in Berlin"
    assert (found.mails, found.cost.dollars) == (24, Decimal("0.01"))
    assert "24 mails of 2 editions: $0.01 (SES" in found.said
    assert found.said.endswith("in all")
    assert json.loads(json.dumps(found.as_dict()))["mails"] == 24
    nothing = spent("2027-01", [], lambda _: Books(0), lambda n: cost_of("smtp", n), BERLIN, cloud=False)
    assert (nothing.said, nothing.dollars) == ("0 mails of 0 editions: none for a mail sent by smtp", 0)


def test_what_a_person_sent_later_counts_when_it_ended() -> None:
    ended = datetime(2026, 12, 2, tzinfo=UTC)
    late = edition("2026-11-26", released=True, changed=ended)
    assert (month_of(late, BERLIN), month_of(replace(late, released=False), BERLIN)) == ("2026-12", "2026-11")
    assert taken(Books(planned=9, sent=4, failed=3, bounced=1, skipped=1, in_doubt=1)) == 6


TEMPLATE = {
    "Resources": {
        "Tick": {"Properties": {"Events": {"TickScheduleEvent": {}}}},
        "Chunks": {"Properties": {"Events": {"ChunksSqsEventSource": {}}}},
        "Events": {"Properties": {"Events": {"EventsSqsEventSource": {}}}},
        "Mapping": {"Type": "AWS::Lambda::EventSourceMapping"},
        **{f"Alarm{number}": {"Type": "AWS::CloudWatch::Alarm"} for number in range(12)},
        "Asked": {"Type": "AWS::CloudWatch::Alarm", "Condition": "WithMore"},
        "Board": {"Type": "AWS::CloudWatch::Dashboard"},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"SSESpecification": {"SSEEnabled": True}}},
    }
}


def test_a_site_at_rest_is_counted_over_its_template_and_its_ticks() -> None:
    lines = idle_lines(TEMPLATE, Tick({"dynamodb reads": 10.0, "sqs requests": 3.0}, 0.5))
    found = {line.what: line for line in lines}
    assert found["alarms"].units == 12, "what nobody has asked for is not there"
    assert (found["alarms"].dollars(allowance=True), found["alarms"].dollars(allowance=False)) == (
        Decimal("0.20"), Decimal("1.20"),
    )  # fmt: skip
    assert found["queues"].units == 3 * 5 * TICKS * 15 + TICKS * 3, (
        "five polls of 20 seconds each, and the ticks' looks"
    )
    assert found["ticks: table's reads"].units == TICKS * 10
    assert found["ticks: time"].units == TICKS / 2
    assert (found["table's recovery"].units, found["table's key"].units) == (0, TICKS)
    assert total(lines, allowance=True) < total(lines, allowance=False)
    assert total([], allowance=True) == 0
    assert Line("x", "dashboards", Decimal(4), "").dollars(allowance=True) == 3
