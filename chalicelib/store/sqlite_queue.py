"""The embedded Queue: messages in the SQLite file, the twin of sqs.py."""

import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence

from chalicelib.store import QueueMessage
from chalicelib.store.limits import MAX_DELAY, check_body, check_receive, check_seconds
from chalicelib.store.owners import Owners
from chalicelib.store.sqlite_database import Database

_POLL_SECONDS = 0.05
_WAITING = "SELECT 1 FROM messages WHERE queue = ? AND dead = 0 AND visible <= ? LIMIT 1"
_PICK = "SELECT id FROM messages WHERE queue = ? AND dead = 0 AND visible <= ? ORDER BY visible, id LIMIT ?"
_TAKE = (
    "UPDATE messages SET attempts = attempts + 1, receipt = ?, owner = ?, visible = ? WHERE id = ? "
    "RETURNING body, receipt, attempts"
)
_BURY = (
    "UPDATE messages SET dead = 1, receipt = NULL, owner = NULL "
    "WHERE queue = ? AND dead = 0 AND visible <= ? AND attempts >= ?"
)
_OWNERS = "SELECT DISTINCT owner FROM messages WHERE queue = ? AND owner IS NOT NULL"
_FREE = "UPDATE messages SET visible = ?, receipt = NULL, owner = NULL WHERE queue = ? AND owner = ?"
_DELETE = "DELETE FROM messages WHERE receipt = ? AND queue = ? AND dead = 0"
_RELEASE = "UPDATE messages SET visible = ?, receipt = NULL, owner = NULL WHERE receipt = ? AND queue = ? AND dead = 0"


class SqliteQueue:
    """The Queue port on a Database; any number of named queues share a file.

    A message whose receiver's process has died (``owners`` knows) is visible again at once; its
    attempts stay. Without ``owners`` only the timeout counts. ``wall_clock`` gives epoch seconds.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        max_attempts: int = 5,
        owners: Owners | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._name = name
        self._max_attempts = max_attempts
        self._owners = owners
        self._clock = wall_clock

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        """See Queue. All or none."""
        check_seconds(delay, MAX_DELAY, "delay")
        for body in bodies:
            check_body(body)
        visible = self._clock() + delay
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT INTO messages (queue, body, visible) VALUES (?, ?, ?)",
                [(self._name, body, visible) for body in bodies],
            )

    def receive(self, most: int = 1, *, visibility: int = 300, wait: int = 0) -> list[QueueMessage]:
        """See Queue. The longest visible come first."""
        check_receive(most, visibility, wait)
        deadline = time.monotonic() + wait
        while True:
            self._free_the_dead()
            # A look without the write lock: workers with nothing to do must not slow down those who write.
            if self._database.run(_WAITING, (self._name, self._clock())):
                messages = self._take(most, visibility)
                if messages:
                    return messages
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            time.sleep(min(_POLL_SECONDS, left))

    def delete(self, message: QueueMessage) -> None:
        """See Queue."""
        self._database.change(_DELETE, (message.receipt, self._name))

    def release(self, message: QueueMessage, *, delay: int = 0) -> None:
        """See Queue."""
        check_seconds(delay, MAX_DELAY, "delay")
        self._database.change(_RELEASE, (self._clock() + delay, message.receipt, self._name))

    def dead(self) -> list[str]:
        """See Queue. In the order they were sent."""
        self._free_the_dead()
        with self._database.writing() as connection:
            self._bury(connection)
            rows = connection.execute(
                "SELECT body FROM messages WHERE queue = ? AND dead = 1 ORDER BY id", (self._name,)
            )
            return [body for (body,) in rows]

    def peek(self) -> list[str]:
        """See Queue. In the order they were sent."""
        rows = self._database.run("SELECT body FROM messages WHERE queue = ? ORDER BY id", (self._name,))
        return [body for (body,) in rows]

    def redrive(self) -> int:
        """See Queue."""
        self._free_the_dead()
        with self._database.writing() as connection:
            self._bury(connection)
            return connection.execute(
                "UPDATE messages SET dead = 0, attempts = 0, visible = ? WHERE queue = ? AND dead = 1",
                (self._clock(), self._name),
            ).rowcount

    def _take(self, most: int, visibility: int) -> list[QueueMessage]:
        owner = self._owners.token if self._owners else None
        messages: list[QueueMessage] = []
        with self._database.writing() as connection:
            self._bury(connection)
            now = self._clock()
            # Their ids are fixed first: with a visibility of 0 one message could be taken twice in one go.
            ids = connection.execute(_PICK, (self._name, now, most)).fetchall()
            for (identity,) in ids:
                values = (secrets.token_hex(12), owner, now + visibility, identity)
                messages.append(QueueMessage(*connection.execute(_TAKE, values).fetchone()))
        return messages

    def _bury(self, connection: sqlite3.Connection) -> None:
        connection.execute(_BURY, (self._name, self._clock(), self._max_attempts))

    def _free_the_dead(self) -> None:
        if self._owners is None:
            return
        for (owner,) in self._database.run(_OWNERS, (self._name,)):
            if not self._owners.alive(owner):
                self._database.change(_FREE, (self._clock(), self._name, owner))
