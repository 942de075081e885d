"""The store's ports in dictionaries: as strict as the real homes, and fast enough for many seeds."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.errors import ConflictError
from chalicelib.store import Data, Delete, Insert, Item, Key, Page, Put, QueueMessage, Replace, Write
from chalicelib.store.limits import check_body, check_key, check_query, encode_transaction


class MemoryTable:
    """Pages hold a few items, so that every loop over pages is walked."""

    def __init__(self, page: int = 6) -> None:
        self.items: dict[Key, tuple[str, int]] = {}
        self._page = page

    def get(self, key: Key) -> Item | None:
        check_key(key)
        return self._item(key) if key in self.items else None

    def _item(self, key: Key) -> Item:
        text, version = self.items[key]
        return Item(key, json.loads(text), version)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        return {key: item for key in keys if (item := self.get(key)) is not None}

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
        if not check_query(pk, prefix, first, last, limit, cursor):
            return Page((), None)
        names = sorted(
            (
                k.sk
                for k in self.items
                if k.pk == pk
                and k.sk.startswith(prefix)
                and (first is None or k.sk >= first)
                and (last is None or k.sk <= last)
                and (cursor is None or (k.sk < cursor if reverse else k.sk > cursor))
            ),
            reverse=reverse,
        )
        most = min(limit or self._page, self._page)
        shown = tuple(self._item(Key(pk, name)) for name in names[:most])
        return Page(shown, names[most - 1] if len(names) > most else None)

    def insert(self, key: Key, data: Data, expires: int | None = None) -> Item:
        self.transact([Insert(key, data, expires)])
        return Item(key, data, 1, expires)

    def replace(self, item: Item, data: Data, expires: int | None = None) -> Item:
        self.transact([Replace(item, data, expires)])
        return Item(item.key, data, item.version + 1, expires, item.counters)

    def delete(self, item: Item) -> None:
        self.transact([Delete(item)])

    def put_many(self, puts: Iterable[Put]) -> None:
        for put in puts:
            self.transact([put])

    def transact(self, writes: Sequence[Write]) -> None:
        texts = encode_transaction(writes)
        for write in writes:
            there = self.items.get(write.item.key if isinstance(write, Replace | Delete) else write.key)
            if isinstance(write, Insert) and there:
                raise ConflictError(f"{write.key} is there")
            if isinstance(write, Replace | Delete) and (there is None or there[1] != write.item.version):
                raise ConflictError(f"{write.item.key} was changed")
        for write, text in zip(writes, texts, strict=True):
            if isinstance(write, Delete):
                del self.items[write.item.key]
                continue
            key = write.item.key if isinstance(write, Replace) else write.key
            self.items[key] = (text, self.items[key][1] + 1 if key in self.items else 1)

    def add(self, key: Key, deltas: Mapping[str, int]) -> dict[str, int]:
        raise NotImplementedError("nothing that is simulated counts in the table")

    def everything(self) -> Iterator[Item]:
        for key in list(self.items):
            yield self._item(key)


class MemoryBlobs:
    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def put(self, name: str, content: bytes) -> None:
        self.blobs[name] = content

    def get(self, name: str) -> bytes | None:
        return self.blobs.get(name)

    def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self.blobs if name.startswith(prefix))

    def delete(self, name: str) -> None:
        self.blobs.pop(name, None)


@dataclass
class _Message:
    body: str
    visible: float
    attempts: int = 0
    receipt: str = ""
    owner: str = ""
    dead: bool = False


class MemoryQueue:
    """``owner`` names who receives through this object; a message whose owner is not alive is visible at once."""

    def __init__(
        self,
        messages: dict[int, _Message],
        wall: Callable[[], float],
        alive: Callable[[str], bool],
        owner: str,
        max_attempts: int = 20,
    ) -> None:
        self._messages, self._wall, self._alive, self._owner = messages, wall, alive, owner
        self._max_attempts = max_attempts

    def send(self, bodies: Sequence[str], *, delay: int = 0) -> None:
        for body in bodies:
            check_body(body)
            self._messages[max(self._messages, default=0) + 1] = _Message(body, self._wall() + delay)

    def receive(self, most: int = 1, *, visibility: int = 300, wait: int = 0) -> list[QueueMessage]:
        taken: list[QueueMessage] = []
        for number, message in self._messages.items():
            if message.owner and not self._alive(message.owner):
                message.visible, message.owner = self._wall(), ""
            if message.dead or message.visible > self._wall() or len(taken) == most:
                continue
            if message.attempts >= self._max_attempts:
                message.dead = True
                continue
            message.attempts += 1
            message.visible, message.owner = self._wall() + visibility, self._owner
            message.receipt = f"{number}/{message.attempts}"
            taken.append(QueueMessage(message.body, message.receipt, message.attempts))
        return taken

    def delete(self, message: QueueMessage) -> None:
        number = int(message.receipt.partition("/")[0])
        if number in self._messages and self._messages[number].receipt == message.receipt:
            del self._messages[number]

    def release(self, message: QueueMessage, *, delay: int = 0) -> None:
        found = self._messages.get(int(message.receipt.partition("/")[0]))
        if found and found.receipt == message.receipt:
            found.visible, found.owner, found.receipt = self._wall() + delay, "", ""

    def dead(self) -> list[str]:
        return [message.body for message in self._messages.values() if message.dead]

    def redrive(self) -> int:
        dead = [message for message in self._messages.values() if message.dead]
        for message in dead:
            message.dead, message.attempts, message.visible = False, 0, self._wall()
        return len(dead)
