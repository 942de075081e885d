"""The same job with its state in DynamoDB, S3 and SQS of a local AWS: the same command, the same books."""

from contextlib import closing
from pathlib import Path

import pytest

from chalicelib.store.dynamodb import create_table
from tests.e2e.house import House, balanced
from tests.local_aws import LocalAws, local_aws
from tools.local_aws import CREDENTIALS

__all__ = ["local_aws"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def house(local_aws: LocalAws, tmp_path: Path) -> House:
    """The example site with its state in the local AWS, and mails into a Maildir."""
    clients = [closing(local_aws.client(name)) for name in ("dynamodb", "s3", "sqs")]
    with clients[0] as table, clients[1] as s3, clients[2] as sqs:
        create_table(table, "e2e")
        s3.create_bucket(Bucket="e2e", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        queue = sqs.create_queue(QueueName="e2e", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
        notices = sqs.create_queue(QueueName="e2e-notices")["QueueUrl"]
    house = House(ROOT, tmp_path / "data")
    house.environment.update(
        CREDENTIALS,
        AWS_ENDPOINT_URL=local_aws.endpoint,
        SENDBRIEF_STORE="aws",
        SENDBRIEF_TABLE="e2e",
        SENDBRIEF_BUCKET="e2e",
        SENDBRIEF_QUEUE_URL=queue,
        SENDBRIEF_NOTICE_QUEUE_URL=notices,
        SENDBRIEF_SECRET="a secret for tests that is long enough",
        SENDBRIEF_MAILDIR=str(tmp_path / "maildir"),
    )
    return house


def test_an_edition_is_sent_once_and_balances(house: House, tmp_path: Path) -> None:
    house.run(
        "subscribers", "import", str(ROOT / "content/sample-subscribers.csv"),
        "--newsletter", "community-digest", "--basis", "consent",
    )  # fmt: skip
    house.run("tick", "--now", "2026-11-19T10:00")
    editions = {edition["id"]: edition for edition in house.status()["editions"]}
    digest = editions["community-digest/2026-11-19"]
    assert (digest["state"], digest["planned"], digest["sent"]) == ("sent", 12, 12)
    assert all(balanced(edition) for edition in editions.values())
    written = len(list((tmp_path / "maildir" / "new").iterdir()))
    assert written == 12
    house.run("tick", "--now", "2026-11-19T10:05")
    assert len(list((tmp_path / "maildir" / "new").iterdir())) == written
    assert not (tmp_path / "data").exists(), "nothing of the state lies on this machine"
