"""Planning and claiming 10,000 to 1,000,000 recipients on the embedded store: time and peak memory for each size.

Each size is a store of its own, filled beforehand; each run is a process of its own, so that its memory is its own,
and an edition of its own. *Sending* is the whole way but for the wire, with mails of 10 KB: claims, memberships,
suppressions, each reader's bytes, ledgers.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

from bench.letters import sample
from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import membership_to_data
from chalicelib.audience.tokens import Secrets
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.deliver.dispatcher import Dispatcher
from chalicelib.deliver.draining import drain
from chalicelib.deliver.recording import GroupingRecorder
from chalicelib.deliver.worker import Sender, Worker
from chalicelib.store import Put
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_blobs import SqliteBlobs
from chalicelib.store.sqlite_database import Database
from chalicelib.store.sqlite_queue import SqliteQueue
from chalicelib.transports import Fate, Mail, Outcome

SIZES = (10_000, 100_000, 1_000_000)
RUNS = {10_000: 7, 100_000: 5, 1_000_000: 3}
SECRETS = Secrets(("bench" * 8,))


class Nowhere:
    """A transport that takes everything at once."""

    name = "nowhere"

    async def send_wave(self, mails: Sequence[Mail]) -> list[Outcome]:
        await asyncio.sleep(0)
        return [Outcome(Fate.SENT)] * len(mails)

    async def aclose(self) -> None:
        return None


def fill(folder: Path, readers: int) -> None:
    """A store with that many readers of one newsletter."""
    table = SqliteTable(Database(folder / "sendbrief.db"))
    made = (make_member(SECRETS, "digest", f"reader{n}@example.org", f"Reader {n}", "en") for n in range(readers))
    table.put_many(Put(member.key, membership_to_data(member)) for member in made)


def run(folder: Path, number: int, what: str) -> dict[str, float]:
    """Plan an edition, then ``claim`` each chunk, or ``send`` to all: microseconds a recipient, and peak MB."""
    database = Database(folder / "sendbrief.db")
    table, blobs = SqliteTable(database), SqliteBlobs(database)
    queue = SqliteQueue(database, "chunks", max_attempts=20)
    site, _, content = sample()
    content = replace(content, sections=(replace(content.sections[0], entries=content.sections[0].entries[:2]),))
    house = Dispatcher(site, table, blobs, queue)
    slot = f"{content.slot}-{number}"
    edition = Edition("digest", slot, content.slot_at, State.APPROVED, content=house.editions.save_content(content))
    house.editions.claim_slot(edition)
    now = content.slot_at + timedelta(minutes=1)
    began = time.perf_counter()
    house.tick(now)
    planned = time.perf_counter() - began
    edition = house.editions.get("digest", slot) or edition
    began = time.perf_counter()
    if what == "claim":
        for chunk in range(edition.chunks):
            held = house.chunks.ledger(edition.id, chunk)
            house.chunks.write_ledger(held, held.ledger.claim("me", time.time() + 300, now.timestamp()))
            house.chunks.recipients(edition.id, chunk)
    else:
        worker = Worker(
            site, table, house.chunks, house.editions, Nowhere(), SECRETS, Sender("me", lambda _: True), lambda: now,
            recorder=GroupingRecorder(table),
        )  # fmt: skip
        asyncio.run(drain(queue, worker, at_once=4))
        house.tick(now)
        assert house.editions.find(edition.id).totals["sent"] == edition.planned
    after, readers = time.perf_counter() - began, edition.planned or 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return {"plan": planned / readers * 1e6, what: after / readers * 1e6, "peak": peak, "seconds": planned + after}


def apart(folder: Path, number: int, what: str) -> dict[str, float]:
    """``run`` in a process of its own."""
    command = [sys.executable, "-m", "bench.planning", str(folder), str(number), what]
    answer: Any = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {str(name): float(value) for name, value in answer.items()}


def table(sizes: Sequence[int] = SIZES) -> Table:
    """Medians, the sizes taking turns as far as they have as many runs."""
    columns = ("plan, µs each", "claim, µs each", "peak MB", "sending but for the wire, µs each", "peak MB")
    shown = Table("recipients", *columns, box=None)
    with tempfile.TemporaryDirectory() as home:
        folders = {size: Path(home) / str(size) for size in sizes}
        for size, folder in folders.items():
            folder.mkdir()
            fill(folder, size)
        claims: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
        for number in range(max(RUNS.values())):
            for size in (size for size in sizes if number < RUNS.get(size, 1)):
                claims[size].append(apart(folders[size], number, "claim"))
        for size in sizes:
            sent = apart(folders[size], 99, "send")
            middle = [median(one[name] for one in claims[size]) for name in ("plan", "claim", "peak")]
            cells = [*middle, sent["send"], sent["peak"]]
            shown.add_row(f"{size:,}", *(f"{cell:,.1f}" for cell in cells))
    return shown


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
