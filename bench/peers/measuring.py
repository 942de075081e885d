"""Contenders in turns, each in a process and a folder of its own, and their medians beside ours."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.table import Table

from bench import npm
from bench.peers.environments import ROOT, THEIRS, AbsentError, go_program, python_for
from bench.peers.letter import Parts, parts, write_site
from bench.peers.reading import PEOPLE, reader
from bench.smtp import Run, start_sink, tool

RUNS = 7
CONNECTIONS = 20
BEFORE = 20
"""Readers that each process sends to before the clock runs, so that nobody is timed while loading programs."""
BASE = "https://news.example.org"
SECONDS = 300
OURS = "Sendbrief"


@dataclass(frozen=True)
class Contender:
    """Who sends, to how many in a run, and by which command."""

    who: str
    readers: int
    command: list[str]
    folder: Path = ROOT


@dataclass(frozen=True)
class Row:
    """Medians of a contender; ``ratio`` is ours to theirs, of mails a second. ``skipped`` says why there is none."""

    who: str
    readers: int = 0
    size: float = 0.0
    rate: float = 0.0
    ratio: float = 0.0
    cpu: float = 0.0
    skipped: str = ""


def ours() -> Contender:
    """The whole way of this program."""
    return Contender(OURS, 5000, [sys.executable, "-m", "bench.peers.whole"])


def _django() -> Contender:
    return _python("django-newsletter", 300)


def _mailmerge() -> Contender:
    return _python("mailmerge", 200)


def _mailman() -> Contender:
    return _python("mailman", 100)


def _python(name: str, readers: int) -> Contender:
    script = THEIRS / f"run_{name.replace('-', '_')}.py"
    return Contender(name, readers, [str(python_for(name)), "-P", "-W", "ignore", str(script)])


def _nodemailer() -> Contender:
    if not npm.has("nodemailer"):
        raise AbsentError("node or the npm package is not installed (make npm)")
    script = (THEIRS / "nodemailer.js").read_text()
    return Contender("nodemailer", 3000, ["node", "-e", script], npm.FOLDER)


def _smtppool() -> Contender:
    return Contender("smtppool", 5000, [str(go_program("smtppool"))])


PEERS = {
    "django-newsletter": _django,
    "mailmerge": _mailmerge,
    "mailman": _mailman,
    "nodemailer": _nodemailer,
    "smtppool": _smtppool,
}
SHOWN = {"mailman": "Mailman 3 core, full personalisation", "nodemailer": "nodemailer, pool", "smtppool": "Go smtppool"}


def contend(contender: Contender, letter: Parts, port: int, readers: int, before: int = BEFORE) -> Run:
    """One run. Raises AbsentError with what its process said at the end, where it failed."""
    with tempfile.TemporaryDirectory(prefix="sendbrief-peers-") as folder:
        job = {**asdict(letter), "port": port, "count": readers, "connections": CONNECTIONS, "base": BASE}
        job["before"] = before
        done = subprocess.run(
            contender.command, cwd=contender.folder, input=json.dumps({**job, "folder": folder}), capture_output=True,
            text=True, timeout=SECONDS,
        )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise AbsentError(f"its process ended with {done.returncode}: {said[-1]}")
    figures = json.loads(done.stdout.splitlines()[-1])
    return Run(readers / figures["seconds"], figures["cpu"] * 1000 / readers)


def looked_at(contender: Contender, letter: Parts) -> float:
    """Bytes of its mails, after a look at some. Raises AbsentError where it does not do what is measured."""
    with reader() as (port, read):
        contend(contender, letter, port, PEOPLE, before=0)
        try:
            return read.size()
        except RuntimeError as error:
            raise AbsentError(str(error)) from error


def measured(runs: int = RUNS, only: list[str] | None = None) -> Iterator[Row]:
    """Rows of all that can be run here, ours first; then those of the skipped."""
    with tempfile.TemporaryDirectory(prefix="sendbrief-peers-") as folder:
        write_site(Path(folder))
        letter = parts(Path(folder))
    contenders, skipped = [ours()], list[Row]()
    sizes = {OURS: looked_at(contenders[0], letter)}
    for name in only or PEERS:
        try:
            contender = PEERS[name]()
            sizes[name] = looked_at(contender, letter)
            contenders.append(contender)
        except AbsentError as error:
            skipped.append(Row(name, skipped=str(error)))
    done: dict[str, list[Run]] = {contender.who: [] for contender in contenders}
    with start_sink() as port:
        for _ in range(runs):
            for contender in contenders:
                done[contender.who].append(contend(contender, letter, port, contender.readers))
    yield from rows_of(contenders, sizes, done)
    yield from skipped


def rows_of(contenders: list[Contender], sizes: Mapping[str, float], done: Mapping[str, list[Run]]) -> Iterator[Row]:
    """Medians of each contender, and how much faster ours is."""
    first = median(run.rate for run in done[OURS])
    for contender in contenders:
        several = done[contender.who]
        rate = median(run.rate for run in several)
        cpu = median(run.cpu for run in several)
        yield Row(contender.who, contender.readers, sizes[contender.who], rate, first / rate, cpu)


def table(runs: int = RUNS, only: list[str] | None = None) -> Table:
    """All of it; empty where Postfix's sink is not installed."""
    shown = Table("from the store to the sink", box=None)
    for heading in ("readers", "KB a mail", "mails a second", "ours is faster by", "CPU s per 1,000"):
        shown.add_column(heading, justify="right")
    if not tool("smtp-sink"):
        return shown
    for row in measured(runs, only):
        who = SHOWN.get(row.who, row.who)
        if row.skipped:
            shown.add_row(f"{who}: skipped, {row.skipped}")
            continue
        figures = (f"{row.size / 1000:.1f}", f"{row.rate:,.0f}", f"{row.ratio:.1f} ×", f"{row.cpu:.2f}")
        shown.add_row(who, f"{row.readers:,}", *figures)
    return shown
