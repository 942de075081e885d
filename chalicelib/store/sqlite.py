"""The embedded Table: items in one SQLite file, the twin of dynamodb.py."""

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from chalicelib.errors import ConflictError
from chalicelib.logs import logger
from chalicelib.store import Data, Delete, Insert, Item, Key, Page, Put, Replace, Write
from chalicelib.store.limits import (
    MAX_PAGE_BYTES,
    check_deltas,
    check_key,
    check_query,
    encode,
    encode_transaction,
    is_live,
    key_of,
    next_item,
)
from chalicelib.store.sqlite_database import Database, after_prefix

LOG = logger(__name__)
_GET = "SELECT data, version, expires, counters FROM items WHERE pk = ? AND sk = ?"
_GET_MANY = (  # one statement for many keys: half of a statement's time is its coming and going
    "WITH wanted (pk, sk) AS (VALUES {}) SELECT i.pk, i.sk, i.data, i.version, i.expires, i.counters "
    "FROM wanted CROSS JOIN items AS i ON i.pk = wanted.pk AND i.sk = wanted.sk"
)
_GET_BATCH = 100
_INSERT = (
    "INSERT INTO items (pk, sk, data, version, expires) VALUES (?, ?, ?, 1, ?) ON CONFLICT (pk, sk) DO UPDATE "
    "SET data = excluded.data, version = 1, expires = excluded.expires, counters = NULL WHERE items.expires <= ?"
)
_REPLACE = (
    "UPDATE items SET data = ?, version = version + 1, expires = ? "
    "WHERE pk = ? AND sk = ? AND version = ? AND expires IS ? AND (expires IS NULL OR expires > ?)"
)
_DELETE = (
    "DELETE FROM items WHERE pk = ? AND sk = ? AND version = ? AND expires IS ? AND (expires IS NULL OR expires > ?)"
)
_PUT = "INSERT OR REPLACE INTO items (pk, sk, data, version, expires, counters) VALUES (?, ?, ?, ?, ?, ?)"
_EVERYTHING = "SELECT pk, sk, data, version, expires, counters FROM items"
_SWEEP = (
    "DELETE FROM items WHERE (pk, sk) IN (SELECT pk, sk FROM items WHERE expires IS NOT NULL AND expires <= ? LIMIT ?)"
)
_PUT_BATCH = 500
_SWEEP_EVERY = 256
_SWEEP_MOST = 1024


class SqliteTable:
    """The Table port on a Database. ``clock`` gives epoch seconds, for expiry only."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._expiring = 0

    @property
    def home(self) -> str:
        """See Table: a file may be moved or copied, and nothing in it tells."""
        return ""

    def get(self, key: Key) -> Item | None:
        """See Table."""
        check_key(key)
        rows = self._database.run(_GET, key)
        return self._live(key, rows[0]) if rows else None

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """See Table. All of them are read at one moment."""
        found: dict[Key, Item] = {}
        for key in keys:
            check_key(key)
        distinct = iter(dict.fromkeys(keys))
        with self._database.reading() as connection:
            while batch := list(islice(distinct, _GET_BATCH)):
                sql = _GET_MANY.format(",".join(["(?,?)"] * len(batch)))
                for pk, sk, *row in connection.execute(sql, [part for key in batch for part in key]).fetchall():
                    item = self._live(Key(pk, sk), (row[0], row[1], row[2], row[3]))
                    if item:
                        found[item.key] = item
        return found

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
        """See Table."""
        if not check_query(pk, prefix, first, last, limit, cursor):
            return Page((), None)
        sql, parameters = _range(pk, prefix, first, last, reverse, cursor)
        with self._database.reading() as connection:
            rows = connection.execute(sql, parameters)
            try:
                return self._page(pk, rows, limit)
            finally:
                rows.close()

    def insert(self, key: Key, data: Data, expires: int | None = None) -> Item:
        """See Table."""
        values = (*key, encode(key, data, expires), expires, self._clock())
        self._sweep_now_and_then(1 if expires is not None else 0)
        if not self._database.change(_INSERT, values):
            raise _conflict(key)
        return Item(key, data, 1, expires)

    def replace(self, item: Item, data: Data, expires: int | None = None) -> Item:
        """See Table."""
        text = encode(item.key, data, expires, item.counters)
        if not self._database.change(_REPLACE, (text, expires, *self._matching(item))):
            raise _conflict(item.key)
        return next_item(item, data, expires)

    def delete(self, item: Item) -> None:
        """See Table."""
        check_key(item.key)
        if not self._database.change(_DELETE, self._matching(item)):
            raise _conflict(item.key)

    def put_many(self, puts: Iterable[Put]) -> None:
        """See Table. Each 500 are one transaction."""
        rows = (_row(put, encode(put.key, put.data, put.expires)) for put in puts)
        while batch := list(islice(rows, _PUT_BATCH)):
            self._sweep_now_and_then(sum(1 for row in batch if row[4] is not None))
            with self._database.writing() as connection:
                connection.executemany(_PUT, batch)

    def transact(self, writes: Sequence[Write]) -> None:
        """See Table."""
        texts = encode_transaction(writes)
        if not writes:
            return
        with self._database.writing() as connection:
            puts = [_row(write, text) for write, text in zip(writes, texts, strict=True) if isinstance(write, Put)]
            for write, text in zip(writes, texts, strict=True):
                if not isinstance(write, Put) and not self._write(connection, write, text):
                    raise _conflict(key_of(write))
            connection.executemany(_PUT, puts)

    def add(self, key: Key, deltas: Mapping[str, int]) -> dict[str, int]:
        """See Table."""
        check_deltas(key, deltas)
        with self._database.writing() as connection:
            row = connection.execute(_GET, key).fetchone()
            item = (self._live(key, row) if row else None) or Item(key, {}, 0)
            counters = dict(item.counters)
            for name, delta in deltas.items():
                counters[name] = counters.get(name, 0) + delta
            text = encode(key, item.data, item.expires, counters)
            connection.execute(_PUT, (*key, text, item.version + 1, item.expires, json.dumps(counters)))
        return counters

    def everything(self) -> Iterator[Item]:
        """See Table. One statement on a connection of its own: it sees the file as it was when it began."""
        with self._database.apart() as connection:
            for pk, sk, data, version, expires, counters in connection.execute(_EVERYTHING):
                yield Item(Key(pk, sk), json.loads(data), version, expires, json.loads(counters) if counters else {})

    def sweep(self, most: int = _SWEEP_MOST) -> int:
        """Remove at most ``most`` expired items, which no read shows; how many. Writing calls it by itself."""
        return self._database.change(_SWEEP, (self._clock(), most))

    def _write(self, connection: sqlite3.Connection, write: Insert | Replace | Delete, text: str) -> bool:
        match write:
            case Insert(key, _, expires):
                changed = connection.execute(_INSERT, (*key, text, expires, self._clock()))
            case Replace(item, _, expires):
                changed = connection.execute(_REPLACE, (text, expires, *self._matching(item)))
            case Delete(item):
                changed = connection.execute(_DELETE, self._matching(item))
        return changed.rowcount == 1

    def _matching(self, item: Item) -> tuple[str, str, int, int | None, float]:
        """The expiry is part of the match: a lease that ended and was taken anew starts again from version 1."""
        return (*item.key, item.version, item.expires, self._clock())

    def _live(self, key: Key, row: tuple[str, int, int | None, str | None]) -> Item | None:
        data, version, expires, counters = row
        if not is_live(expires, self._clock()):
            return None
        return Item(key, json.loads(data), version, expires, json.loads(counters) if counters else {})

    def _page(self, pk: str, rows: sqlite3.Cursor, limit: int | None) -> Page:
        kept: list[tuple[str, str, int, int | None, str | None]] = []
        size, seen, at, now, more = 0, 0, "", self._clock(), False
        for row in rows:
            if size >= MAX_PAGE_BYTES or seen == limit:
                more = True
                break
            at, seen = row[0], seen + 1
            size += len(row[1]) + len(at)
            if row[3] is None or is_live(row[3], now):
                kept.append(row)
        # One call for all of them: for small items it costs a third of one call each.
        decoded = json.loads(f"[{','.join([row[1] for row in kept])}]")
        items = tuple(
            Item(Key(pk, sk), data, version, expires, json.loads(counters) if counters else {})
            for (sk, _, version, expires, counters), data in zip(kept, decoded, strict=True)
        )
        return Page(items, at if more else None)

    def _sweep_now_and_then(self, expiring: int) -> None:
        """Before the write it goes with: were it to fail after it, a write that holds would look undone."""
        self._expiring += expiring
        if self._expiring >= _SWEEP_EVERY:
            self._expiring = 0
            self.sweep()


def clean(database: Database) -> int:
    """Take out what has expired, and what was deleted out of the file and its log; how many items expired.

    A part at a time, so that nobody waits long for the lock; then the file is written anew, see ``Database.compact``:
    where that must wait, the next time does it.
    """
    table, gone = SqliteTable(database), 0
    while swept := table.sweep():
        gone += swept
    if not database.compact():
        LOG.warning("The store is busy, or its disk full: copies of what was deleted leave its file another day.")
    return gone


def _row(put: Put, text: str) -> tuple[str, str, str, int, int | None, None]:
    """A put does not know what it replaces: a version at random fits no reader's idea of the old item."""
    return (*put.key, text, secrets.randbits(52) + 1, put.expires, None)


def _conflict(key: Key) -> ConflictError:
    return ConflictError(f"Somebody else wrote {key} first.", "Read it again and decide anew.")


def _range(
    pk: str, prefix: str, first: str | None, last: str | None, reverse: bool, cursor: str | None
) -> tuple[str, list[Any]]:
    """The statement and its parameters; SQLite orders text by its UTF-8 bytes, as DynamoDB does."""
    conditions = [
        ("sk >= ?", prefix or first),
        ("sk < ?", after_prefix(prefix) if prefix else None),
        ("sk <= ?", last),
        ("sk < ?" if reverse else "sk > ?", cursor),
    ]
    given = [(condition, value) for condition, value in conditions if value is not None]
    where = " AND ".join(["pk = ?", *(condition for condition, _ in given)])
    order = "DESC" if reverse else "ASC"
    sql = f"SELECT sk, data, version, expires, counters FROM items WHERE {where} ORDER BY sk {order}"  # noqa: S608
    return sql, [pk, *(value for _, value in given)]
