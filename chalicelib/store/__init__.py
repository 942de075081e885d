"""The store's three ports: Table, Blobs and Queue, and the values they speak in.

They say only what DynamoDB/S3/SQS and the embedded SQLite twins both mean the same by. Errors that
may escape any method: ``StoreUnavailableError``; others are named where they occur.

Keys: ``pk`` 1..2048 and ``sk`` 1..1024 bytes of UTF-8, any characters but lone surrogates; sort keys
are ordered by their UTF-8 bytes (DynamoDB's limits and order). ``data`` is JSON (no NaN, no bytes);
an item is at most 400 KB in all (DynamoDB's limit).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

Data = Mapping[str, Any]
MAX_ITEM_BYTES = 400 * 1024
MAX_TRANSACTION = 100


class Key(NamedTuple):
    """Where an item lies: one partition, one place in it."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Item:
    """One item as read. ``expires`` is epoch seconds or None.

    ``version`` counts writes, from 1 after an Insert; a Put begins anew at a random number, since batches of
    DynamoDB can't count.
    """

    key: Key
    data: Data
    version: int
    expires: int | None = None
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Insert:
    """Put if absent (an expired item counts as absent)."""

    key: Key
    data: Data
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Replace:
    """Put if the stored version is ``item.version``; counters are kept."""

    item: Item
    data: Data
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete if the stored version is ``item.version``."""

    item: Item


@dataclass(frozen=True, slots=True)
class Put:
    """Put whatever is there: last write wins, counters are gone."""

    key: Key
    data: Data
    expires: int | None = None


Write = Insert | Replace | Delete | Put


@dataclass(frozen=True, slots=True)
class Page:
    """Part of an answer. ``cursor`` is the sort key to go on from, or None at the end."""

    items: tuple[Item, ...]
    cursor: str | None


class Table(Protocol):
    """Items by partition and sort key, written under conditions. Reads are strongly consistent."""

    @property
    def home(self) -> str:
        """The name of the table it is, by which a copy with another name tells that it is one; '' where none tells."""
        ...

    def get(self, key: Key) -> Item | None:
        """The item, or None where there is none or it has expired."""
        ...

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Those of ``keys`` that exist and have not expired; any number, repeats allowed."""
        ...

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        first: str | None = None,
        last: str | None = None,
        reverse: bool = False,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """One page of a partition in sort-key order, at most ``limit`` items or 1 MB of them.

        ``prefix`` and the inclusive range ``first``..``last`` exclude each other (ValueError).
        Expired items are left out, so that a page may be short and yet have a cursor.
        """
        ...

    def insert(self, key: Key, data: Data, expires: int | None = None) -> Item:
        """Put if absent. Raises ConflictError where it exists."""
        ...

    def replace(self, item: Item, data: Data, expires: int | None = None) -> Item:
        """Put if the version matches. Raises ConflictError otherwise, also where it is gone."""
        ...

    def delete(self, item: Item) -> None:
        """Delete if the version matches. Raises ConflictError otherwise, also where it is gone."""
        ...

    def put_many(self, puts: Iterable[Put]) -> None:
        """Put each, whatever is there; not atomic, any number (DynamoDB: batches of 25)."""
        ...

    def transact(self, writes: Sequence[Write]) -> None:
        """All or none of at most 100 writes on distinct keys. Raises ConflictError and changes nothing."""
        ...

    def add(self, key: Key, deltas: Mapping[str, int]) -> dict[str, int]:
        """Add to named counters of an item atomically, making it where absent; returns them all."""
        ...

    def everything(self) -> Iterator[Item]:
        """Every item of the table, expired ones too, in no particular order, never all in memory at once.

        For backups and proofs only: no access pattern may use it. It reads the whole table (DynamoDB: a Scan). On
        SQLite it is the table at one moment; on DynamoDB each item is as it was when the scan came by.
        """
        ...


def every(table: Table, pk: str, *, prefix: str = "", reverse: bool = False) -> Iterator[Item]:
    """All items of a partition, page by page."""
    cursor: str | None = None
    while True:
        page = table.query(pk, prefix=prefix, reverse=reverse, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


class Blobs(Protocol):
    """Named bytes of any size. Names are relative paths like ``editions/x/letter.json``."""

    def put(self, name: str, content: bytes) -> None:
        """Store whole or not at all; replaces what was there."""
        ...

    def get(self, name: str) -> bytes | None:
        """The bytes, or None where there are none."""
        ...

    def names(self, prefix: str) -> list[str]:
        """Names that begin with ``prefix``, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Delete; quiet where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message in hand. ``attempts`` counts receipts, this one included; ``receipt`` is for one receipt."""

    body: str
    receipt: str
    attempts: int


class Queue(Protocol):
    """At-least-once, unordered messages; one not deleted within ``visibility`` seconds comes again.

    After ``max_attempts`` receipts (set on the adapter) a message goes to the dead letters.
    """

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        """Enqueue; invisible for ``delay`` seconds (0..900, SQS's limit)."""
        ...

    def receive(self, most: int = 1, *, visibility: int = 300, wait: int = 0) -> list[QueueMessage]:
        """Up to ``most`` (1..10) messages, waiting up to ``wait`` (0..20) seconds for the first."""
        ...

    def delete(self, message: QueueMessage) -> None:
        """Done with it; quiet where the receipt is stale."""
        ...

    def release(self, message: QueueMessage, *, delay: int = 0) -> None:
        """Give it back at once or after ``delay`` seconds; quiet where the receipt is stale."""
        ...

    def dead(self) -> list[str]:
        """Bodies of the dead letters (embedded: all; SQS: a look at up to ten)."""
        ...

    def peek(self) -> list[str]:
        """Bodies that can be seen without taking them (embedded: all, dead letters too; SQS: as ``dead``)."""
        ...

    def redrive(self) -> int:
        """Move the dead letters back, with their attempts forgotten; how many."""
        ...


__all__ = [
    "MAX_ITEM_BYTES",
    "MAX_TRANSACTION",
    "Blobs",
    "Data",
    "Delete",
    "Insert",
    "Item",
    "Key",
    "Page",
    "Put",
    "Queue",
    "QueueMessage",
    "Replace",
    "Table",
    "Write",
    "every",
]
