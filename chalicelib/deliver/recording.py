"""Putting ledgers on record: each by itself, or those of several chunks in one commit, with one wait for the disk."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from chalicelib.errors import ConflictError, StoreError
from chalicelib.store import Data, Item, Replace, Table

MOST = 50
"""Ledgers in one commit: far below what a transaction may hold."""


class Recorder(Protocol):
    """Replaces items under the version they were read at. One serves one event loop."""

    async def replace(self, item: Item, data: Data) -> Item:
        """The item as it is now. Raises ConflictError where somebody else was first, and what the table raises."""
        ...


class DirectRecorder:
    """Each write by itself: right for DynamoDB, where a transaction costs twice what its writes cost."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def replace(self, item: Item, data: Data) -> Item:
        """See Recorder."""
        return self._table.replace(item, data)


class GroupingRecorder:
    """What is asked for while a commit is under way goes together into the next one, in a thread of its own.

    For the embedded store, whose every commit waits for the disk: mails of other waves leave meanwhile.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._waiting: list[tuple[Replace, asyncio.Future[Item]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def replace(self, item: Item, data: Data) -> Item:
        """See Recorder."""
        done: asyncio.Future[Item] = asyncio.get_running_loop().create_future()
        self._waiting.append((Replace(item, data), done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            results = await asyncio.to_thread(self._commit, [write for write, _ in batch])
            for (_, done), result in zip(batch, results, strict=True):
                if done.done():
                    continue  # whoever asked was cancelled
                if isinstance(result, Item):
                    done.set_result(result)
                else:
                    done.set_exception(result)

    def _commit(self, writes: Sequence[Replace]) -> list[Item | BaseException]:
        """All in one transaction; where one of them comes too late, each by itself."""
        try:
            alone = len({write.item.key for write in writes}) < len(writes)  # a message came twice: two ask for one
            if len(writes) > 1 and not alone:
                self._table.transact(writes)
                return [_written(write) for write in writes]
        except ConflictError:
            pass
        except StoreError as error:
            return [error] * len(writes)
        return [self._one(write) for write in writes]

    def _one(self, write: Replace) -> Item | BaseException:
        try:
            return self._table.replace(write.item, write.data, write.expires)
        except Exception as error:  # noqa: BLE001 (it is the asker's, not this task's)
            return error


def _written(write: Replace) -> Item:
    item = write.item
    return Item(item.key, write.data, item.version + 1, write.expires, item.counters)
