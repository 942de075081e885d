"""The victims' parent: a process that has sent once by itself, and forks one victim after another.

Starting Python and importing takes a second, a fork takes a hundredth. Each victim is a process of its own, with
connections, locks and an event loop of its own. For each line of JSON on standard input (a job) the parent answers with
the victim's pid, and when that is gone, with how it ended; it kills it from outside where the job has a ``delay``. A
``rehearsal`` is played by the parent itself, so that its children need not import and compile what never changes.
"""

import asyncio
import gc
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from chalicelib.compose.editions import Edition
from chalicelib.deliver.dispatcher import Dispatcher
from chalicelib.deliver.draining import drain
from chalicelib.deliver.ledger import Ledger
from chalicelib.deliver.telling import closing
from chalicelib.deliver.worker import Worker
from chalicelib.runtime import Runtime
from chalicelib.settings import load_settings
from chalicelib.transports import Transport
from tests.kills.ports import Link, LyingTable, Port, Trap

Job = Mapping[str, Any]


def _marked(was: str, now: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    return lambda data: {**data, "marks": data["marks"].replace(was, now)}


LIES = {"intent afterwards": _marked("w", "p"), "outcome beforehand": _marked("w", "s")}
RESENDS = "flight is sent again on a claim"
"""Faults that a victim may have."""


class Victim(Runtime):
    """The runtime as users have it, its ports counted, with small chunks and a clock that the test moves."""

    def __init__(self, job: Job, trap: Trap) -> None:
        super().__init__(load_settings(), lambda: datetime.fromisoformat(self.moment))
        self.job, self.trap = job, trap
        self.moment, self.later = "", 0.0

    def wall(self) -> float:
        return time.time() + self.later

    @cached_property
    def table(self) -> Any:
        table: Any = Port("table", super().table, self.trap)
        lie = LIES.get(self.job.get("mutant", ""))
        return LyingTable(table, lie) if lie else table

    @cached_property
    def blobs(self) -> Any:
        return Port("blobs", super().blobs, self.trap)

    @cached_property
    def queue(self) -> Any:
        queue: Any = super().queue
        if self.settings.store == "sqlite":
            queue._clock = self.wall
        return Port("queue", queue, self.trap)

    def new_transport(self) -> Transport:
        return Link(super().new_transport(), self.trap)  # type: ignore[return-value]

    @property
    def dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.site, self.table, self.blobs, self.queue, wall=self.wall, chunk_size=self.job["chunk_size"],
            on_sent=closing(self.clock),
        )  # fmt: skip

    def worker(self, *values: Any, **named: Any) -> Worker:
        worker = super().worker(*values, **named)
        worker._wall = self.wall
        return worker


async def _tick(runtime: Victim, troubles: list[str]) -> list[Edition]:
    """All that ``sendbrief tick`` does."""
    report = await runtime.ticker().tick_and_send(runtime.clock(), runtime.worker(), at_once=runtime.crew.workers)
    troubles += report.troubles
    return list(report.editions.values())


async def _deliver(runtime: Victim, troubles: list[str]) -> list[Edition]:
    """All that ``sendbrief send`` does: nothing is collected and composed."""
    runtime.dispatcher.tick(runtime.clock(), troubles)
    drained = await drain(runtime.queue, runtime.worker(), at_once=runtime.crew.workers)
    troubles += drained.left + ([drained.trouble] if drained.trouble else [])
    return runtime.dispatcher.tick(runtime.clock(), troubles)


async def _send(runtime: Victim) -> dict[str, Any]:
    """The ticks of a job, until its edition is sent: what a person was told, and how many were pending after each."""
    troubles: list[str] = []
    pending: list[int] = []
    for moment, later in runtime.job["ticks"]:
        runtime.moment, runtime.later = moment, later
        editions = await (_deliver if runtime.job.get("deliver") else _tick)(runtime, troubles)
        planned = [edition for edition in editions if edition.planned]
        pending.append(sum(runtime.dispatcher.count(edition).pending for edition in planned))
        if [edition.state for edition in planned] == ["sent"]:
            break
    await runtime.transport.aclose()
    return {"pending": pending, "troubles": troubles}


def live(job: Job) -> None:
    """A victim's life. Several that wait for a ``signal`` (a file) begin at the same moment."""
    os.environ.update(job["environment"])
    if job.get("mutant") == RESENDS:
        claim = Ledger.claim
        Ledger.claim = lambda self, *values: claim(self.undo(), *values)  # type: ignore[method-assign]
    trap = Trap(job.get("at", 0), job.get("when", ""), job.get("name", ""))
    runtime = Victim(job, trap)
    if sign := job.get("signal"):
        Path(f"{sign}.{os.getpid()}").touch()
        while not Path(sign).exists():
            time.sleep(0.001)
    told = asyncio.run(_send(runtime))
    runtime.close()
    Path(job["report"]).write_text(json.dumps({**told, "calls": trap.names}), "utf-8")


def fork(job: Job) -> int:
    """A victim begins; what it says goes to the job's log."""
    pid = os.fork()
    if pid:
        return pid
    code = 3
    try:
        log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        live(job)
        code = 0
    except BaseException:  # noqa: BLE001 (a child must never go on into its parent's loop)
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(code)


def _await_end(pid: int, delay: float | None) -> int:
    """How it ended; killed from outside after ``delay`` seconds."""
    if delay is not None:
        handle = os.pidfd_open(pid)
        gone, _, _ = select.select([handle], [], [], delay)
        os.close(handle)
        if not gone:
            os.kill(pid, signal.SIGKILL)  # not yet reaped: the number is still its own
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _say(**facts: int) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until standard input ends."""
    _say(ready=1)
    for line in sys.stdin:
        job = json.loads(line)
        if job.get("rehearsal"):
            live(job)
            gc.collect()
            gc.freeze()
            _say(pid=0)
            _say(code=0)
            continue
        pid = fork(job)
        _say(pid=pid)
        _say(code=_await_end(pid, job.get("delay")))


if __name__ == "__main__":
    main()
