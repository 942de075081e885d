"""Mails a second and CPU for SES: raw and in bulk beside a plain loop over boto3, into a fake SES on 127.0.0.1.

The fake is another process, and its cost is not ours: a rate here says which way waits less, the CPU what a
function pays for.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import boto3
from rich.console import Console
from rich.table import Table

from bench.letters import BODY, sample
from bench.measuring import RUNS
from chalicelib.render.bulk import BulkLetter, bulk_letter
from chalicelib.render.compiling import compile_letter
from chalicelib.render.letter import Letter, Reader
from chalicelib.render.personal import token
from chalicelib.render.rendered import Rendered
from chalicelib.render.variants import variant_for
from chalicelib.transports import Fate, Mail
from chalicelib.transports.ses import SesTransport, make_client

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

COUNT = 500
WAVE = 50
SIZES = (10, 60)
"""KB of a message."""
SENDER = "news@example.org"
_NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


def table() -> Table:
    """Medians of several runs, the contenders taking turns."""
    table = Table("SES", "who", box=None)
    for column in ("mails a second", "CPU s per 1,000", "calls per 1,000"):
        table.add_column(column, justify="right")
    with _server() as calls:
        for size in SIZES:
            letter = _letter(size * 1024)
            for who, runs in _runs(letter, calls).items():
                rate, cpu, asked = (median(values) for values in zip(*runs, strict=True))
                table.add_row(f"{size} KB", who, f"{rate:,.0f}", f"{cpu:.2f}", f"{asked:,.0f}")
    return table


def _runs(letter: Letter, calls: Callable[[], int]) -> dict[str, list[tuple[float, float, float]]]:
    ours, theirs = make_client(), boto3.client("sesv2")  # a process makes one once
    contenders = {
        "Sendbrief, in bulk": lambda: asyncio.run(_ours(ours, letter, bulk_letter(letter))),
        "Sendbrief, raw": lambda: asyncio.run(_ours(ours, letter, None)),
        "boto3, one by one": lambda: _boto3(theirs, letter),
    }
    runs: dict[str, list[tuple[float, float, float]]] = {who: [] for who in contenders}
    for _ in range(RUNS):
        for who, work in contenders.items():
            before, begun, cpu = calls(), time.perf_counter(), time.process_time()
            work()
            took, used = time.perf_counter() - begun, time.process_time() - cpu
            thousands = COUNT / 1000
            runs[who].append((COUNT / took, used / thousands, (calls() - before) / thousands))
    ours.close()
    theirs.close()
    return runs


async def _ours(client: "SESV2Client", letter: Letter, bulk: BulkLetter | None) -> None:
    """As a worker does: each mail is made where its wave begins."""
    transport = SesTransport(client, bulk=bulk is not None)
    for start in range(0, COUNT, WAVE):
        outcomes = await transport.send_wave([_mail(letter, bulk, n) for n in range(start, start + WAVE)])
        assert all(outcome.fate is Fate.SENT for outcome in outcomes)
    await transport.aclose()


def _boto3(client: "SESV2Client", letter: Letter) -> None:
    for number in range(COUNT):
        mail = _mail(letter, None, number)
        client.send_email(
            FromEmailAddress=mail.sender,
            Destination={"ToAddresses": [mail.recipient]},
            Content={"Raw": {"Data": mail.content}},
        )


def _mail(letter: Letter, bulk: BulkLetter | None, number: int) -> Mail:
    address = f"reader{number}@example.org"
    link = f"https://news.example.org/u/{number:0100}"
    reader = Reader(address, f"Reader {number}", link, f"{number}@example.org", _NOW, link.replace("/u/", "/p/"))
    part = bulk.part(reader) if bulk else None
    tags = {"edition": "digest/2026-11-26", "chunk": "0", "position": str(number)}
    return Mail(SENDER, address, letter.personalise(reader), tags, bulk=part)


def _letter(size: int) -> Letter:
    """A letter of about so many bytes, its links and name as real ones have them."""
    site, newsletter, content = sample()
    variant = variant_for(content, site.languages, site.fallback, "en", None)
    assert variant
    links = " ".join(token(field) for field in ("unsubscribe_url", "preferences_url"))
    greeting = f"Dear {token('name', 'reader')}. {links}\n"
    html = f"<p>{greeting}</p>" + BODY * ((size - 2_500) // len(BODY))
    rendered = Rendered("Number 1 of what there is", html, greeting, "")
    return compile_letter(rendered, site=site, newsletter=newsletter, content=content, variant=variant)


@contextmanager
def _server() -> Iterator[Callable[[], int]]:
    """A fake SES; gives what asks it how many calls there were."""
    command = [sys.executable, "-m", "tests.fake_ses"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], **pipes)
    assert process.stdin
    assert process.stdout
    stdin, stdout = process.stdin, process.stdout

    def calls() -> int:
        stdin.write("\n")
        stdin.flush()
        return sum(json.loads(stdout.readline())["calls"].values())

    try:
        os.environ |= {
            "AWS_ENDPOINT_URL_SESV2": stdout.readline().strip(),
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        }
        yield calls
    finally:
        stdin.close()
        process.wait(10)


if __name__ == "__main__":
    Console(width=140).print(table())
