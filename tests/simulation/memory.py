"""The store's ports in dictionaries: as strict as the real homes, and fast enough for a million worlds.

Data goes through JSON once, when it is written, and is handed out frozen: who changes what was read gets an error.
``MemoryTable.copy`` costs next to nothing, since two tables share each partition until one writes to it.
"""

import json
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.errors import ConflictError
from chalicelib.store import Data, Delete, Insert, Item, Key, Page, Put, QueueMessage, Replace, Write
from chalicelib.store.limits import check_body, check_deltas, check_key, check_query, encode_transaction, key_of


def _no(*_values: Any, **_named: Any) -> Any:
    raise TypeError("what was read from the store belongs to the store: copy it")


class FrozenDict(dict[str, Any]):
    """A JSON object as read; equal to a plain one, and not to be changed."""

    __setitem__ = __delitem__ = __ior__ = _no
    update = setdefault = pop = popitem = clear = _no


class FrozenList(list[Any]):
    """A JSON array as read; equal to a plain one, and not to be changed."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _no
    append = extend = insert = pop = remove = clear = sort = reverse = _no


def frozen(value: Any) -> Any:
    """A JSON value whose objects and arrays can't be changed."""
    if type(value) is dict:
        return FrozenDict({name: frozen(part) if type(part) in (dict, list) else part for name, part in value.items()})
    if type(value) is list:
        return FrozenList([frozen(part) if type(part) in (dict, list) else part for part in value])
    return value


class _Partition:
    """One partition: its items by sort key, and the sort keys in their order."""

    __slots__ = ("items", "names")

    def __init__(self, items: dict[str, Item], names: list[str]) -> None:
        self.items, self.names = items, names

    def copy(self) -> "_Partition":
        return _Partition(self.items.copy(), self.names.copy())


_NOTHING = _Partition({}, [])
Watch = Callable[[Key, Item | None, Item | None], None]
"""Told of each item that was written: its key, before, after."""


class MemoryTable:
    """Pages hold a few items, so that every loop over pages is walked. Nothing expires."""

    def __init__(self, page: int = 6) -> None:
        self._parts: dict[str, _Partition] = {}
        self._own: set[str] = set()
        self._good: set[Key] = set()
        self._asked: set[tuple[Any, ...]] = set()
        self._page = page
        self.watch: Watch | None = None
        self.home = ""

    def copy(self, page: int | None = None) -> "MemoryTable":
        """A table of its own that holds the same; nobody watches it."""
        made = MemoryTable(page or self._page)
        made._parts, made._good, made._asked = self._parts.copy(), self._good, self._asked
        self._own = set()
        return made

    def get(self, key: Key) -> Item | None:
        if key not in self._good:
            check_key(key)
            self._good.add(key)
        return self._parts.get(key.pk, _NOTHING).items.get(key.sk)

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
        asked = (pk, prefix, first, last, limit)
        if cursor is not None or asked not in self._asked:
            if not check_query(pk, prefix, first, last, limit, cursor):
                return _EMPTY
            self._asked.add(asked)
        part = self._parts.get(pk)
        if part is None:
            return _EMPTY
        low, high = _range(part.names, prefix, first, last)
        if cursor is not None:
            low, high = (low, bisect_left(part.names, cursor)) if reverse else (bisect_right(part.names, cursor), high)
        most = min(limit or self._page, self._page)
        names = part.names[max(low, high - most) : high][::-1] if reverse else part.names[low : min(high, low + most)]
        return Page(tuple([part.items[name] for name in names]), names[-1] if high - low > most else None)

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
        contents = _contents(writes)
        before = [self.get(key_of(write)) for write in writes]
        for write, there in zip(writes, before, strict=True):
            if isinstance(write, Insert) and there:
                raise ConflictError(f"{write.key} is there")
            if isinstance(write, Replace | Delete) and (there is None or there.version != write.item.version):
                raise ConflictError(f"{write.item.key} was changed")
        after = [_written(write, there, data) for write, there, data in zip(writes, before, contents, strict=True)]
        for write, item in zip(writes, after, strict=True):
            self._keep(key_of(write), item)
        if self.watch:
            for write, old, new in zip(writes, before, after, strict=True):
                self.watch(key_of(write), old, new)

    def _keep(self, key: Key, item: Item | None) -> None:
        pk, sk = key
        if pk not in self._own:
            self._parts[pk] = self._parts[pk].copy() if pk in self._parts else _Partition({}, [])
            self._own.add(pk)
        part = self._parts[pk]
        if item is None:
            part.items.pop(sk, None)
            at = bisect_left(part.names, sk)
            del part.names[at : at + (part.names[at : at + 1] == [sk])]
            return
        if sk not in part.items:
            insort(part.names, sk)
        part.items[sk] = item

    def renew(self, put: Put, version: int) -> None:
        """What a restore does: the version begins anew, so that whoever read the item before can't replace it."""
        self._keep(put.key, Item(put.key, _contents([put])[0], version))

    def add(self, key: Key, deltas: Mapping[str, int]) -> dict[str, int]:
        check_deltas(key, deltas)
        there = self.get(key) or Item(key, FrozenDict(), 0)
        counters = {**there.counters, **{name: there.counters.get(name, 0) + delta for name, delta in deltas.items()}}
        self._keep(key, replace(there, version=there.version + 1, counters=counters))
        return dict(counters)

    def everything(self) -> Iterator[Item]:
        for part in list(self._parts.values()):
            yield from [part.items[name] for name in part.names]


_EMPTY = Page((), None)
_ENCODER = json.JSONEncoder(allow_nan=False)
_make_encoder: Any = getattr(json.encoder, "c_make_encoder", None)
_ENCODE: Any = _make_encoder and _make_encoder(
    None, _ENCODER.default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False
)
_DECODE: Any = getattr(json.JSONDecoder(), "scan_once")  # noqa: B009


def _range(names: list[str], prefix: str, first: str | None, last: str | None) -> tuple[int, int]:
    if prefix:
        return bisect_left(names, prefix), bisect_right(names, prefix + "\U0010ffff")
    low = 0 if first is None else bisect_left(names, first)
    return low, len(names) if last is None else bisect_right(names, last)


def _contents(writes: Sequence[Write]) -> list[FrozenDict]:
    """What each write leaves, through JSON and back: by the short way where that changes nothing of plain data."""
    if len(writes) == 1 and not isinstance(writes[0], Delete) and type(writes[0].data) is dict:
        chunks = _ENCODE(writes[0].data, 0) if _ENCODE else ()
        text = "".join(chunks)
        data, _ = _DECODE(text, 0) if text else ({}, 0)
        if text.isascii() and len(text) < 100_000 and data == writes[0].data:
            return [frozen(data)]
    return [frozen(json.loads(text)) if text else FrozenDict() for text in encode_transaction(writes)]


def _written(write: Write, there: Item | None, data: FrozenDict) -> Item | None:
    if isinstance(write, Delete):
        return None
    counters = there.counters if there and isinstance(write, Replace) else {}
    version = there.version + 1 if there else 1
    return Item(key_of(write), data, version, write.expires, counters)


class MemoryBlobs:
    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def copy(self) -> "MemoryBlobs":
        """Blobs of their own that hold the same."""
        made = MemoryBlobs()
        made.blobs = self.blobs.copy()
        return made

    def put(self, name: str, content: bytes) -> None:
        self.blobs[name] = content

    def get(self, name: str) -> bytes | None:
        return self.blobs.get(name)

    def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self.blobs if name.startswith(prefix))

    def delete(self, name: str) -> None:
        self.blobs.pop(name, None)


@dataclass(slots=True)
class Message:
    """One message of a queue. It is seen from ``visible`` on (epoch seconds)."""

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
        messages: dict[int, Message],
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
            self._messages[max(self._messages, default=0) + 1] = Message(body, self._wall() + delay)

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

    def peek(self) -> list[str]:
        return [message.body for message in self._messages.values()]

    def redrive(self) -> int:
        dead = [message for message in self._messages.values() if message.dead]
        for message in dead:
            message.dead, message.attempts, message.visible = False, 0, self._wall()
        return len(dead)
