"""`sendbrief deploy` and `destroy` from end to end, as whoever operates calls them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chalicelib.cloud.aws import Aws
from chalicelib.cloud.stages import Stage, find_stage, parameter_name
from tests.cloud.house import STAGE, Operator, at
from tests.local_aws import LocalAws, local_aws

__all__ = ["local_aws"]
SECRET = parameter_name(STAGE, "secret")


@pytest.fixture
def aws(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name, value in at(local_aws.endpoint).items():
        monkeypatch.setenv(name, value)
    with closing(Aws()) as made:
        yield made


def stands(aws: Aws) -> Stage:
    found = find_stage(aws, STAGE)
    assert found is not None
    return found


def names_of(aws: Aws) -> tuple[list[str], list[str], list[str]]:
    """Tables, buckets and secrets that are there."""
    tables = aws.client("dynamodb").list_tables()["TableNames"]
    buckets = [one["Name"] for one in aws.client("s3").list_buckets()["Buckets"]]
    found = aws.client("ssm").describe_parameters()["Parameters"]
    return tables, buckets, [one["Name"] for one in found]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_stage_from_its_first_deployment_to_its_end(local_aws: LocalAws, aws: Aws, tmp_path: Path) -> None:
    operator = Operator(tmp_path, at(local_aws.endpoint))
    comes_up(operator, aws)
    changes_and_does_not(operator, aws)
    goes(operator, aws)


def comes_up(operator: Operator, aws: Aws) -> None:
    said = operator.deploy("--dry-run")
    assert "TableResource" in said
    assert "Nothing was changed." in said
    assert find_stage(aws, STAGE) is None
    assert SECRET not in names_of(aws)[2]
    assert "There is no parameter 'Budget'" in operator.deploy("--set", "Budget=3", "--yes", code=2)
    assert "this is no NAME=VALUE" in operator.deploy("--set", "Budget", "--yes", code=2)
    assert "Nothing was changed." in operator.deploy(answer="n\n", code=1)
    assert find_stage(aws, STAGE) is None, "who says no, or stops at the question, leaves nothing"
    operator.deploy(code=130)
    assert find_stage(aws, STAGE) is None

    said = operator.deploy(answer="y\n")
    stage = stands(aws)
    assert stage.status == "CREATE_COMPLETE"
    assert stage.parameters["SenderDomain"] == "example.org"
    assert stage.parameters["EditorsMail"] == "editor@example.org"
    for words in (
        f"Keep a copy of it: {SECRET}",
        "Published ",
        "Deployed: commit ",
        f"Public pages: {stage.outputs['EndpointURL']}",
        "bounce.example.org  MX  10 feedback-smtp.eu-central-1.amazonses.com",
        '_dmarc.example.org  TXT  "v=DMARC1; p=none; rua=mailto:editor@example.org"',
        "AWS writes to editor@example.org",
        "The doctor (again at any time",
        "The store can be read; the site is not paused.",
    ):
        assert words in said
    assert "Nothing is published" not in said
    key = aws.client("ssm").get_parameter(Name=SECRET, WithDecryption=True)["Parameter"]
    assert key["Type"] == "SecureString"
    assert len(key["Value"]) >= 48


def changes_and_does_not(operator: Operator, aws: Aws) -> None:
    before = stands(aws)
    said = operator.deploy("--set", "MonthlyBudget=0", "--set", "LogRetentionDays=7", "--yes")
    assert "Its site stays " in said
    assert "is new" not in said, "the secret stays"
    after = stands(aws)
    assert after.parameters["LogRetentionDays"] == "7"
    assert after.parameters["SenderDomain"] == "example.org", "what nobody names stays as it was"
    assert after.outputs["TableName"] == before.outputs["TableName"]
    operator.deploy("--yes")
    assert stands(aws).parameters["LogRetentionDays"] == "7"
    assert "digest" in operator.run("status")
    operator.run("subscribers", "add", "ada@example.org", "--newsletter", "digest", "--basis", "consent")
    assert "1" in operator.run("subscribers", "count")


def goes(operator: Operator, aws: Aws) -> None:
    outputs = stands(aws).outputs
    table, bucket = outputs["TableName"], outputs["BucketName"]
    operator.run("destroy", answer="n\n", code=1)
    assert stands(aws).outputs == outputs
    said = operator.run("destroy", "--yes")
    assert f"Kept: the table {table}, the bucket {bucket}, the secret {SECRET}" in said
    tables, buckets, secrets = names_of(aws)
    assert (table in tables, bucket in buckets, SECRET in secrets) == (True, True, True)
    assert "is not deployed here" in operator.run("destroy", "--yes", code=1)
    assert "'make deploy STAGE=prod' makes it" in operator.run("status", code=1)

    operator.deploy("--yes")
    outputs = stands(aws).outputs
    assert "That is another name" in operator.run("destroy", "--with-data", answer="dev\n", code=2)
    said = operator.run("destroy", "--with-data", answer=f"{STAGE}\n")
    assert "are deleted" in said
    tables, buckets, secrets = names_of(aws)
    assert outputs["TableName"] not in tables
    assert outputs["BucketName"] not in buckets
    assert SECRET not in secrets


NOWHERE = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
SOMEBODY = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.mark.parametrize("command", [("deploy", "--yes"), ("destroy", "--yes"), ("status",)])
@pytest.mark.parametrize(
    ("environment", "words", "hint"),
    [
        ({}, "No region is set.", "Set AWS_REGION"),
        (NOWHERE, "no credentials", "AWS_PROFILE"),
        ({**SOMEBODY, **NOWHERE}, "Could not connect", "Look at the network"),
    ],
)  # fmt: skip
def test_where_aws_cannot_be_asked_it_is_said_why(
    environment: dict[str, str], words: str, hint: str, command: tuple[str, ...], tmp_path: Path
) -> None:
    said = " ".join(Operator(tmp_path, environment).run(*command, code=1).split())
    assert words in said
    assert hint in said


def test_which_stage_and_processor_must_be_known(tmp_path: Path) -> None:
    operator = Operator(tmp_path, {**SOMEBODY, "AWS_DEFAULT_REGION": "eu-central-1"})
    assert "--stage needs a name" in operator.run("--stage", "", "deploy", code=2)
    assert "There is no architecture 'mips'" in operator.run("package", "--architecture", "mips", code=2)
    assert "There is no stage 'test'" in operator.run("--stage", "test", "destroy", "--yes", code=2)
