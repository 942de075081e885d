"""The embedded store's file: one SQLite database, opened lazily, one connection per thread."""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chalicelib.errors import StoreUnavailableError

SCHEMA_VERSION = 1
APPLICATION_ID = 0x53627266  # "Sbrf": tells our file from another program's database
_SCHEMA = (
    """CREATE TABLE items (
        pk TEXT NOT NULL, sk TEXT NOT NULL, data TEXT NOT NULL, version INTEGER NOT NULL,
        expires INTEGER, counters TEXT, PRIMARY KEY (pk, sk)) WITHOUT ROWID""",
    "CREATE INDEX items_by_expiry ON items (expires) WHERE expires IS NOT NULL",
    """CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, body TEXT NOT NULL, visible REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, receipt TEXT, owner TEXT, dead INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX messages_by_visibility ON messages (queue, dead, visible, id)",
    "CREATE INDEX messages_by_owner ON messages (queue, owner) WHERE owner IS NOT NULL",
    "CREATE TABLE blobs (name TEXT PRIMARY KEY, content BLOB NOT NULL)",
)
_HINTS = {
    sqlite3.SQLITE_BUSY: "Another process holds it: end a hanging one, or a copy that is being made.",
    sqlite3.SQLITE_LOCKED: "Another process holds it: end a hanging one, or a copy that is being made.",
    sqlite3.SQLITE_READONLY: "Give this user the right to write the file and its directory.",
    sqlite3.SQLITE_FULL: "Free space on its disk; nothing is lost, the write was undone.",
    sqlite3.SQLITE_IOERR: "Look at its disk (full? broken? unmounted?), then start again.",
    sqlite3.SQLITE_CANTOPEN: "Look whether its directory exists and this user may read and write there.",
    sqlite3.SQLITE_PERM: "Give this user the right to read and write the file.",
    sqlite3.SQLITE_NOTADB: "It is no SQLite database: move it away, or name another file.",
    sqlite3.SQLITE_CORRUPT: "It is damaged: keep a copy, then restore it from a backup.",
}
_NOT_NOW = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN})
_CREATING = threading.Lock()
_INHERITED: list[sqlite3.Connection] = []  # a forked child must neither use nor close its parent's connections


class Database:
    """One file in WAL mode; every commit is on the disk (synchronous=FULL) when it returns.

    Threads and processes may share the file; a writer waits up to ``patience`` seconds for another.
    Raises StoreUnavailableError from every method.
    """

    def __init__(self, path: Path, *, patience: float = 30.0) -> None:
        self.path = Path(path)
        self._patience = patience
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: list[tuple[weakref.ref[threading.Thread], sqlite3.Connection]] = []
        self._closed = False
        self._pid = os.getpid()

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """The rows of one statement that is its own transaction."""
        try:
            return self._connection().execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def change(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """How many rows one statement changed that is its own transaction."""
        try:
            return self._connection().execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that has the write lock from its start; undone where the block raises."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees the file as it was at its first read."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def apart(self) -> Iterator[sqlite3.Connection]:
        """A connection for one long read, so that this thread may write meanwhile; closed at the end of the block."""
        try:
            connection = self._connect()
            try:
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def compact(self) -> bool:
        """Write the file anew with nothing but what is there, and empty its log; False where that must wait.

        ``secure_delete`` does not reach the copies of rows that SQLite leaves in gaps when it splits or joins pages.
        Reads go on meanwhile; writes wait, some ten seconds for a gigabyte. It waits where others are busy for longer
        than ``patience``, and where the disk has no room for a second copy.
        """
        try:
            self._connection().execute("VACUUM")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _NOT_NOW:
                raise self._unavailable(error) from error
            return False
        return not self.run("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]

    def close(self) -> None:
        """Close every thread's connection; the last one folds the log back into the file."""
        with self._lock:
            self._closed = True
            connections, self._open = self._open, []
        if self._pid == os.getpid():
            for _, connection in connections:
                connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._connection()
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    def _connection(self) -> sqlite3.Connection:
        if getattr(self._local, "pid", None) == os.getpid() and not self._closed:
            connection: sqlite3.Connection = self._local.connection
            return connection
        connection = self._connect()
        with self._lock:
            if self._pid != os.getpid():
                _INHERITED.extend(inherited for _, inherited in self._open)
                self._open, self._pid = [], os.getpid()
            self._drop_finished_threads()
            self._open.append((weakref.ref(threading.current_thread()), connection))
        self._local.connection, self._local.pid = connection, os.getpid()
        return connection

    def _drop_finished_threads(self) -> None:
        kept = []
        for thread, connection in self._open:
            owner = thread()
            if owner is not None and owner.is_alive():
                kept.append((thread, connection))
            else:
                connection.close()
        self._open = kept

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreUnavailableError(f"The store {self.path} has been closed.", "Open it anew.")
        self._create()
        connection = sqlite3.connect(self.path, timeout=self._patience, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self) -> None:
        """Make the file before SQLite does: it holds people's addresses, so nobody else may read it.

        Closing any descriptor of a file drops the locks SQLite has on it in this process (POSIX), hence
        the lock around it, and no opening of a file that is there already.
        """
        try:
            with _CREATING:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError as error:
            if not self.path.is_file():
                raise self._unopenable(error) from error
        except OSError as error:
            raise self._unopenable(error) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = self._version(connection)
        self._enter_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")  # an erased address leaves no trace in free pages
        connection.execute("PRAGMA journal_size_limit=67108864")
        if version == SCHEMA_VERSION:
            return
        connection.execute("BEGIN IMMEDIATE")
        if self._version(connection) != SCHEMA_VERSION:  # nobody made it while this one waited for the lock
            if connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
                raise self._foreign()
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")

    def _enter_wal(self, connection: sqlite3.Connection) -> None:
        """SQLite answers "busy" at once, without its own waiting, while others change the mode too."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
        if mode != "wal":
            raise StoreUnavailableError(
                f"The store {self.path} can't keep a write-ahead log.", "Keep it on a local disk, not a network one."
            )

    def _version(self, connection: sqlite3.Connection) -> int:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        application: int = connection.execute("PRAGMA application_id").fetchone()[0]
        if version and application != APPLICATION_ID:
            raise self._foreign()
        if version > SCHEMA_VERSION:
            raise StoreUnavailableError(
                f"The store {self.path} was written by a newer Sendbrief (schema {version}, known: {SCHEMA_VERSION}).",
                "Install that version again, or restore a backup made before the upgrade.",
            )
        return version

    def _unopenable(self, error: OSError) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"The store {self.path} can't be opened: {error.strerror}.", _HINTS[sqlite3.SQLITE_CANTOPEN]
        )

    def _foreign(self) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"{self.path} is a database of another program.", "Name another file for the store."
        )

    def _unavailable(self, error: sqlite3.Error) -> StoreUnavailableError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return StoreUnavailableError(
            f"The store {self.path} failed: {error}.", _HINTS.get(code, "Look at the file and its disk.")
        )


def after_prefix(prefix: str) -> str | None:
    """The least text after all that begin with ``prefix``, or None where nothing comes after them."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if following == 0xD800 else following)
