"""The Queue over the Table port, for stores without a queue service: the third of the Queue's homes.

Only writes of single items are used, each under a condition, so that an endpoint without transactions serves. A
message lies in one of a few partitions, told by its id; who takes it changes it from the version it was read at, so of
two takers one loses. Clocks of different machines only decide how soon a message comes again.
"""

import random
import secrets
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from chalicelib.errors import ConflictError
from chalicelib.store import Data, Item, Key, QueueMessage, Table, every
from chalicelib.store.limits import MAX_DELAY, check_body, check_receive, check_seconds

PARTITIONS = 4
PAGE = 100
_POLL_SECONDS = 0.5


class TableQueue:
    """The Queue port on a Table; any number of named queues share it. ``wall_clock`` gives epoch seconds.

    A message that takes more than 400 KB as JSON (one full of quotes may) raises ItemTooLargeError.
    """

    def __init__(
        self, table: Table, name: str, *, max_attempts: int = 5, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._name = name
        self._max_attempts = max_attempts
        self._clock = wall_clock

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        """See Queue. Raises StoreUnavailableError where some, perhaps not all, were not taken."""
        check_seconds(delay, MAX_DELAY, "delay")
        for body in bodies:
            check_body(body)
        now = self._clock()
        for place, body in enumerate(bodies):
            self._table.insert(self._key(_identity(now, place)), _waiting(body, now + delay))

    def receive(self, most: int = 1, *, visibility: int = 300, wait: int = 0) -> list[QueueMessage]:
        """See Queue."""
        check_receive(most, visibility, wait)
        deadline = time.monotonic() + wait
        while True:
            messages = self._take(most, visibility)
            left = deadline - time.monotonic()
            if messages or left <= 0:
                return messages
            time.sleep(min(_POLL_SECONDS, left))

    def delete(self, message: QueueMessage) -> None:
        """See Queue."""
        item = self._in_hand(message)
        if item:
            self._drop(item)

    def release(self, message: QueueMessage, *, delay: int = 0) -> None:
        """See Queue."""
        check_seconds(delay, MAX_DELAY, "delay")
        item = self._in_hand(message)
        if item:
            self._change(item, visible=self._clock() + delay, receipt="")

    def dead(self) -> list[str]:
        """See Queue: all, in the order they were sent."""
        self._bury_all()
        return [item.data["body"] for item in every(self._table, self._grave)]

    def peek(self) -> list[str]:
        """See Queue: all, in the order they were sent."""
        items = [*self._all(), *every(self._table, self._grave)]
        return [item.data["body"] for item in sorted(items, key=lambda item: item.key.sk)]

    def redrive(self) -> int:
        """See Queue. A crash on the way leaves a message in both places, never in none."""
        self._bury_all()
        moved = 0
        for item in list(every(self._table, self._grave)):
            with suppress(ConflictError):
                self._table.insert(self._key(item.key.sk), _waiting(item.data["body"], self._clock()))
            self._drop(item)
            moved += 1
        return moved

    def _take(self, most: int, visibility: int) -> list[QueueMessage]:
        """The first that can be had, from a partition at random on: takers don't all want the same one."""
        messages: list[QueueMessage] = []
        for page in self._pages():
            for item in page:
                message = self._take_one(item, visibility)
                messages += [message] if message else []
                if len(messages) == most:
                    return messages
        return messages

    def _take_one(self, item: Item, visibility: int) -> QueueMessage | None:
        now, attempts = self._clock(), item.data["attempts"]
        if item.data["visible"] > now:
            return None
        if attempts >= self._max_attempts:
            self._bury(item)
            return None
        receipt = f"{item.key.sk}/{secrets.token_hex(12)}"
        taken = self._change(item, visible=now + visibility, receipt=receipt, attempts=attempts + 1)
        return QueueMessage(item.data["body"], receipt, attempts + 1) if taken else None

    def _pages(self) -> Iterator[list[Item]]:
        for partition in random.sample(range(PARTITIONS), PARTITIONS):
            cursor: str | None = None
            while True:
                page = self._table.query(self._pk(partition), limit=PAGE, cursor=cursor)
                yield random.sample(page.items, len(page.items))
                cursor = page.cursor
                if cursor is None:
                    break

    def _all(self) -> Iterator[Item]:
        for partition in range(PARTITIONS):
            yield from every(self._table, self._pk(partition))

    def _bury_all(self) -> None:
        now = self._clock()
        for item in list(self._all()):
            if item.data["visible"] <= now and item.data["attempts"] >= self._max_attempts:
                self._bury(item)

    def _bury(self, item: Item) -> None:
        """Into the dead letters first, then away from here: a crash between leaves it in both."""
        with suppress(ConflictError):
            self._table.insert(Key(self._grave, item.key.sk), {"body": item.data["body"]})
        self._drop(item)

    def _drop(self, item: Item) -> None:
        with suppress(ConflictError):  # somebody else changed it meanwhile, or the answer to our own was lost
            self._table.delete(item)

    def _change(self, item: Item, **values: object) -> bool:
        """Whether the message was still as it was read."""
        try:
            self._table.replace(item, {**item.data, **values})
        except ConflictError:
            return False
        return True

    def _in_hand(self, message: QueueMessage) -> Item | None:
        """The message as it lies there, while ``message`` is the last receipt of it."""
        identity = message.receipt.partition("/")[0]
        item = self._table.get(self._key(identity))
        return item if item and item.data["receipt"] == message.receipt else None

    def _key(self, identity: str) -> Key:
        return Key(self._pk(zlib.crc32(identity.encode()) % PARTITIONS), identity)

    def _pk(self, partition: int) -> str:
        return f"QUEUE#{self._name}#{partition}"

    @property
    def _grave(self) -> str:
        return f"QUEUE#{self._name}#DEAD"


def _identity(now: float, place: int) -> str:
    """An id whose order is that of sending."""
    return f"{int(now * 1000):015}-{place:06}-{secrets.token_hex(8)}"


def _waiting(body: str, visible: float) -> Data:
    return {"body": body, "visible": visible, "attempts": 0, "receipt": ""}
