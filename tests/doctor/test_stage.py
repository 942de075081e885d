"""A stage's table, queues, alarms and events, asked of a local AWS, SES on a server of ours."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.cloud.account import Subscription
from chalicelib.cloud.holdings import AlarmFacts, QueueFacts
from chalicelib.doctor.findings import Finding
from chalicelib.doctor.holdings import LONGEST_RUN, check_alarm_mail, check_alarms, check_dead, check_queue
from chalicelib.doctor.stage import Stage
from chalicelib.errors import SendbriefError
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings
from tests.cli.house import DIGEST, SITE
from tests.doctor.amazon_house import FakeAccount, destinations, serving_account
from tests.doctor.house import about, grave, one


@dataclass
class Deployed:
    """What a stack would have made."""

    ses: FakeAccount
    runtime: Runtime
    outputs: dict[str, str] = field(default_factory=dict)

    def findings(self, name: str = "dev") -> list[Finding]:
        stage = Stage(self.runtime, name, self.outputs)
        try:
            return list(stage.look(self.runtime.site))
        finally:
            stage.close()


def make_table(name: str) -> None:
    db = boto3.client("dynamodb")
    db.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
        SSESpecification={"Enabled": True, "SSEType": "KMS"},
    )
    db.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "x"})
    db.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})


def make_queue(name: str, visibility: int) -> tuple[str, str, str]:
    """URL, ARN, and the URL of its dead letters."""
    sqs = boto3.client("sqs")
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 20})
    attributes = {"VisibilityTimeout": str(visibility), "RedrivePolicy": policy}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn, dead


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    content = tmp_path / "content"
    (content / "newsletters").mkdir(parents=True)
    (content / "site.yaml").write_text(SITE.replace("news@example.org", "news@havel.net"), "utf-8")
    (content / "newsletters" / "digest.yaml").write_text(DIGEST, "utf-8")
    (content / "posts").mkdir()
    with serving_account() as ses, mock_aws():
        make_table("sendbrief-dev")
        made = {
            name: make_queue(name, seconds) for name, seconds in (("chunks", 5400), ("notices", 720), ("events", 420))
        }
        sns, watch = boto3.client("sns"), boto3.client("cloudwatch")
        topic, alarms = (sns.create_topic(Name=name)["TopicArn"] for name in ("events", "alarms"))
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=made["events"][1])
        sns.subscribe(TopicArn=alarms, Protocol="email", Endpoint="editor@example.org")
        watch.put_metric_alarm(
            AlarmName="sendbrief-dev-NoTick", Namespace="AWS/Lambda", MetricName="Invocations", Period=300,
            EvaluationPeriods=3, Threshold=1, ComparisonOperator="LessThanThreshold", Statistic="Sum",
            AlarmActions=[alarms],
        )  # fmt: skip
        ses.says["/configuration-sets/sendbrief/event-destinations"] = destinations(topic)
        settings = Settings(
            site=tmp_path, data=tmp_path / "data", store="aws", transport="ses", table="sendbrief-dev",
            queue_url=made["chunks"][0], notice_queue_url=made["notices"][0], event_queue_url=made["events"][0],
            dead_letter_url=made["chunks"][2], configuration_set="sendbrief", region="eu-central-1", secret="k" * 40,
        )  # fmt: skip
        outputs = {"EventTopicArn": topic, "AlarmTopicArn": alarms, "EventDeadLetterUrl": made["events"][2],
                   "NoticeDeadLetterUrl": made["notices"][2], "ChunkDeadLetterUrl": made["chunks"][2]}  # fmt: skip
        runtime = Runtime(settings)
        yield Deployed(ses, runtime, outputs)
        runtime.close()


def test_a_good_stage_is_well(deployed: Deployed) -> None:
    found = deployed.findings()
    assert grave(found) == []
    topics = {str(finding.topic) for finding in found}
    assert topics == {"account", "identity", "events", "table", "store", "queues", "alarms", "clock"}


def test_a_table_that_could_be_lost_is_told(deployed: Deployed) -> None:
    db = boto3.client("dynamodb")
    db.create_table(
        TableName="bare",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    object.__setattr__(deployed.runtime.settings, "table", "bare")
    found = about(deployed.findings(), "table")
    assert [finding.severity for finding in found] == ["warn", "note", "note", "error", "warn"]
    assert "--deletion-protection-enabled" in found[0].do
    assert "PointInTimeRecoveryEnabled=true" in found[3].do
    assert "AttributeName=x" in found[4].do


def test_a_table_that_is_not_there_is_an_error(deployed: Deployed) -> None:
    object.__setattr__(deployed.runtime.settings, "table", "nowhere")
    found = one(about(deployed.findings(), "table"))
    assert (found.severity, "'nowhere'" in found.what) == ("error", True)


def test_a_queue_that_is_not_there_is_an_error(deployed: Deployed) -> None:
    boto3.client("sqs").delete_queue(QueueUrl=deployed.runtime.settings.queue_url)
    assert "no queue of chunks" in one(about(deployed.findings(), "queues")).what


def test_dead_letters_are_counted(deployed: Deployed) -> None:
    boto3.client("sqs").send_message(QueueUrl=deployed.outputs["EventDeadLetterUrl"], MessageBody="{}")
    assert "1 dead letters of events" in one(about(deployed.findings(), "queues")).what


def test_a_topic_without_the_queue_is_an_error(deployed: Deployed) -> None:
    sns = boto3.client("sns")
    for one_of in sns.list_subscriptions_by_topic(TopicArn=deployed.outputs["EventTopicArn"])["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=one_of["SubscriptionArn"])
    found = one(about(deployed.findings(), "events"))
    assert (found.severity, "sns subscribe" in found.do) == ("error", True)


def test_a_pause_is_told(deployed: Deployed) -> None:
    from datetime import UTC, datetime

    from chalicelib.deliver.pausing import pause

    pause(deployed.runtime.table, "a fire", datetime(2026, 11, 23, tzinfo=UTC))
    found = one(about(deployed.findings(), "store"))
    assert ("a fire" in found.what, "site resume" in found.do) == (True, True)


@pytest.mark.parametrize(("path", "topic"), [("/account", "account"), ("/identities/havel.net", "identity")])
def test_what_is_refused_is_skipped_and_the_rest_is_seen(deployed: Deployed, path: str, topic: str) -> None:
    deployed.ses.says[path] = 403
    found = one(deployed.findings())
    assert (found.severity, found.topic, "permission" in found.what) == ("skipped", topic, True)


def test_where_aws_takes_no_credentials_one_finding_says_so(deployed: Deployed) -> None:
    deployed.ses.says["/account"] = 400
    (found,) = deployed.findings()
    assert (found.severity, "AWS was not asked" in found.what) == ("skipped", True)


def test_keys_and_envelope_are_told_by_ses(deployed: Deployed) -> None:
    stage = Stage(deployed.runtime, "dev", deployed.outputs)
    list(stage.look(deployed.runtime.site))
    stage.close()
    assert stage.envelope == "bounce.havel.net"
    assert stage.signing is not None
    assert (stage.signing.domain, stage.signing.selectors) == ("havel.net", ("aaa", "bbb", "ccc"))
    assert stage.signing.hosted == "dkim.amazonses.com"


ARN = "arn:aws:sqs:eu-central-1:123456789012:dead"


@pytest.mark.parametrize(
    ("kind", "queue", "severity"),
    [
        ("chunks", QueueFacts("a", 0, 5400, 20, ARN), "ok"),
        ("chunks", QueueFacts("a", 0, 900, 5, ARN), "ok"),
        ("chunks", QueueFacts("a", 0, 899, 20, ARN), "error"),
        ("events", QueueFacts("a", 0, 60, 20, ARN), "ok"),
        ("notices", QueueFacts("a", 0, 720, 4, ARN), "warn"),
        ("notices", QueueFacts("a", 0, 720), "error"),
    ],
)
def test_queues_are_judged(kind: str, queue: QueueFacts, severity: str) -> None:
    (found,) = check_queue(kind, queue, "url")
    assert found.severity == severity


def test_functions_work_no_longer_than_the_doctor_thinks() -> None:
    config = json.loads((Path(__file__).parents[2] / ".chalice" / "config.json").read_text("utf-8"))
    for stage in config["stages"].values():
        assert {kind: stage["lambda_functions"][kind]["lambda_timeout"] for kind in LONGEST_RUN} == LONGEST_RUN


def test_dead_letters_are_a_warning() -> None:
    assert [check_dead("chunks", waiting).severity for waiting in (0, 1)] == ["ok", "warn"]


def alarm(state: str = "OK", *, enabled: bool = True, actions: tuple[str, ...] = ("topic",)) -> AlarmFacts:
    return AlarmFacts("sendbrief-dev-A", state, enabled, actions)


@pytest.mark.parametrize(
    ("alarms", "severities"),
    [
        ([alarm()], []),
        ([], ["error"]),
        ([alarm(enabled=False)], ["warn"]),
        ([alarm(actions=())], ["warn"]),
        ([alarm(actions=("another",))], ["warn"]),
        ([alarm("ALARM")], ["warn"]),
        ([alarm("INSUFFICIENT_DATA")], []),
    ],
)
def test_alarms_are_judged(alarms: list[AlarmFacts], severities: list[str]) -> None:
    assert [severity for severity, _ in grave(check_alarms(alarms, "sendbrief-dev-", "topic"))] == severities


@pytest.mark.parametrize(
    ("subscriptions", "words"),
    [
        ([Subscription("email", "editor@example.org", True)], "Somebody is told"),
        ([Subscription("email", "editor@example.org", False)], "waits to be confirmed"),
        ([], "Nobody is told of alarms."),
    ],
)
def test_somebody_must_hear_of_alarms(subscriptions: list[Subscription], words: str) -> None:
    assert words in check_alarm_mail(subscriptions).what


def test_an_error_of_the_store_is_a_finding() -> None:
    from chalicelib.doctor.examining import guarded
    from chalicelib.doctor.local import STORE

    def look() -> Iterator[Finding]:
        yield STORE.ok("first")
        raise SendbriefError("It failed.", "Mend it.")

    found: list[Any] = list(guarded(STORE, look))
    assert [(finding.severity, finding.what, finding.do) for finding in found] == [
        ("ok", "first", ""),
        ("error", "It failed.", "Mend it."),
    ]
