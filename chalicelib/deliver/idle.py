"""What a site on AWS costs a month while it sends nothing: counted over its template and an idle tick. Pure.

Of the template only what is there without being asked for is counted: a resource under a condition is not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chalicelib.deliver.prices import PRICES

DAYS = Decimal("30.4375")
SECONDS = DAYS * 86_400
TICKS = SECONDS / 300
POLLERS, POLL_SECONDS = 5, 20
"""AWS Lambda asks a queue by five long polls of 20 seconds each, also while nothing comes; as few as two do where no
maximum of concurrency is set (AWS Lambda's developer guide, "Configuring scaling behavior for SQS", 2026)."""
LOG_BYTES = 900
"""Of one tick: our line, and those in which AWS Lambda tells of the call."""
STORED_GB, BLOB_GB = Decimal("0.1"), Decimal("0.1")
"""Ten thousand subscribers and two years of editions are less."""


@dataclass(frozen=True, slots=True)
class Tick:
    """What one idle tick uses: units as in the list of prices, and GB-seconds of the function."""

    used: Mapping[str, float]
    gigabyte_seconds: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill: ``units`` of ``price`` a month, and where they come from."""

    what: str
    price: str
    units: Decimal
    why: str

    def dollars(self, *, allowance: bool) -> Decimal:
        """For a month; allowances are shared by all lines of one price, so lines of one price are added up before."""
        return PRICES[self.price].of(self.units, allowance=allowance)


def idle_lines(template: Mapping[str, Any], tick: Tick) -> list[Line]:
    """All lines of the bill, also those that are nothing. ``template``: what SAM or CloudFormation is given."""
    resources = [found for found in template["Resources"].values() if "Condition" not in found]
    kinds = [found.get("Type", "") for found in resources]
    return [
        *_of_ticks(tick),
        Line("queues", "sqs requests", _polls(resources) + TICKS * _units(tick, "sqs requests"),
             f"{_mappings(resources)} queues × {POLLERS} polls of {POLL_SECONDS} s, and ticks' looks at dead letters"),
        Line("alarms", "alarms", Decimal(kinds.count("AWS::CloudWatch::Alarm")), "each"),
        Line("dashboard", "dashboards", Decimal(kinds.count("AWS::CloudWatch::Dashboard")), "each"),
        Line("metrics of our own", "metrics", Decimal(0), "told only while something happens"),
        Line("logs", "log GB", TICKS * LOG_BYTES / 10**9, f"{LOG_BYTES} bytes a tick"),
        Line("table", "dynamodb GB", STORED_GB, "kept"),
        Line("table's recovery", "dynamodb recovery GB", STORED_GB if _recovers(resources) else Decimal(0), "kept"),
        Line("table's key", "kms requests", TICKS if _has_key(resources) else Decimal(0), "one in five minutes"),
        Line("bucket", "s3 GB", BLOB_GB, "kept"),
    ]  # fmt: skip


def total(lines: list[Line], *, allowance: bool) -> Decimal:
    """Dollars a month."""
    return sum((line.dollars(allowance=allowance) for line in lines), Decimal(0))


def _of_ticks(tick: Tick) -> Iterator[Line]:
    every = "every five minutes"
    yield Line("ticks: time", "lambda GB-seconds", TICKS * Decimal(str(tick.gigabyte_seconds)), every)
    yield Line("ticks: calls", "lambda requests", TICKS, every)
    for what in ("dynamodb reads", "dynamodb writes", "s3 gets", "s3 puts"):
        name = what.replace("dynamodb", "table's").replace("s3", "bucket's")
        yield Line(f"ticks: {name}", what, TICKS * _units(tick, what), f"{_units(tick, what):.1f} a tick")


def _units(tick: Tick, what: str) -> Decimal:
    return Decimal(str(tick.used.get(what, 0)))


def _mappings(resources: list[Mapping[str, Any]]) -> int:
    """Functions that a queue is emptied by: their events, as SAM has them, or mappings of CloudFormation's own."""
    events = [name for found in resources for name in found.get("Properties", {}).get("Events", {})]
    mappings = [found for found in resources if found.get("Type") == "AWS::Lambda::EventSourceMapping"]
    return len([name for name in events if name.endswith("SqsEventSource")]) + len(mappings)


def _polls(resources: list[Mapping[str, Any]]) -> Decimal:
    return _mappings(resources) * POLLERS * SECONDS / POLL_SECONDS


def _tables(resources: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    yield from (found["Properties"] for found in resources if found.get("Type") == "AWS::DynamoDB::Table")


def _recovers(resources: list[Mapping[str, Any]]) -> bool:
    wanted = "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"
    return any(table.get(wanted[0], {}).get(wanted[1]) for table in _tables(resources))


def _has_key(resources: list[Mapping[str, Any]]) -> bool:
    """Whether the table is under a key of the account; DynamoDB's own costs nothing."""
    return any(table.get("SSESpecification", {}).get("SSEEnabled") for table in _tables(resources))
