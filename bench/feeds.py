"""300 feeds beside other feed readers: cold, and when nothing has changed. Alone: `python -m bench.feeds`.

Each contender is a process of its own that does its whole job, from start to exit: wall and CPU time are the process's.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench import feed_server

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / "build" / "bench-readers"
PINNED = ("feedparser==6.0.14", "reader==3.26", "rss2email==3.14", "sgmllib3k==1.0.0")
OURS = "Sendbrief"


@dataclass
class Contender:
    """A feed reader: how often it runs, and seconds of each run, cold and warm."""

    who: str
    runs: int
    command: list[str]
    walls: dict[str, list[float]] = field(default_factory=lambda: {"cold": [], "warm": []})
    cpus: dict[str, list[float]] = field(default_factory=lambda: {"cold": [], "warm": []})
    links: set[str] = field(default_factory=set)

    def once(self, urls: list[str]) -> None:
        """From an empty folder, twice: the second time nothing has changed."""
        with tempfile.TemporaryDirectory(prefix="bench-feeds-") as folder:
            Path(folder, "urls").write_text("\n".join(urls))
            if self.who != OURS:
                self._run(folder, "prepare")
            for how in ("cold", "warm"):
                wall, cpu = self._run(folder, "update")
                self.walls[how].append(wall)
                self.cpus[how].append(cpu)
            found = subprocess.run([*self.command, folder, "links"], check=True, capture_output=True, text=True)
            self.links = {link for link in found.stdout.split() if link.startswith("https://")}

    def _run(self, folder: str, what: str) -> tuple[float, float]:
        begun = time.perf_counter()
        process = subprocess.Popen([*self.command, folder, what], cwd=ROOT, env={**os.environ, "HOME": folder})
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{self.who} failed")
        return wall, used.ru_utime + used.ru_stime


def contenders() -> Iterator[Contender]:
    """Sendbrief and its peers, as far as they can be had."""
    yield Contender(OURS, 5, [sys.executable, "-m", "bench.feed_collect"])
    python = _peers()
    script = str(ROOT / "bench" / "feed_readers.py")
    if python is not None:
        yield Contender("reader, 10 workers", 3, [str(python), script, "reader"])
    if shutil.which("newsboat"):
        yield Contender("newsboat, 32 threads", 3, [sys.executable, script, "newsboat"])
    else:
        print("newsboat is not installed (apt install newsboat): left out", file=sys.stderr)
    if python is not None:
        yield Contender("feedparser, one by one", 1, [str(python), script, "sequential"])
        yield Contender("rss2email", 1, [str(python), script, "rss2email"])


def _peers() -> Path | None:
    """The Python of an environment that holds the peers, made once; None where they can't be installed."""
    python, stamp = VENV / "bin" / "python", VENV / "pinned"
    if not stamp.exists() or stamp.read_text() != repr(PINNED):
        venv.create(VENV, clear=True, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINNED]
        if subprocess.run(install, check=False, stderr=subprocess.DEVNULL).returncode:
            print("the peers can't be installed: left out", file=sys.stderr)
            return None
        stamp.write_text(repr(PINNED))
    return python


@contextmanager
def serving() -> Iterator[list[str]]:
    """The addresses of the feeds, for as long as the context lasts."""
    command = [sys.executable, "-m", "bench.feed_server"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield [f"http://127.0.0.1:{port}/feed.xml" for port in json.loads(process.stdout.readline())]
    finally:
        process.terminate()
        process.wait(10)


def table() -> Table:
    """Run all, in turns, and compare."""
    runners = list(contenders())
    for turn in range(max(runner.runs for runner in runners)):
        for runner in runners:
            if turn < runner.runs:
                with serving() as urls:
                    runner.once(urls)
    best = set[str]().union(*(runner.links for runner in runners))
    ours = runners[0]
    made = Table(f"{feed_server.COUNT} feeds, seconds", box=None)
    for column in ("cold", "×", "warm", "×", "CPU cold", "×", "CPU warm", "×", "entries", "lost"):
        made.add_column(column, justify="right")
    for runner in runners:
        cells = []
        for mine, theirs in ((ours.walls, runner.walls), (ours.cpus, runner.cpus)):
            for how in ("cold", "warm"):
                seconds = median(theirs[how])
                cells += [f"{seconds:.2f}", f"{seconds / median(mine[how]):.1f}"]
        made.add_row(runner.who, *cells, f"{len(runner.links)}", f"{len(best - runner.links)}")
    slowest = feed_server.SLOWEST
    made.caption = (
        f"the slowest feed answers after {slowest:g} s: {OURS} needs {median(ours.walls['cold']) / slowest:.2f} × that "
        f"cold, {median(ours.walls['warm']) / slowest:.2f} × warm"
    )
    return made


if __name__ == "__main__":
    Console(width=140).print(table())
