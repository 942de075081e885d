"""The homes of the store that one suite runs against."""

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.store import Blobs, Queue, Table
from chalicelib.store.dynamodb import DynamoTable, create_table
from chalicelib.store.s3 import S3Blobs
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_blobs import SqliteBlobs
from chalicelib.store.sqlite_database import Database
from chalicelib.store.sqlite_queue import SqliteQueue
from chalicelib.store.sqs import SqsQueue
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


@dataclass
class Home:
    """Fresh, empty ports of one kind. ``later`` lets the queue's time pass."""

    table: Table
    queue: Queue
    blobs: Blobs
    clock: Clock
    later: Callable[[float], None]
    clients: Callable[[str], Any] | None = None
    table_name: str = ""


@contextlib.contextmanager
def sqlite_home(directory: Path) -> Iterator[Home]:
    database, clock = Database(directory / "store.db"), Clock()

    def later(seconds: float) -> None:
        clock.now += seconds

    queue = SqliteQueue(database, "work", max_attempts=MAX_ATTEMPTS, wall_clock=clock)
    with contextlib.closing(database):
        yield Home(SqliteTable(database, clock), queue, SqliteBlobs(database), clock, later)


@contextlib.contextmanager
def shared_clients(make: Callable[[str], Any]) -> Iterator[Callable[[str], Any]]:
    """One client per service: making one takes longer than a test."""
    with contextlib.ExitStack() as stack:
        made = {name: stack.enter_context(contextlib.closing(make(name))) for name in ("dynamodb", "sqs", "s3")}
        yield made.__getitem__


@contextlib.contextmanager
def aws_home(clients: Callable[[str], Any]) -> Iterator[Home]:
    """Made anew for each test: tables, buckets and queues with a number of their own."""
    name, clock = f"home-{next(_NUMBERS)}", Clock()
    dynamodb, sqs, s3 = clients("dynamodb"), clients("sqs"), clients("s3")
    create_table(dynamodb, name)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(MAX_ATTEMPTS)})
    url = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    yield Home(
        DynamoTable(dynamodb, name, clock),
        SqsQueue(sqs, url),
        S3Blobs(s3, name, prefix="site/"),
        clock,
        lambda seconds: time.sleep(seconds + 0.1),
        clients,
        name,
    )
