"""Importing and exporting a large list by the command: rows a second and the peak of memory, each in its own process.

`python -m bench.importing` takes a million rows; as a part of `make bench` it takes 100,000. ROWS=… sets either. What
is exported is taken in elsewhere and exported again: both exports must be the same file.
"""

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 1800
"""What takes longer is ended, and named."""
PEER_MB = 57
"""Peak memory that listmonk's makers publish, for a campaign of seven million mails; they name none for imports."""
SITE = """\
name: Bench
base_url: https://news.example.org
languages: [en, de]
time_zone: Europe/Berlin
sender: {name: Bench, address: news@example.org}
postal_address: Example Street 1
"""
NEWSLETTER = """\
title: Digest
schedule: {rule: FREQ=WEEKLY;BYDAY=TH, at: '10:00', starts: 2026-01-01}
sections: [{title: News, rest: true}]
"""
IMPORT = ("--newsletter", "digest", "--basis", "consent")


@dataclass(frozen=True)
class Step:
    """One process: its seconds by the clock and by the processor, and how many megabytes it held at most."""

    what: str
    seconds: float
    busy: float
    megabytes: float


def write_rows(path: Path, rows: int) -> None:
    """A list as Mailchimp exports it; every tenth row has a name outside of ASCII."""
    with path.open("w", encoding="utf-8") as file:
        file.write("Email Address,First Name,Last Name,OPTIN_TIME,CONFIRM_TIME,LANGUAGE,TAGS\n")
        for n in range(rows):
            name = "Łucja" if n % 10 == 0 else "Ada"
            at = f"20{10 + n % 15}-{1 + n % 12:02}-{1 + n % 28:02} 10:00:00"
            file.write(f"reader{n}@mail{n % 50}.example.org,{name},Number {n},{at},{at},{('en', 'de')[n % 2]},beta\n")


def play(folder: Path, rows: int) -> Iterator[Step]:
    """Import, export, import elsewhere, export there."""
    write_rows(folder / "members.csv", rows)
    content = folder / "content"
    (content / "newsletters").mkdir(parents=True)
    (content / "site.yaml").write_text(SITE)
    (content / "newsletters" / "digest.yaml").write_text(NEWSLETTER)
    yield _run(folder, "import of CSV", "here", ("subscribers", "import", "members.csv", *IMPORT))
    yield _run(folder, "the same again", "here", ("subscribers", "import", "members.csv", *IMPORT))
    yield _run(folder, "export to CSV", "here", ("subscribers", "export"), "first.csv")
    shutil.copytree(folder / "here", folder / "there", ignore=shutil.ignore_patterns("sendbrief.db*", "owners"))
    yield _run(folder, "import of that elsewhere", "there", ("subscribers", "import", "first.csv", *IMPORT))
    yield _run(folder, "export there", "there", ("subscribers", "export"), "second.csv")
    yield _run(folder, "backup", "here", ("backup", "store.backup"))
    if not filecmp.cmp(folder / "first.csv", folder / "second.csv", shallow=False):
        raise RuntimeError("The two exports differ.")
    with (folder / "first.csv").open("rb") as exported:
        lines = sum(1 for _ in exported) - 1
    if lines != rows:
        raise RuntimeError(f"{rows} rows went in, {lines} came out.")


def _run(folder: Path, what: str, data: str, arguments: tuple[str, ...], out: str = "") -> Step:
    command = [sys.executable, "-m", "chalicelib.cli.main", "--site", ".", "--data", data, *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENDBRIEF_")}
    begun = time.monotonic()
    with (folder / (out or "output")).open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=kept | {"PYTHONPATH": str(ROOT)}, stdout=output)
        peak = 0.0
        while True:
            peak = max(peak, _peak_megabytes(process.pid))
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - begun > LIMIT_SECONDS:
                process.kill()
            time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{what} ended with {process.returncode} after {time.monotonic() - begun:.0f} s.")
    return Step(what, time.monotonic() - begun, used.ru_utime + used.ru_stime, peak or used.ru_maxrss / 1024)


def _peak_megabytes(pid: int) -> float:
    """What a process has held at most since it began its program; 0 where the system does not tell.

    A child's ``ru_maxrss`` also counts what its parent held when it forked, which says nothing of the child.
    """
    try:
        told = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in told.splitlines() if line.startswith("VmHWM:")), 0.0)


def table(rows: int | None = None) -> Table:
    """Play once and show each step."""
    rows = rows or int(os.environ.get("ROWS", "100000"))
    shown = Table(f"a list of {rows:,}, on SQLite", box=None)
    for column in ("rows a second", "for each second of a core", "seconds", "peak MB"):
        shown.add_column(column, justify="right")
    with tempfile.TemporaryDirectory(prefix="sendbrief-bench-") as folder:
        for step in play(Path(folder), rows):
            rates = (f"{rows / step.seconds:,.0f}", f"{rows / step.busy:,.0f}")
            shown.add_row(step.what, *rates, f"{step.seconds:.1f}", f"{step.megabytes:.0f}")
    shown.add_row("listmonk, as published: a campaign", "", "", "", str(PEER_MB))
    return shown


if __name__ == "__main__":
    Console(width=140).print(table(int(os.environ.get("ROWS", "1000000"))))
