"""How what a stage stands on is set up: its table, its queues, its alarms, read by the operator."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.cloud.looking import Looking, Told


@dataclass(frozen=True, slots=True)
class TableFacts:
    """DescribeTable."""

    status: str
    protected: bool
    on_demand: bool
    own_encryption: bool
    """Encrypted by a key of the account (KMS); else by DynamoDB's own, which costs and shows nothing."""


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """GetQueueAttributes. ``visibility`` in seconds; ``tries`` before the dead letters, 0 where there are none."""

    arn: str
    waiting: int
    visibility: int
    tries: int = 0
    dead_letters: str = ""
    """ARN of the queue of dead letters."""


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """One alarm. ``state``: OK, ALARM, INSUFFICIENT_DATA."""

    name: str
    state: str
    enabled: bool
    actions: tuple[str, ...]


def read_table(aws: Looking, name: str) -> Told[TableFacts]:
    """A table."""
    return aws.ask("dynamodb", lambda db: db.describe_table(TableName=name), "dynamodb:DescribeTable", _table)


def _table(answer: Mapping[str, Any]) -> TableFacts:
    table = answer["Table"]
    return TableFacts(
        status=str(table.get("TableStatus", "")),
        protected=bool(table.get("DeletionProtectionEnabled")),
        on_demand=table.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST",
        own_encryption=table.get("SSEDescription", {}).get("Status") in {"ENABLED", "ENABLING", "UPDATING"},
    )


def read_recovery(aws: Looking, name: str) -> Told[bool]:
    """Whether a table can be put back to any moment of its last days."""
    return aws.ask("dynamodb", lambda db: db.describe_continuous_backups(TableName=name),
                   "dynamodb:DescribeContinuousBackups", _recovery)  # fmt: skip


def _recovery(answer: Mapping[str, Any]) -> bool:
    recovery = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return bool(recovery.get("PointInTimeRecoveryStatus") == "ENABLED")


def read_expiry(aws: Looking, name: str) -> Told[str]:
    """The attribute by which a table forgets, '' where it does not."""
    return aws.ask("dynamodb", lambda db: db.describe_time_to_live(TableName=name), "dynamodb:DescribeTimeToLive",
                   _expiry)  # fmt: skip


def _expiry(answer: Mapping[str, Any]) -> str:
    facts = answer.get("TimeToLiveDescription", {})
    on = facts.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
    return str(facts.get("AttributeName", "")) if on else ""


def read_queue(aws: Looking, url: str) -> Told[QueueFacts]:
    """A queue."""
    return aws.ask("sqs", lambda sqs: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]),
                   "sqs:GetQueueAttributes", _queue)  # fmt: skip


def _queue(answer: Mapping[str, Any]) -> QueueFacts:
    found = answer.get("Attributes", {})
    policy = json.loads(found.get("RedrivePolicy") or "{}")
    return QueueFacts(
        arn=str(found.get("QueueArn", "")),
        waiting=int(found.get("ApproximateNumberOfMessages", 0)),
        visibility=int(found.get("VisibilityTimeout", 0)),
        tries=int(policy.get("maxReceiveCount", 0)),
        dead_letters=str(policy.get("deadLetterTargetArn", "")),
    )


def read_alarms(aws: Looking, prefix: str) -> Told[tuple[AlarmFacts, ...]]:
    """All alarms whose names begin so (the first 100)."""
    return aws.ask("cloudwatch", lambda watch: watch.describe_alarms(AlarmNamePrefix=prefix, MaxRecords=100),
                   "cloudwatch:DescribeAlarms", _alarms)  # fmt: skip


def _alarms(answer: Mapping[str, Any]) -> tuple[AlarmFacts, ...]:
    found = [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
    return tuple(
        AlarmFacts(one["AlarmName"], str(one.get("StateValue", "")), bool(one.get("ActionsEnabled", True)),
                   tuple(one.get("AlarmActions", ())))
        for one in found
    )  # fmt: skip


__all__ = [
    "AlarmFacts", "QueueFacts", "TableFacts", "read_alarms", "read_expiry", "read_queue", "read_recovery", "read_table",
]  # fmt: skip
