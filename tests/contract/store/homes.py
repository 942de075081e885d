"""The homes of the store that one suite runs against."""

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from chalicelib.store import Blobs, Queue, Table
from chalicelib.store.dynamodb import DynamoTable, create_table
from chalicelib.store.s3 import S3Blobs
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_blobs import SqliteBlobs
from chalicelib.store.sqlite_database import Database
from chalicelib.store.sqlite_queue import SqliteQueue
from chalicelib.store.sqs import SqsQueue
from chalicelib.store.table_queue import TableQueue
from tools.local_aws import REGION

START = 1_790_000_000.0
MAX_ATTEMPTS = 3
_NUMBERS = itertools.count()


class Clock:
    """Epoch seconds that stand still until told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Home(Protocol):
    """Fresh, empty ports of one kind. ``later`` lets the queue's time pass."""

    clock: Clock

    @property
    def table(self) -> Table: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def blobs(self) -> Blobs: ...

    def later(self, seconds: float) -> None: ...


class SqliteHome:
    def __init__(self, directory: Path) -> None:
        self.database = Database(directory / "store.db")
        self.clock = Clock()
        self.table = SqliteTable(self.database, self.clock)
        self.queue = SqliteQueue(self.database, "work", max_attempts=MAX_ATTEMPTS, wall_clock=self.clock)
        self.blobs = SqliteBlobs(self.database)

    def later(self, seconds: float) -> None:
        self.clock.now += seconds


class AwsHome:
    """Each test has a table, bucket and queue of its own, made where it asks for them."""

    def __init__(self, clients: Callable[[str], Any]) -> None:
        self.clients = clients
        self.name = f"home-{next(_NUMBERS)}"
        self.clock = Clock()

    @cached_property
    def table(self) -> Table:
        create_table(self.clients("dynamodb"), self.name)
        return DynamoTable(self.clients("dynamodb"), self.name, self.clock)

    @cached_property
    def blobs(self) -> Blobs:
        configuration = {"LocationConstraint": REGION}
        self.clients("s3").create_bucket(Bucket=self.name, CreateBucketConfiguration=configuration)
        return S3Blobs(self.clients("s3"), self.name, prefix="site/")

    @cached_property
    def queue(self) -> Queue:
        return SqsQueue(self.clients("sqs"), self.queue_url)

    @cached_property
    def queue_url(self) -> str:
        sqs = self.clients("sqs")
        dead = sqs.create_queue(QueueName=f"{self.name}-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(MAX_ATTEMPTS)})
        url: str = sqs.create_queue(QueueName=self.name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
        return url

    def later(self, seconds: float) -> None:
        time.sleep(seconds + 0.1)


class TableQueueHome:
    """Another home, with its queue over the table: time passes for the queue alone."""

    def __init__(self, home: Home) -> None:
        self.clock, self.table, self.blobs = home.clock, home.table, home.blobs
        self.queue = TableQueue(self.table, "work", max_attempts=MAX_ATTEMPTS, wall_clock=self.clock)

    def later(self, seconds: float) -> None:
        self.clock.now += seconds


@contextlib.contextmanager
def shared_clients(make: Callable[[str], Any]) -> Iterator[Callable[[str], Any]]:
    """One client per service: making one takes longer than a test."""
    with contextlib.ExitStack() as stack:
        made = {name: stack.enter_context(contextlib.closing(make(name))) for name in ("dynamodb", "sqs", "s3")}
        yield made.__getitem__
