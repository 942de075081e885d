"""Adapters that keep count of each call in the units in which AWS is paid for it; what a call takes is the place's."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Protocol

from chalicelib.store import Data, Insert, Item, Key, Page, Put, QueueMessage, Replace, Write
from chalicelib.store.limits import encode, key_of
from tests.simulation.memory import MemoryBlobs, MemoryQueue, MemoryTable

TABLE_SECONDS, QUEUE_SECONDS, BLOB_SECONDS = 0.006, 0.012, 0.03
"""What a call takes, usual within a region."""


class Caller(Protocol):
    """Whoever calls, and whose time it takes."""

    @property
    def meter(self) -> "Meter":
        """Where it is counted."""
        ...

    def call(self, what: str, units: float, seconds: float) -> None:
        """One call."""
        ...


@dataclass
class Meter:
    """What was used, in the units in which it is paid for; and what of it by whom."""

    used: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    ledgers: int = 0
    """Ledgers read all at once, to see how an edition stands."""
    ledger_bytes: int = 0

    def count(self, what: str, number: float = 1) -> None:
        """So much more was used."""
        self.used[what] += number  # type: ignore[assignment]


def size_of(key: Key, text: str) -> int:
    """Bytes of an item as DynamoDB counts them: names and values; a number has about a byte for two digits."""
    return len(key.pk) + len(key.sk) + len(text.encode()) + len("pkskdvw") + 8 + 16


def _item_size(item: Item) -> int:
    counters = sum(len(name) + 5 for name in item.counters)
    return size_of(item.key, json.dumps(item.data, ensure_ascii=False, separators=(",", ":"))) + counters


class MeteredTable:
    """A table that counts DynamoDB's units: reads are strongly consistent, a transaction counts twice."""

    def __init__(self, table: MemoryTable, place: Caller) -> None:
        self._table, self._place = table, place

    @property
    def home(self) -> str:
        return self._table.home

    def _read(self, sizes: Iterable[int], *, together: bool = False) -> None:
        """4 KB a unit: of each item by itself, or of all that a query reads together."""
        found = list(sizes)
        units = ceil(sum(found) / 4096) if together else sum(ceil(size / 4096) for size in found)
        self._place.call("dynamodb reads", max(1, units), TABLE_SECONDS)

    def _write(self, writes: Sequence[Write], times: int = 1) -> None:
        """1 KB a unit, of what is there or what is written, whichever is more."""
        units = 0
        for write in writes:
            there = self._table.get(key_of(write))
            text = encode(write.key, write.data) if isinstance(write, Insert | Put) else ""
            text = encode(write.item.key, write.data) if isinstance(write, Replace) else text
            units += ceil(max(size_of(key_of(write), text), _item_size(there) if there else 0) / 1024) * times
        self._place.call("dynamodb writes", units, TABLE_SECONDS)

    def get(self, key: Key) -> Item | None:
        item = self._table.get(key)
        self._read([_item_size(item)] if item else [1])
        return item

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), 100):
            part = self._table.get_many(distinct[start : start + 100])
            self._read(_item_size(part[key]) if key in part else 1 for key in distinct[start : start + 100])
            found |= part
        return found

    def query(self, pk: str, **how: Any) -> Page:
        page = self._table.query(pk, **how)
        sizes = [_item_size(item) for item in page.items]
        self._read(sizes, together=True)
        if how.get("prefix") == "LEDGER#":
            self._place.meter.ledgers += len(sizes)
            self._place.meter.ledger_bytes += sum(sizes)
        return page

    def insert(self, key: Key, data: Data, expires: int | None = None) -> Item:
        self._write([Insert(key, data, expires)])
        return self._table.insert(key, data, expires)

    def replace(self, item: Item, data: Data, expires: int | None = None) -> Item:
        self._write([Replace(item, data, expires)])
        return self._table.replace(item, data, expires)

    def delete(self, item: Item) -> None:
        self._place.call("dynamodb writes", ceil(_item_size(item) / 1024), TABLE_SECONDS)
        self._table.delete(item)

    def put_many(self, puts: Iterable[Put]) -> None:
        for put in puts:
            self._write([put])
            self._table.put_many([put])

    def transact(self, writes: Sequence[Write]) -> None:
        if writes:
            self._write(writes, times=2)
            self._table.transact(writes)

    def add(self, key: Key, deltas: Mapping[str, int]) -> dict[str, int]:
        self._place.call("dynamodb writes", 1, TABLE_SECONDS)
        return self._table.add(key, deltas)

    def everything(self) -> Iterator[Item]:
        raise AssertionError("no function reads the whole table")


class MeteredBlobs:
    """Blobs that count requests of S3."""

    def __init__(self, blobs: MemoryBlobs, place: Caller) -> None:
        self._blobs, self._place = blobs, place

    def put(self, name: str, content: bytes) -> None:
        self._place.call("s3 puts", 1, BLOB_SECONDS)
        self._blobs.put(name, content)

    def get(self, name: str) -> bytes | None:
        self._place.call("s3 gets", 1, BLOB_SECONDS)
        return self._blobs.get(name)

    def names(self, prefix: str) -> list[str]:
        self._place.call("s3 puts", 1, BLOB_SECONDS)  # listing costs what putting does
        return self._blobs.names(prefix)

    def delete(self, name: str) -> None:
        self._blobs.delete(name)


class MeteredQueue:
    """A queue that counts SQS's requests: ten messages at most in one, each 64 KB of it one more."""

    def __init__(self, queue: MemoryQueue, place: Caller) -> None:
        self._queue, self._place = queue, place

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        for start in range(0, len(bodies), 10):
            part = bodies[start : start + 10]
            self._place.call("sqs requests", ceil(sum(map(len, part)) / 65_536), QUEUE_SECONDS)
            self._queue.send(part, delay=delay)

    def receive(self, most: int = 1, *, visibility: int = 300, wait: int = 0) -> list[QueueMessage]:
        self._place.meter.count("sqs requests")
        return self._queue.receive(most, visibility=visibility)

    def delete(self, *messages: QueueMessage) -> None:
        self._place.meter.count("sqs requests", ceil(len(messages) / 10))
        for message in messages:
            self._queue.delete(message)

    def release(self, message: QueueMessage, *, delay: int = 0) -> None:
        self._place.call("sqs requests", 1, QUEUE_SECONDS)
        self._queue.release(message, delay=delay)

    def dead(self) -> list[str]:
        self._place.call("sqs requests", 1, QUEUE_SECONDS)
        return self._queue.dead()

    def peek(self) -> list[str]:
        return self._queue.peek()

    def redrive(self) -> int:
        return self._queue.redrive()
