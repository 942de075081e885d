"""A table that is only looked at: writes are dropped, for trial runs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chalicelib.store import Data, Item, Key, Page, Put, Table, Write


class LookingTable:
    """Reads what a table holds and changes nothing: what would have been written is not read back either."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @property
    def home(self) -> str:
        """See Table."""
        return self._table.home

    def get(self, key: Key) -> Item | None:
        """See Table."""
        return self._table.get(key)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """See Table."""
        return self._table.get_many(keys)

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
        return self._table.query(pk, prefix=prefix, first=first, last=last, reverse=reverse, limit=limit, cursor=cursor)

    def insert(self, key: Key, data: Data, expires: int | None = None) -> Item:
        """Nothing is put."""
        return Item(key, data, 1, expires)

    def replace(self, item: Item, data: Data, expires: int | None = None) -> Item:
        """Nothing is replaced."""
        return Item(item.key, data, item.version + 1, expires, item.counters)

    def delete(self, item: Item) -> None:
        """Nothing is deleted."""

    def put_many(self, puts: Iterable[Put]) -> None:
        """Nothing is put."""

    def transact(self, writes: Sequence[Write]) -> None:
        """Nothing is written."""

    def add(self, key: Key, deltas: Mapping[str, int]) -> dict[str, int]:
        """Nothing is added."""
        return dict(deltas)

    def everything(self) -> Iterator[Item]:
        """See Table."""
        return self._table.everything()
