"""A stack in states of all kinds: made, broken, in the middle of something, and never losing what must stay."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

from chalicelib.cli.context import out
from chalicelib.cli.deploying import show
from chalicelib.cloud.aws import Aws
from chalicelib.cloud.deploying import KEPT, Change, Deployment, Proposal
from chalicelib.cloud.removing import remove
from chalicelib.cloud.stages import Stage, find_stage, read_stage, refuse_unready, stack_name
from chalicelib.errors import DeploymentError, UsageError
from tests.cloud.house import STAGE, at
from tests.local_aws import LocalAws, local_aws

__all__ = ["local_aws"]
WHOLE = {"Q": {"Type": "AWS::SQS::Queue"}}
BROKEN = {**WHOLE, "F": {"Type": "AWS::ApiGateway::Deployment", "DependsOn": "Q", "Properties": {"RestApiId": "none"}}}


def soon(_: float) -> None:
    time.sleep(0.05)


@pytest.fixture
def aws(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name, value in at(local_aws.endpoint).items():
        monkeypatch.setenv(name, value)
    with closing(Aws()) as made:
        yield made
        found = find_stage(made, STAGE)
        if found:
            remove(made, found, with_data=False, tell=lambda _: None, sleep=soon)


def proposed(aws: Aws, resources: dict[str, Any], deployment: Deployment) -> Proposal:
    """A change set of a template that has but these."""
    client, bucket = aws.client("s3"), "templates"
    with suppress(client.exceptions.BucketAlreadyOwnedByYou):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws.region})
    template = {"Resources": resources, "Outputs": {"TableName": {"Value": "none"}}}
    client.put_object(Bucket=bucket, Key="a.json", Body=json.dumps(template).encode())
    url = f"{client.meta.endpoint_url}/{bucket}/a.json"
    return deployment.propose(url, {}, {}, find_stage(aws, STAGE))


@pytest.mark.slow
def test_what_could_not_be_made_is_taken_away_and_made_again(aws: Aws) -> None:
    deployment = Deployment(aws, STAGE, sleep=soon)
    with pytest.raises(DeploymentError, match=r"ROLLBACK_COMPLETE: .*F: .*Invalid API") as caught:
        deployment.apply(proposed(aws, BROKEN, deployment))
    assert "goes with the next deployment" in caught.value.hint
    found = find_stage(aws, STAGE)
    assert found is not None
    assert found.status == "ROLLBACK_COMPLETE"
    proposal = proposed(aws, WHOLE, deployment)
    assert proposal.is_new
    deployment.apply(proposal)
    assert read_stage(STAGE, aws).status == "CREATE_COMPLETE"


@pytest.mark.slow
def test_a_change_that_fails_is_put_back_and_can_be_tried_again(aws: Aws) -> None:
    heard: list[str] = []
    deployment = Deployment(aws, STAGE, heard.append, sleep=soon)
    deployment.apply(proposed(aws, WHOLE, deployment))
    assert heard[-1] == "stack sendbrief-prod: CREATE_COMPLETE"
    assert proposed(aws, WHOLE, deployment).identifier == "", "nothing to do is no change set"
    with pytest.raises(DeploymentError, match="UPDATE_ROLLBACK_COMPLETE") as caught:
        deployment.apply(proposed(aws, BROKEN, deployment))
    assert caught.value.hint == "It is as before. Mend what it names."
    deployment.apply(proposed(aws, {**WHOLE, "R": {"Type": "AWS::SQS::Queue"}}, deployment))
    assert read_stage(STAGE, aws).status == "UPDATE_COMPLETE"


@pytest.mark.slow
def test_a_proposal_that_is_withdrawn_leaves_nothing(aws: Aws) -> None:
    deployment = Deployment(aws, STAGE, sleep=soon)
    deployment.withdraw(proposed(aws, WHOLE, deployment))
    assert find_stage(aws, STAGE) is None
    with pytest.raises(DeploymentError, match="The stage prod is not deployed here"):
        read_stage(STAGE, aws)


@pytest.mark.slow
def test_the_secret_is_made_once(aws: Aws) -> None:
    deployment = Deployment(aws, "dev")
    assert [deployment.secret("first"), deployment.secret("second"), deployment.secret()] == [True, False, False]
    client = aws.client("ssm")
    name = "/sendbrief/dev/secret"
    assert client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "first"
    client.delete_parameter(Name=name)


READY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE",
         "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_FAILED")  # fmt: skip
BUSY = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS")


@pytest.mark.parametrize("status", READY)
def test_states_in_which_a_stack_can_be_changed(status: str) -> None:
    refuse_unready(Stage("prod", status))


@pytest.mark.parametrize(
    ("status", "words"),
    [*((status, "being changed right now") for status in BUSY), ("UPDATE_ROLLBACK_FAILED", "so did putting it back"),
     ("DELETE_FAILED", "a part of it could not be")],
)  # fmt: skip
def test_states_in_which_it_cannot_are_told_with_what_to_do(status: str, words: str) -> None:
    with pytest.raises(DeploymentError, match=words) as caught:
        refuse_unready(Stage("prod", status))
    assert status in caught.value.message
    assert "deploy" in caught.value.hint


@pytest.mark.parametrize("resource", KEPT)
@pytest.mark.parametrize(
    ("action", "replaced", "loses"),
    [("Remove", "", True), ("Modify", "True", True), ("Modify", "", False), ("Modify", "Conditional", False),
     ("Add", "", False)],
)  # fmt: skip
def test_what_would_lose_data_is_known(resource: str, action: str, replaced: str, loses: bool) -> None:
    assert Change(action, resource, "AWS::Any::Thing", replaced).loses is loses
    assert not Change(action, "ChunkQueueResource", "AWS::SQS::Queue", replaced).loses


def test_only_two_stages_have_a_stack() -> None:
    assert [stack_name(name) for name in ("dev", "prod")] == ["sendbrief-dev", "sendbrief-prod"]
    with pytest.raises(UsageError, match="There is no stage 'test'"):
        stack_name("test")


def test_a_change_set_that_would_lose_data_is_shown_and_refused() -> None:
    """Whoever wanted it that way finds it in CloudFormation, not in a question that is answered by habit."""
    harmless = Change("Modify", "Tick", "AWS::Lambda::Function")
    with out.capture() as shown:
        show(Proposal("id", "dev", False, (harmless,)))
    assert "Tick" in shown.get()
    losing = Change("Modify", "TableResource", "AWS::DynamoDB::Table", "True")
    with out.capture() as shown, pytest.raises(DeploymentError, match="TableResource") as raised:
        show(Proposal("id", "dev", False, (harmless, losing)))
    assert "resources.yaml" in raised.value.hint
    assert "TableResource" in shown.get()
