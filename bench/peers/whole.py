"""Our whole way, in a process of its own: ``python -m bench.peers.whole`` with a job as JSON on stdin.

The clock runs from an approved edition and its subscribers in the embedded store to the closed books: planning,
compiling, claiming, suppressions, the ledger, personal links and sending are in it, as with ``sendbrief tick``.
"""

import asyncio
import json
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.peers.letter import edition, former, write_site
from chalicelib.audience.importing import ImportJob, import_people
from chalicelib.audience.subscriber import Basis
from chalicelib.compose.edition import Content, State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.deliver.books import Books
from chalicelib.deliver.draining import drain
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings

CONNECTIONS = 20


def prepare(folder: Path, port: int) -> Runtime:
    """A site of our own on SQLite, that sends to ``port``."""
    write_site(folder)
    (folder / "data").mkdir()
    url = f"smtp://127.0.0.1:{port}?connections={CONNECTIONS}"
    return Runtime(Settings(folder, folder / "data", transport="smtp", smtp_url=url))


def subscribe(runtime: Runtime, count: int) -> None:
    """Import so many readers, as the command does."""
    file = runtime.settings.data / "readers.csv"
    file.write_text("email,name\n" + "".join(f"reader{n}@example.org,Reader {n}\n" for n in range(count)))
    site, newsletter = runtime.site, runtime.site.newsletters["digest"]
    job = ImportJob(file, site, newsletter, Basis.CONSENT, runtime.secrets, datetime(2026, 1, 1, tzinfo=UTC))
    import_people(job, runtime.table)


def approve(runtime: Runtime, content: Content) -> str:
    """Store an edition as an editor's approval leaves it, its slot a minute ago; its id."""
    editions = EditionStore(runtime.table, runtime.blobs)
    name = editions.save_content(content)
    edition = Edition("digest", content.slot, content.slot_at, State.APPROVED, content=name, number=1)
    editions.claim_slot(edition)
    now = content.slot_at + timedelta(minutes=1)
    runtime.clock = lambda: now
    return edition.id


async def send(runtime: Runtime, identifier: str) -> Books:
    """All that a tick does with an edition that is due; its books."""
    dispatcher = runtime.dispatcher
    dispatcher.tick(runtime.clock())
    drained = await drain(runtime.queue, runtime.worker(), at_once=runtime.crew.workers)
    dispatcher.tick(runtime.clock())
    await runtime.transport.aclose()
    found = dispatcher.editions.find(identifier)
    if drained.trouble or drained.left or found.state is not State.SENT:
        raise RuntimeError(f"{found.state}: {drained.trouble or drained.left}")
    return dispatcher.books(found)


def main() -> None:
    """Send an edition to a few, as a process does that has been running for a while; then the one that is timed."""
    job = json.load(sys.stdin)
    runtime = prepare(Path(job["folder"]), job["port"])
    if job["before"]:
        subscribe(runtime, job["before"])
        asyncio.run(send(runtime, approve(runtime, former())))
    subscribe(runtime, job["count"])
    identifier = approve(runtime, edition())
    before, begun = _cpu(), time.perf_counter()
    books = asyncio.run(send(runtime, identifier))
    seconds, cpu = time.perf_counter() - begun, _cpu() - before
    runtime.close()
    if books.sent != job["count"]:
        raise RuntimeError(f"The books say {books}.")
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
