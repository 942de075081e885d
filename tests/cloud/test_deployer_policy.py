"""docs/deployer-policy.json: enough for every call that deploying and destroying make themselves."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib.cloud.after import steps
from chalicelib.cloud.aws import Aws
from chalicelib.cloud.deploying import Deployment
from chalicelib.cloud.packaging import Package
from chalicelib.cloud.parameters import wanted
from chalicelib.cloud.removing import remove
from chalicelib.cloud.stages import find_stage, read_stage
from tests.cloud.house import STAGE, at
from tests.cloud.test_deploying import soon
from tests.e2e.artefact import HERE, Artefact, for_arm
from tests.local_aws import LocalAws, local_aws
from tests.simulation.world import SITE

__all__ = ["for_arm", "local_aws"]
ROOT = Path(__file__).resolve().parents[2]
POLICY = json.loads((ROOT / "docs" / "deployer-policy.json").read_text())
MAX_CHARACTERS = 6144
"""Of a managed policy, without white space (IAM's quotas)."""
NAMES = {
    "HeadBucket": "ListBucket", "ListObjectVersions": "ListBucketVersions", "DeleteObjects": "DeleteObjectVersion",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
}  # fmt: skip
"""What IAM calls operations of S3 that it does not call by their names."""
OF_TYPES = {"Serverless": "lambda", "ApiGateway": "apigateway", "CloudWatch": "cloudwatch", "CloudFront": "cloudfront"}
SERVICES = {"sesv2": "ses"}


def allowed(action: str) -> bool:
    return any(fnmatchcase(action, one) for statement in POLICY["Statement"] for one in statement["Action"])


@pytest.fixture
def asked(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Aws, set[str]]]:
    """Clients, and the actions that were asked for with them."""
    for name, value in at(local_aws.endpoint).items():
        monkeypatch.setenv(name, value)
    found: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        service = SERVICES.get(model.service_model.service_name, model.service_model.service_name)
        found.add(f"{service}:{NAMES.get(model.name, model.name)}")

    with closing(Aws()) as aws:
        aws._session.events.register("before-call", note)
        yield aws, found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_call_of_a_stages_life_is_allowed(for_arm: Artefact, asked: tuple[Aws, set[str]]) -> None:
    aws, found = asked
    deployment = Deployment(aws, STAGE, sleep=soon)
    template, url = deployment.upload(Package(for_arm.artefact, for_arm.sam, STAGE, HERE), "0123456789ab")
    known = template["Parameters"]
    proposal = deployment.propose(url, wanted(aws, SITE, {}, known, None), known, None)
    deployment.secret()
    deployment.apply(proposal)
    assert next(steps(aws, read_stage(STAGE, aws), SITE)) == "Deployed: commit 0123456789ab"
    again = deployment.propose(url, {"LogRetentionDays": "7"}, known, find_stage(aws, STAGE))
    deployment.withdraw(again)
    remove(aws, read_stage(STAGE, aws), with_data=True, tell=lambda _: None, sleep=soon)
    assert len(found) > 15
    assert sorted(action for action in found if not allowed(action)) == []


def test_services_of_all_resources_are_in_it() -> None:
    text = (ROOT / ".chalice" / "resources.yaml").read_text("utf-8")
    services = {name.lower() for name in re.findall(r"Type: AWS::(\w+)::", text)} | {
        "lambda",
        "apigateway",
        "iam",
        "events",
    }
    prefixes = {action.partition(":")[0] for one in POLICY["Statement"] for action in one["Action"]}
    assert services - prefixes == set()
    assert yaml.safe_load(text)["Resources"]


def test_it_fits_into_one_policy_and_lets_nobody_be_anybody() -> None:
    assert len(json.dumps(POLICY, separators=(",", ":"))) <= MAX_CHARACTERS
    for statement in POLICY["Statement"]:
        assert not any(action in {"*", "iam:*"} for action in statement["Action"])
        if any(action.startswith("iam:") for action in statement["Action"]):
            assert statement["Resource"] == "arn:aws:iam::*:role/sendbrief-*"
    (passing,) = [one for one in POLICY["Statement"] if "iam:PassRole" in one["Action"]]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
