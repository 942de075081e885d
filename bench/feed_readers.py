"""What each feed reader's process does. Runs alone, in the reader's own environment: imports nothing of the project.

`python feed_readers.py WHO FOLDER prepare|update|links`: addresses are read from FOLDER/urls, links are printed.
"""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path


def urls(folder: Path) -> list[str]:
    return (folder / "urls").read_text().split()


def reader(folder: Path, what: str) -> Iterable[str]:
    """lemon24/reader with ten workers."""
    from reader import make_reader

    with closing(make_reader(str(folder / "reader.db"))) as made:
        if what == "prepare":
            for url in urls(folder):
                made.add_feed(url)
        elif what == "update":
            made.update_feeds(workers=10, scheduled=False)
        else:
            return [entry.id for entry in made.get_entries()]
    return []


def sequential(folder: Path, what: str) -> Iterable[str]:
    """feedparser and urllib, one after another, with ETags; what many scripts do."""
    import io
    import urllib.error
    import urllib.request

    import feedparser

    path = folder / "sequential.json"
    if what == "prepare":
        path.write_text("{}")
        return []
    known: dict[str, list[object]] = json.loads(path.read_text())
    if what == "links":
        return [str(link) for _, links in known.values() for link in links]  # type: ignore[attr-defined]
    for url in urls(folder):
        etag = str(known.get(url, ["", []])[0])
        request = urllib.request.Request(url, headers={"If-None-Match": etag} if etag else {})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                parsed = feedparser.parse(io.BytesIO(answer.read()))
                known[url] = [answer.headers["ETag"], [entry.get("id", "") for entry in parsed.entries]]
        except urllib.error.HTTPError as error:
            error.close()
    path.write_text(json.dumps(known))
    return []


def rss2email(folder: Path, what: str) -> Iterable[str]:
    """rss2email as it comes, which keeps what it would send."""
    config, data = folder / "r2e.cfg", folder / "r2e.json"
    command = [str(Path(sys.executable).with_name("r2e")), "-c", str(config), "-d", str(data)]
    if what == "prepare":
        subprocess.run([*command, "new", "reader@example.org"], check=True)
        with config.open("a") as file:
            file.writelines(f"[feed.s{n}]\nurl = {url}\n" for n, url in enumerate(urls(folder)))
    elif what == "update":
        subprocess.run([*command, "run", "--no-send"], check=False, stderr=subprocess.DEVNULL)
    else:
        return [guid for feed in json.loads(data.read_text())["feeds"] for guid in feed["seen"]]
    return []


def newsboat(folder: Path, what: str) -> Iterable[str]:
    """newsboat with 32 threads."""
    cache = folder / "newsboat.db"
    if what == "prepare":
        (folder / "newsboat.conf").write_text("reload-threads 32\nauto-reload no\ndownload-retries 1\n")
    elif what == "update":
        parts = {"-u": folder / "urls", "-c": cache, "-C": folder / "newsboat.conf"}
        options = [str(part) for pair in parts.items() for part in pair]
        subprocess.run(["newsboat", *options, "-x", "reload"], check=True, stdout=subprocess.DEVNULL)
    else:
        with closing(sqlite3.connect(cache)) as database:
            return [guid for (guid,) in database.execute("SELECT guid FROM rss_item")]
    return []


READERS: dict[str, Callable[[Path, str], Iterable[str]]] = {
    "reader": reader, "sequential": sequential, "rss2email": rss2email, "newsboat": newsboat,
}  # fmt: skip

if __name__ == "__main__":
    for found in READERS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3]):
        print(found)
