"""Worlds whose state lies in a local AWS: DynamoDB, S3 and SQS; mails still go to the server that records them."""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chalicelib.runtime import Runtime
from chalicelib.store.dynamodb import DynamoTable, create_table
from chalicelib.store.s3 import S3Blobs
from chalicelib.store.sqs import SqsQueue
from tests.kills.ground import SLOT, Ground, World
from tools.local_aws import CREDENTIALS, REGION

LATER = [(0, 0), (600, 1000), (1800, 2000), (49 * 3600, 3000), (98 * 3600, 4000), (147 * 3600, 5000)]
"""As ``ground.TICKS``: what a dead process held is free when its lease has run out, and queued again after that."""
_NUMBERS = itertools.count()


class Cloud:
    """A local AWS and the test's own clients of it."""

    def __init__(self, endpoint: str, clients: Callable[[str], Any]) -> None:
        self.endpoint, self.clients = endpoint, clients

    @contextmanager
    def world(self, ground: Ground, mutant: str = "") -> Iterator[World]:
        """A fresh world with resources of its own."""
        name = f"kills-{next(_NUMBERS)}"
        create_table(self.clients("dynamodb"), name)
        self.clients("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        url = self.clients("sqs").create_queue(QueueName=name)["QueueUrl"]
        with tempfile.TemporaryDirectory(dir=ground.folder, prefix=name) as folder:
            environment = ground.environment(
                Path(folder) / "data", SENDBRIEF_STORE="aws", SENDBRIEF_TABLE=name, SENDBRIEF_BUCKET=name,
                SENDBRIEF_QUEUE_URL=url, SENDBRIEF_SECRET="a secret for tests that is long enough",
                AWS_ENDPOINT_URL=self.endpoint, **CREDENTIALS,
            )  # fmt: skip
            ground.server.quiet()
            ground.server.begin()
            world = World(ground, Path(folder), environment, mutant)
            self._furnish(world.runtime, name, url)
            ground.fill(world.runtime)
            world.runtime.composer.tick(SLOT)
            world.deliver = True
            yield world
        self.clients("dynamodb").delete_table(TableName=name)

    def _furnish(self, runtime: Runtime, name: str, url: str) -> None:
        """On shared clients, which are closed at the end: making one takes longer than a kill."""
        runtime.__dict__.update(
            table=DynamoTable(self.clients("dynamodb"), name),
            blobs=S3Blobs(self.clients("s3"), name),
            queue=SqsQueue(self.clients("sqs"), url),
        )
