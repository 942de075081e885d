"""Mails a second over SMTP: into Postfix's smtp-sink beside smtp-source and others, and across a distance.

Contenders take turns, each in a process of its own; figures are medians. smtp-source is 1.00, as it comes:
a connection for each mail; ``-d`` keeps its connections.
"""

import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.table import Table

from bench import npm
from bench.smtp_senders import SENDER, content

ROOT = Path(__file__).parents[1]
RUNS = 7
CONNECTIONS, DISTANT_CONNECTIONS, WAY_MS = 20, 10, 10
SIZES = {10 * 1024: 4000, 60 * 1024: 1500}
"""Bytes of a mail, and mails in a run."""
_SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


@dataclass(frozen=True)
class Run:
    """One run of one contender: mails a second, and seconds of CPU it took for a thousand."""

    rate: float
    cpu: float


@dataclass(frozen=True)
class Row:
    """Medians of a contender; the ratio is that of its rate to the first one's."""

    what: str
    who: str
    rate: float
    ratio: float
    cpu: float


def tool(name: str) -> str | None:
    """Where one of Postfix's tools lies; says on stderr where it is not."""
    found = shutil.which(name, path=_SBIN)
    if found is None:
        print(f"Postfix's {name} is not installed (apt install postfix): left out", file=sys.stderr)
    return found


@contextlib.contextmanager
def start_sink() -> Iterator[int]:
    """Postfix's smtp-sink on 127.0.0.1; its port."""
    port = _free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with _started([tool("smtp-sink") or "smtp-sink", *user, f"127.0.0.1:{port}", "1000"]) as process:
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.02)
        if process.poll() is not None:
            raise RuntimeError("smtp-sink did not start")
        yield port


@contextlib.contextmanager
def start_module(*arguments: str) -> Iterator[int]:
    """A module of ours that serves as a process of its own and prints its port first."""
    with _started([sys.executable, "-m", *arguments]) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def smtp_source(port: int, size: int, count: int, *flags: str, connections: int = CONNECTIONS) -> Run:
    """Postfix's own sender."""
    command = [tool("smtp-source") or "smtp-source", "-s", f"{connections}", "-m", f"{count}", "-l", f"{size}"]
    before, begun = _children(), time.perf_counter()
    subprocess.run([*command, *flags, f"127.0.0.1:{port}"], check=True, timeout=300)
    seconds = time.perf_counter() - begun
    return Run(count / seconds, (_children() - before) * 1000 / count)


def whole(port: int, size: int, count: int) -> Run:
    """Our worker, with ledger, suppressions and each reader's own bytes."""
    url = f"smtp://127.0.0.1:{port}?connections={CONNECTIONS}"
    command = [sys.executable, "-m", "bench.smtp_whole", url, f"{size}", f"{count}"]
    figures = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=300).stdout)
    return Run(count / figures["seconds"], figures["cpu"] * 1000 / count)


def python_sender(who: str, port: int, size: int, count: int, *, connections: int = CONNECTIONS) -> Run:
    """One of ``bench.smtp_senders``."""
    url = f"smtp://127.0.0.1:{port}?connections={connections}&chunking=always"
    done = subprocess.run(
        [sys.executable, "-m", "bench.smtp_senders", who, url, f"{size}", f"{count}"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=300,
    )  # fmt: skip
    figures = json.loads(done.stdout)
    return Run(count / figures["seconds"], figures["cpu"] * 1000 / count)


def nodemailer(port: int, size: int, count: int) -> Run:
    """Its pool, given finished bytes."""
    job = {"port": port, "count": count, "connections": CONNECTIONS, "raw": content(size).decode(), "from": SENDER}
    figures = npm.run(_NODEMAILER, job)
    return Run(count / figures["seconds"], figures["cpu"] * 1000 / count)


_NODEMAILER = """
const {port, count, connections, raw, from} = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const pool = require('nodemailer').createTransport(
  {pool: true, host: '127.0.0.1', port, maxConnections: connections, maxMessages: Infinity, ignoreTLS: true});
(async () => {
  const begun = process.hrtime.bigint(), used = process.cpuUsage();
  let next = 0;
  const work = async () => {
    while (next < count) await pool.sendMail({envelope: {from, to: `reader${next++}@example.org`}, raw});
  };
  await Promise.all(Array.from({length: 2 * connections}, work));
  const cpu = process.cpuUsage(used);
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  console.log(JSON.stringify({seconds, cpu: (cpu.user + cpu.system) / 1e6}));
  pool.close();
})();
"""


def measured(what: str, contenders: Mapping[str, Callable[[], Run]], runs: int = RUNS) -> list[Row]:
    """Medians of all, run in turns."""
    done: dict[str, list[Run]] = {who: [] for who in contenders}
    for _ in range(runs):
        for who, contender in contenders.items():
            done[who].append(contender())
    rates = {who: median(run.rate for run in several) for who, several in done.items()}
    first = next(iter(rates.values()))
    return [
        Row(what, who, rates[who], rates[who] / first, median(run.cpu for run in several))
        for who, several in done.items()
    ]


def near(port: int, size: int, count: int) -> dict[str, Callable[[], Run]]:
    """Who sends into smtp-sink on this machine."""
    contenders: dict[str, Callable[[], Run]] = {
        "smtp-source": lambda: smtp_source(port, size, count),
        "smtp-source -d": lambda: smtp_source(port, size, count, "-d"),
        "Sendbrief, ledger, suppressions, personal": lambda: whole(port, size, count),
        "Sendbrief, transport alone": lambda: python_sender("sendbrief", port, size, count),
    }
    if npm.has("nodemailer"):
        contenders["nodemailer, pool"] = lambda: nodemailer(port, size, count // 2)
    contenders["smtplib, threads, finished bytes"] = lambda: python_sender("rendered", port, size, count // 4)
    contenders["smtplib, threads, EmailMessage each"] = lambda: python_sender("naive", port, size, count // 8)
    return contenders


def far(sink: int, chunk_sink: int, size: int) -> dict[str, Callable[[], Run]]:
    """Who sends across the distance, to proxies before either sink."""
    ten = DISTANT_CONNECTIONS
    return {
        "smtp-source": lambda: smtp_source(sink, size, 100, connections=ten),
        "smtp-source -d": lambda: smtp_source(sink, size, 200, "-d", connections=ten),
        "Sendbrief, DATA": lambda: python_sender("sendbrief", sink, size, 1000, connections=ten),
        "Sendbrief, BDAT": lambda: python_sender("sendbrief", chunk_sink, size, 12_000, connections=ten),
    }


def run() -> list[Row]:
    """The rows of both comparisons; none where Postfix's tools are not there."""
    if not (tool("smtp-sink") and tool("smtp-source")):
        return []
    found: list[Row] = []
    with start_sink() as sink:
        for size, count in SIZES.items():
            found += measured(f"{size // 1024} KB, {CONNECTIONS} connections, near", near(sink, size, count))
        with (
            start_module("bench.smtp_chunk_sink") as chunk_sink,
            start_module("bench.delaying", "--ms", f"{WAY_MS}", "--to", f"{sink}") as to_sink,
            start_module("bench.delaying", "--ms", f"{WAY_MS}", "--to", f"{chunk_sink}") as to_chunk_sink,
        ):
            what = f"10 KB, {DISTANT_CONNECTIONS} connections, {2 * WAY_MS} ms away"
            found += measured(what, far(to_sink, to_chunk_sink, 10 * 1024))
    return found


def table() -> Table:
    """All of it."""
    shown = Table("mails over SMTP", "who", box=None)
    for heading in ("a second", "ratio", "CPU s per 1,000"):
        shown.add_column(heading, justify="right")
    for row in run():
        shown.add_row(row.what, row.who, f"{row.rate:,.0f}", f"{row.ratio:.2f}", f"{row.cpu:.3f}")
    return shown


@contextlib.contextmanager
def _started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


if __name__ == "__main__":
    from rich.console import Console

    Console(width=140).print(table())
