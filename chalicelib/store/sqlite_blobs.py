"""The embedded Blobs: named bytes in the SQLite file, the twin of s3.py."""

from chalicelib.store.limits import check_blob_name, utf8
from chalicelib.store.sqlite_database import Database, after_prefix


class SqliteBlobs:
    """The Blobs port on a Database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, name: str, content: bytes) -> None:
        """See Blobs."""
        check_blob_name(name)
        self._database.change("INSERT OR REPLACE INTO blobs (name, content) VALUES (?, ?)", (name, content))

    def get(self, name: str) -> bytes | None:
        """See Blobs."""
        check_blob_name(name)
        rows = self._database.run("SELECT content FROM blobs WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def names(self, prefix: str) -> list[str]:
        """See Blobs. Sorted by code points, which is the order of their UTF-8 bytes."""
        utf8(prefix, "prefix")
        rows = self._database.run(
            "SELECT name FROM blobs WHERE name >= ? AND (? IS NULL OR name < ?) ORDER BY name",
            (prefix, after := after_prefix(prefix), after),
        )
        return [name for (name,) in rows]

    def delete(self, name: str) -> None:
        """See Blobs."""
        check_blob_name(name)
        self._database.change("DELETE FROM blobs WHERE name = ?", (name,))
