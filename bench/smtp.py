"""Mails a second into a local sink: our pooled, pipelined transport beside smtplib, same bytes, no ledger."""

import asyncio
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.measuring import RUNS, Row, rows
from chalicelib.transports import Mail
from chalicelib.transports.smtp import SmtpTransport
from chalicelib.transports.smtp_url import SmtpSettings

COUNT = 1000
CONTENT = (
    b"From: <news@example.org>\r\nTo: <reader@example.org>\r\nSubject: bench\r\n\r\n"
    + (b"A line of seventy-odd characters, as quoted-printable makes them, over and over" + b"\r\n") * 125
)


def run() -> list[Row]:
    """The rows of this comparison."""
    command = [sys.executable, "-m", "tests.smtp_sink", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        runs: dict[str, list[float]] = {"Sendbrief": [], "smtplib, one connection": []}
        for _ in range(RUNS):
            runs["Sendbrief"].append(_timed(lambda: asyncio.run(_ours(port))))
            runs["smtplib, one connection"].append(_timed(lambda: _smtplib(port)))
        return rows(f"mails of {len(CONTENT) // 1024} KB over SMTP", runs)
    finally:
        process.terminate()
        process.wait(10)


def _timed(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return COUNT / (time.perf_counter() - begun)


async def _ours(port: int) -> None:
    transport = SmtpTransport(SmtpSettings.parse(f"smtp://127.0.0.1:{port}"))
    mails = [Mail("news@example.org", f"reader{n}@example.org", CONTENT) for n in range(COUNT)]
    for start in range(0, COUNT, 50):
        await transport.send_wave(mails[start : start + 50])
    await transport.aclose()


def _smtplib(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as server:
        for n in range(COUNT):
            server.sendmail("news@example.org", [f"reader{n}@example.org"], CONTENT)
