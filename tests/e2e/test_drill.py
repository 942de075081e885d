"""A restore in mid-send with real processes: on one machine, in a local AWS, and by a table of an earlier moment.

Nothing is sent again, nobody is left out, the books balance. What is played is what `make drill` plays.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from chalicelib.store.dynamodb import create_table
from tests.local_aws import LocalAws, local_aws
from tools.drill import Drill, DrillError, Home, mail_server, play
from tools.local_aws import CREDENTIALS, REGION

__all__ = ["local_aws"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
READERS, A_SECOND = 600, 60


class Cloud:
    """Tables, buckets and queues of one drill in the local AWS."""

    def __init__(self, aws: LocalAws, stack: ExitStack, name: str) -> None:
        self.aws, self.name = aws, name
        self.dynamodb, self.s3, self.sqs = (
            stack.enter_context(closing(aws.client(service))) for service in ("dynamodb", "s3", "sqs")
        )
        self.urls = {
            kind: self.sqs.create_queue(QueueName=f"{name}-{kind}")["QueueUrl"]
            for kind in ("chunks", "notices", "events")
        }

    def make(self, name: str, *, table: bool = True) -> None:
        """A table and a bucket."""
        if table:
            create_table(self.dynamodb, name)
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})

    def environment(self, table: str, bucket: str) -> dict[str, str]:
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.aws.endpoint,
            "SENDBRIEF_STORE": "aws",
            "SENDBRIEF_TABLE": table,
            "SENDBRIEF_BUCKET": bucket,
            "SENDBRIEF_QUEUE_URL": self.urls["chunks"],
            "SENDBRIEF_NOTICE_QUEUE_URL": self.urls["notices"],
            "SENDBRIEF_EVENT_QUEUE_URL": self.urls["events"],
        }

    def copy_table(self, old: str, new: str) -> None:
        """What a recovery to this second leaves: another table with the items of the old one, and nothing else."""
        create_table(self.dynamodb, new)
        items: list[dict[str, Any]] = []
        for page in self.dynamodb.get_paginator("scan").paginate(TableName=old, ConsistentRead=True):
            items += page["Items"]
        for start in range(0, len(items), 25):
            puts = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
            assert self.dynamodb.batch_write_item(RequestItems={new: puts})["UnprocessedItems"] == {}

    def tell(self, events: Iterator[str]) -> None:
        """SES tells, in any case more than once."""
        bodies = list(events)
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            self.sqs.send_message_batch(QueueUrl=self.urls["events"], Entries=entries)


@pytest.fixture
def said() -> list[str]:
    return []


def test_a_backup_in_mid_send_on_one_machine(tmp_path: Path, said: list[str]) -> None:
    play(tmp_path, said.append, READERS, A_SECOND)
    assert said[-1] == f"All {READERS} readers have it once, and the books balance."


def test_a_backup_in_mid_send_in_the_cloud(local_aws: LocalAws, tmp_path: Path, said: list[str]) -> None:
    with ExitStack() as stack, mail_server(tmp_path) as server:
        cloud = Cloud(local_aws, stack, "drill-file")
        cloud.make("drill-file")
        cloud.make("drill-file-2")
        lost = cloud.environment("drill-file", "drill-file")
        drill = Drill(tmp_path, server, said.append, lost, READERS, A_SECOND)
        process = drill.begin()
        drill.lost.run("backup", str(tmp_path / "backup"))
        drill.lose(process)
        home = Home(drill.site, tmp_path / "new", server.url, cloud.environment("drill-file-2", "drill-file-2"))
        home.run("restore", str(tmp_path / "backup"))
        cloud.tell(server.events())
        _end(drill, home)


def test_a_table_of_an_earlier_moment_pauses_itself(local_aws: LocalAws, tmp_path: Path, said: list[str]) -> None:
    """Nobody pauses it, the queue still holds its chunks, and the bucket is the same one."""
    with ExitStack() as stack, mail_server(tmp_path) as server:
        cloud = Cloud(local_aws, stack, "drill-pitr")
        cloud.make("drill-pitr")
        drill = Drill(tmp_path, server, said.append, cloud.environment("drill-pitr", "drill-pitr"), READERS, A_SECOND)
        process = drill.begin()
        cloud.copy_table("drill-pitr", "drill-pitr-restored")
        drill.lose(process)
        home = Home(drill.site, tmp_path / "new", server.url, cloud.environment("drill-pitr-restored", "drill-pitr"))
        assert "it was restored" in home.run("status", code=None), "also before a tick has looked"
        assert "it was restored" in home.run("send", drill.id, code=2)
        drill.stands_still(home)
        cloud.tell(server.events())
        _end(drill, home)


def test_a_drill_fails_where_evidence_is_missing(tmp_path: Path, said: list[str]) -> None:
    """What the drill looks for it would find: with a mail log that lacks the last mails the books are behind."""

    class Forgetful(Home):
        def run(self, *arguments: str, code: int | None = 0) -> str:
            if arguments[0] == "reconcile":
                log = Path(self.environment["SENDBRIEF_MAIL_LOG"])
                log.write_text("".join(log.read_text().splitlines(keepends=True)[:-20]))
            return super().run(*arguments, code=code)

    with mail_server(tmp_path) as server:
        drill = Drill(tmp_path, server, said.append, readers=150, a_second=50)
        process = drill.begin()
        drill.lost.run("backup", str(tmp_path / "backup"))
        drill.lose(process)
        log = tmp_path / "mail.log"
        home = Forgetful(drill.site, tmp_path / "new", server.url, {"SENDBRIEF_MAIL_LOG": str(log)})
        home.run("restore", str(tmp_path / "backup"))
        server.write_mail_log(log)
        with pytest.raises(DrillError, match="have a mail, and the books say"):
            drill.reconcile(home)


def _end(drill: Drill, home: Home) -> None:
    drill.stands_still(home)
    found = drill.reconcile(home)
    assert found["lost"] == {}
    assert found["troubles"] == []
    drill.go_on(home)
