"""The template that is deployed: cfn-lint's word on it, and our own: what is kept, told, limited and allowed."""

import json
import re
from typing import Any

import pytest

from chalicelib.adapters import MAX_ATTEMPTS
from chalicelib.cloud.deploying import KEPT
from chalicelib.cloud.sam import lint
from chalicelib.cloud.stages import FROM_OUTPUTS
from chalicelib.settings import load_settings
from tests.e2e.artefact import Artefact, for_arm
from tests.e2e.policies import Statement, allows, roles

__all__ = ["for_arm"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
FUNCTIONS = {"APIHandler", "Tick", "Chunks", "Notices", "Events"}
QUEUES = {"Chunk": "Chunks", "Notice": "Notices", "Event": "Events"}
TABLE, EDITION, BUNDLE = "arn:TableResource", "arn:BucketResource/editions/a/b", "arn:BucketResource/bundles/a/b"
MAIL = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/example.org"
PARAMETERS = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"
SECRETS = f"{PARAMETERS}/sendbrief/${{Stage}}/"
NO_TABLE = ("dynamodb:Scan", "dynamodb:DeleteTable", "dynamodb:UpdateTable")
SENDING = ("ses:SendEmail", "ses:SendRawEmail", "ses:SendBulkEmail")


@pytest.fixture(scope="module")
def template(for_arm: Artefact) -> dict[str, Any]:
    return for_arm.deployed


@pytest.fixture(scope="module")
def may(template: dict[str, Any]) -> dict[str, list[Statement]]:
    return roles(template)


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in template["Resources"].items() if one["Type"] == kind}


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", "eu-west-1"])
def test_cfn_lint_finds_nothing(template: dict[str, Any], region: str) -> None:
    assert lint(template, region) == []


def test_cfn_lint_would_find_something(template: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(template))
    broken["Resources"]["TableResource"]["Properties"]["BillingMode"] = "BY_THE_POUND"
    found = lint(broken, "eu-central-1")
    assert found
    assert all("TableResource" in one for one in found)


def test_every_queue_waits_long_enough_and_has_dead_letters_of_its_own_with_an_alarm(template: dict[str, Any]) -> None:
    resources, dead = template["Resources"], set()
    for name, function in QUEUES.items():
        queue = resources[f"{name}QueueResource"]["Properties"]
        (mapping,) = [
            one["Properties"] for one in of_type(template, "AWS::Lambda::EventSourceMapping").values()
            if one["Properties"]["FunctionName"] == {"Ref": function}
        ]  # fmt: skip
        assert mapping["EventSourceArn"] == {"Fn::Sub": f"${{{name}QueueResource.Arn}}"}
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        window = mapping["MaximumBatchingWindowInSeconds"]
        assert queue["VisibilityTimeout"] >= 6 * resources[function]["Properties"]["Timeout"] + window, "as AWS advises"
        assert queue["RedrivePolicy"]["maxReceiveCount"] == MAX_ATTEMPTS
        letters = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        dead.add(letters)
        assert resources[letters]["Properties"]["MessageRetentionPeriod"] == 14 * 86400, "the longest there is"
        assert queue["SqsManagedSseEnabled"] is resources[letters]["Properties"]["SqsManagedSseEnabled"] is True
        name_of_it = {"Name": "QueueName", "Value": {"Fn::GetAtt": [letters, "QueueName"]}}
        alarms = [alarm["Properties"] for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()]
        watched = [alarm for alarm in alarms if alarm["Dimensions"] == [name_of_it]]
        assert [(one["Threshold"], one["ComparisonOperator"]) for one in watched] == [(0, "GreaterThanThreshold")]
    assert len(dead) == len(of_type(template, "AWS::SQS::Queue")) / 2 == 3, "shared, events would end as chunks"


def test_the_table_is_kept_encrypted_and_can_be_put_back_to_any_second(template: dict[str, Any]) -> None:
    table = template["Resources"]["TableResource"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["SSESpecification"]["SSEEnabled"] is True
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "x", "Enabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"


def test_functions_work_on_a_restored_table_where_one_is_named_and_may(template: dict[str, Any]) -> None:
    assert template["Parameters"]["RestoredTable"]["Default"] == ""
    assert template["Conditions"]["WithRestored"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "RestoredTable"}, ""]}]}
    table = {"Fn::If": ["WithRestored", {"Ref": "RestoredTable"}, {"Ref": "TableResource"}]}
    for name in FUNCTIONS:
        function = template["Resources"][name]["Properties"]
        assert function["Environment"]["Variables"]["SENDBRIEF_TABLE"] == table
        policies = template["Resources"][function["Role"]["Fn::GetAtt"][0]]["Properties"]["Policies"]
        said = json.dumps(policies)
        arn = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${RestoredTable}"
        assert said.count('"TableResource"') == said.count(json.dumps(arn)) == 2
    assert template["Outputs"]["TableName"]["Value"] == table, "so that --stage works on the same"


def test_what_must_stay_is_kept_by_the_template_too(template: dict[str, Any]) -> None:
    for name in KEPT:
        assert template["Resources"][name]["DeletionPolicy"].startswith("Retain")
        assert template["Resources"][name]["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_is_private_versioned_encrypted_and_tidied(template: dict[str, Any]) -> None:
    (bucket,) = [one["Properties"] for one in of_type(template, "AWS::S3::Bucket").values()]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    rules = {one["Id"]: one for one in bucket["LifecycleConfiguration"]["Rules"]}
    assert rules["FormerVersions"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 90
    assert (rules["MailsThatCameIn"]["Prefix"], rules["MailsThatCameIn"]["ExpirationInDays"]) == ("inbound/", 30)
    (policy,) = [one["Properties"]["PolicyDocument"] for one in of_type(template, "AWS::S3::BucketPolicy").values()]
    assert policy["Statement"][0]["Effect"] == "Deny"
    assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_every_function_keeps_logs_of_its_own_for_a_while(template: dict[str, Any]) -> None:
    functions, groups = of_type(template, "AWS::Lambda::Function"), of_type(template, "AWS::Logs::LogGroup")
    assert set(functions) == FUNCTIONS
    named = {function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for function in functions.values()}
    assert named == set(groups)
    assert len(named) == len(functions)
    assert all(group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())


def test_every_function_has_settings_that_load_and_no_secret_in_them(template: dict[str, Any]) -> None:
    for name, function in of_type(template, "AWS::Lambda::Function").items():
        assert function["Properties"]["Architectures"] == ["arm64"]
        variables = function["Properties"]["Environment"]["Variables"]
        chosen = {"SENDBRIEF_TRANSPORT": "ses", "SENDBRIEF_SES_BULK": "off"}
        values = {k: v if isinstance(v, str) else chosen.get(k, "") for k, v in variables.items()}
        settings = load_settings(values)
        assert (settings.store, settings.content, settings.stage) == ("aws", "published", "prod")
        assert settings.secret == "ssm:/sendbrief/prod/secret"
        assert name in {"APIHandler", "Events"} or variables["SENDBRIEF_SMTP_URL"] == {
            "Fn::Sub": "ssm:/sendbrief/${Stage}/smtp-url"
        }
    assert "NoEcho" not in json.dumps(template), "what is secret is no parameter of the stack"


def test_alarms_reach_the_editors_and_cover_all_that_was_asked(template: dict[str, Any]) -> None:
    alarms = {name: one["Properties"] for name, one in of_type(template, "AWS::CloudWatch::Alarm").items()}
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicResource"}]
        assert alarm["AlarmDescription"]
    subscription = template["Resources"]["AlarmSubscriptionResource"]
    assert (subscription["Condition"], subscription["Properties"]["Protocol"]) == ("WithEditors", "email")
    kinds = {
        dimension["Value"] for alarm in alarms.values() if alarm["Namespace"] == "Sendbrief"
        for dimension in alarm["Dimensions"] if dimension["Name"] == "Kind"
    }  # fmt: skip
    assert kinds == {"brake", "provider", "doubt", "feed"}, "dead letters have alarms at their queues"
    assert {alarm["TreatMissingData"] for name, alarm in alarms.items() if name != "TickAlarmResource"} == {
        "notBreaching"
    }
    tick = alarms["TickAlarmResource"]
    assert (tick["TreatMissingData"], tick["MetricName"], tick["Period"]) == ("breaching", "Invocations", 900)
    failing = {alarm["Dimensions"][0]["Value"]["Ref"] for alarm in alarms.values() if alarm["MetricName"] == "Errors"}
    assert failing == FUNCTIONS - {"APIHandler"}
    assert alarms["PageAlarmResource"]["MetricName"] == "5XXError"


def test_the_kinds_of_alarms_are_those_that_a_tick_counts(template: dict[str, Any]) -> None:
    from chalicelib.deliver.alarms import AlarmKind

    text = json.dumps(template)
    assert {str(kind) for kind in AlarmKind} - {"dead"} == set(re.findall(r'"Name": "Kind", "Value": "(\w+)"', text))
    body = template["Resources"]["DashboardResource"]["Properties"]["DashboardBody"]["Fn::Sub"]
    shown = [metric for widget in json.loads(body)["widgets"] for metric in widget["properties"].get("metrics", [])]
    assert {metric[5] for metric in shown if metric[:2] == ["Sendbrief", "OpenAlarms"]} == {str(k) for k in AlarmKind}


def test_events_of_ses_come_by_sns_and_sqs_and_from_nobody_else(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    destination = resources["EventDestinationResource"]["Properties"]["EventDestination"]
    assert destination["SnsDestination"] == {"TopicARN": {"Ref": "EventTopicResource"}}
    wanted = destination["MatchingEventTypes"]["Fn::If"]
    assert set(wanted[1]) - set(wanted[2]) == {"send", "delivery"}
    assert set(wanted[2]) == {"bounce", "complaint", "reject", "renderingFailure"}, "nothing that follows readers"
    subscription = resources["EventSubscriptionResource"]["Properties"]
    assert subscription["Endpoint"] == {"Fn::GetAtt": ["EventQueueResource", "Arn"]}
    (statement,) = resources["EventQueuePolicyResource"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "EventTopicResource"}}}
    (publish,) = resources["EventTopicPolicyResource"]["Properties"]["PolicyDocument"]["Statement"]
    assert publish["Principal"] == {"Service": "ses.amazonaws.com"}
    assert publish["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_no_role_has_wild_actions_or_resources(may: dict[str, list[Statement]], template: dict[str, Any]) -> None:
    assert set(may) == FUNCTIONS
    for statements in may.values():
        for statement in statements:
            assert all(re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", action) for action in statement.actions)
            # GetAccount knows no resources (the service authorization reference of SES).
            assert statement.resources != ("*",) or statement.actions == ("ses:GetAccount",)
    attached = [
        one["Properties"]["Role"]["Fn::GetAtt"][0] for one in of_type(template, "AWS::Lambda::Function").values()
    ]
    assert len(set(attached)) == 5, "a role for each"


NEVER = [
    *[(name, action, TABLE) for name in sorted(FUNCTIONS) for action in NO_TABLE],
    *[(name, "s3:DeleteObject", EDITION) for name in sorted(FUNCTIONS)],
    *[(name, "s3:PutObject", BUNDLE) for name in sorted(FUNCTIONS)],
    *[(name, "s3:PutObject", EDITION) for name in sorted(FUNCTIONS - {"Tick"})],
    *[(name, action, MAIL) for name in ("APIHandler", "Events") for action in SENDING],
    *[(name, "ssm:GetParameter", SECRETS + "smtp-url") for name in ("APIHandler", "Events")],
    *[(name, "ssm:GetParameter", SECRETS + "bounces") for name in ("APIHandler", "Events")],
    *[(name, "ssm:GetParameter", SECRETS + "bounces") for name in ("Chunks", "Notices")],
    *[(name, "ssm:GetParameter", PARAMETERS + "/other") for name in sorted(FUNCTIONS)],
    *[(name, "ssm:PutParameter", SECRETS + "secret") for name in sorted(FUNCTIONS)],
    ("APIHandler", "sqs:SendMessage", "arn:ChunkQueueResource"),
    ("APIHandler", "sqs:SendMessage", "arn:EventQueueResource"),
    ("APIHandler", "sqs:ReceiveMessage", "arn:NoticeQueueResource"),
    ("Events", "sqs:SendMessage", "arn:EventQueueResource"),
    ("Notices", "sqs:ReceiveMessage", "arn:ChunkQueueResource"),
    ("Chunks", "sqs:ReceiveMessage", "arn:NoticeQueueResource"),
    ("Chunks", "dynamodb:DeleteItem", TABLE),
    ("Notices", "ses:SendBulkEmail", MAIL),
    *[(name, "iam:PassRole", "arn:TickRole") for name in sorted(FUNCTIONS)],
]  # fmt: skip
MUST = [
    *[(name, "dynamodb:GetItem", TABLE) for name in sorted(FUNCTIONS)],
    *[(name, "s3:GetObject", BUNDLE) for name in sorted(FUNCTIONS)],
    *[(name, "ssm:GetParameter", SECRETS + "secret") for name in sorted(FUNCTIONS)],
    *[(name, "logs:PutLogEvents", f"arn:{name.removesuffix('Handler')}LogResource") for name in sorted(FUNCTIONS)],
    *[(name, "ses:SendEmail", MAIL) for name in ("Tick", "Chunks", "Notices")],
    ("APIHandler", "sqs:SendMessage", "arn:NoticeQueueResource"),
    ("Tick", "sqs:SendMessage", "arn:ChunkQueueResource"),
    ("Tick", "sqs:ReceiveMessage", "arn:EventDeadLetterResource"),
    ("Chunks", "ses:SendBulkEmail", MAIL),
    ("Chunks", "sqs:ChangeMessageVisibility", "arn:ChunkQueueResource"),
    ("Events", "s3:GetObject", "arn:BucketResource/inbound/a"),
]


@pytest.mark.parametrize(("name", "action", "resource"), NEVER)
def test_what_a_function_may_not(may: dict[str, list[Statement]], name: str, action: str, resource: str) -> None:
    assert not allows(may[name], action, resource)


@pytest.mark.parametrize(("name", "action", "resource"), MUST)
def test_what_a_function_may(may: dict[str, list[Statement]], name: str, action: str, resource: str) -> None:
    assert allows(may[name], action, resource)


def test_the_stack_says_all_that_the_command_needs_of_a_stage(template: dict[str, Any]) -> None:
    assert set(FROM_OUTPUTS.values()) | {"EndpointURL", "AlarmTopicArn", "EventTopicArn"} <= set(template["Outputs"])


def test_all_that_the_template_refers_to_is_in_it(template: dict[str, Any]) -> None:
    known = set(template["Resources"]) | set(template["Parameters"])
    text = json.dumps(template)
    referred = set(re.findall(r'"Ref": "(\w+)"', text)) | set(re.findall(r'"Fn::GetAtt": \["(\w+)"', text))
    referred |= set(re.findall(r"\$\{(\w+)[.}]", text))
    assert referred - known == {"RestAPIId"}  # a name of chalice's own inside one Fn::Sub
