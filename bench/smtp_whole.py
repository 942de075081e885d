"""Our worker with all that it does, in a process that times itself: ``python -m bench.smtp_whole URL SIZE COUNT``.

From a planned edition on the embedded store to its closed books: claims, memberships and suppressions read for each
wave, every reader's own bytes, intents and outcomes in the ledger. One line of JSON, as of bench.smtp_senders.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bench.letters import sample, small
from bench.planning import SECRETS, fill
from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition
from chalicelib.deliver.dispatcher import Dispatcher
from chalicelib.deliver.draining import drain
from chalicelib.deliver.recording import GroupingRecorder
from chalicelib.deliver.worker import Sender, Worker
from chalicelib.render.compiling import compile_letter
from chalicelib.render.letter import Letter, Reader
from chalicelib.render.variants import variant_for
from chalicelib.store.sqlite import SqliteTable
from chalicelib.store.sqlite_blobs import SqliteBlobs
from chalicelib.store.sqlite_database import Database
from chalicelib.store.sqlite_queue import SqliteQueue
from chalicelib.transports.smtp import SmtpTransport
from chalicelib.transports.smtp_url import SmtpSettings

WORKERS, WAVE = 4, 50
"""As adapters.py has them for 20 connections."""
LINE = "<p>A sentence of a real length that an editor might well have written.</p>"


def letter_of(size: int) -> Letter:
    """A letter of which a reader's mail has about ``size`` bytes: a name in two places, two links, text and HTML."""
    site, newsletter, content = sample()
    variant = variant_for(content, site.languages, site.fallback, "en", None)
    assert variant is not None
    made = small()

    def with_more(count: int) -> tuple[Letter, int]:
        longer = replace(made, html=made.html + LINE * count)
        letter = compile_letter(longer, site=site, newsletter=newsletter, content=content, variant=variant)
        url = "https://news.example.org/u/" + "0" * 40
        return letter, len(letter.personalise(Reader("r@example.org", "R", url, "m@example.org", content.slot_at, url)))

    least, more = with_more(0)[1], with_more(100)[1]
    return with_more(max(0, round((size - least) * 100 / (more - least))))[0]


def send(url: str, size: int, count: int, folder: Path) -> dict[str, float]:
    """Seconds and seconds of CPU."""
    fill(folder, count)
    database = Database(folder / "sendbrief.db")
    table, queue = SqliteTable(database), SqliteQueue(database, "chunks", max_attempts=20)
    site, _, content = sample()
    house = Dispatcher(site, table, SqliteBlobs(database), queue)
    name = house.editions.save_content(content)
    made = Edition("digest", content.slot, content.slot_at, State.APPROVED, content=name, number=1)
    edition, now = house.editions.claim_slot(made), content.slot_at + timedelta(minutes=1)
    house.tick(now)
    for variant in house.chunks.variants(edition.id):
        house.chunks.keep_letter(edition.id, variant.key, letter_of(size))
    transport = SmtpTransport(SmtpSettings.parse(url))
    worker = Worker(
        site, table, house.chunks, house.editions, transport, SECRETS, Sender("me", lambda _: True), lambda: now,
        recorder=GroupingRecorder(table), wave_size=WAVE,
    )  # fmt: skip

    async def whole() -> None:
        await drain(queue, worker, at_once=WORKERS)
        house.tick(now)
        await transport.aclose()

    before, begun = _cpu(), time.perf_counter()
    asyncio.run(whole())
    found = {"seconds": time.perf_counter() - begun, "cpu": _cpu() - before}
    if house.editions.find(edition.id).totals.get("sent") != count:
        raise RuntimeError("the books say that not everybody got it")
    return found


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        print(json.dumps(send(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(home))))
