"""What Sendbrief's process does in the comparison of feed readers: `collect` with a SQLite table, nothing less.

`python -m bench.feed_collect FOLDER update|links`: addresses are read from FOLDER/urls, links are printed.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from chalicelib.collect.collector import collect
from chalicelib.collect.entries import EntryStore
from chalicelib.collect.fetch import fetcher
from chalicelib.content.values import Sender, Site, Source, SourceKind
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_database import Database


def main(folder: Path, what: str) -> None:
    """One run, or what all runs have kept."""
    database, now = Database(folder / "sendbrief.db"), datetime.now(UTC)
    table = SqliteTable(database)
    if what == "links":
        print("\n".join(text.url for entry in EntryStore(table).since(now) for text in entry.texts.values()))
    else:
        urls = (folder / "urls").read_text().split()
        sources = tuple(Source(f"s{n}", SourceKind.FEED, url) for n, url in enumerate(urls))
        site = Site(
            root=folder, name={"*": "Bench"}, base_url="https://news.example.org", languages=("en",),
            time_zone=ZoneInfo("Europe/Berlin"), sender=Sender({"*": "Bench"}, "news@example.org"),
            postal_address={"*": "Example Street 1"}, sources=sources,
        )  # fmt: skip
        collect(site, table, fetcher(folder, site.base_url, allow=["127.0.0.1"]), now, force=True)
    database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
