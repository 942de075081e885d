"""Sending from the command: with progress on a terminal, and stopped politely."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from chalicelib.cli.context import err, out
from chalicelib.cli.showing import edition_row, editions_table, show_troubles
from chalicelib.collect.collector import SourceReport
from chalicelib.deliver.draining import drain
from chalicelib.deliver.pausing import paused
from chalicelib.deliver.ticking import TickReport
from chalicelib.errors import UsageError
from chalicelib.json_logs import is_json
from chalicelib.logs import logger
from chalicelib.runtime import Runtime

LOG = logger("sendbrief")


@contextmanager
def shutdown() -> Iterator[threading.Event]:
    """An event that Ctrl-C or a polite kill sets: work stops after the wave in flight. A second one ends it."""
    stop = threading.Event()

    def asked(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        words = "Stopping after the wave in flight; once more to stop at once."
        LOG.info(words) if is_json() else err.print(words)

    old = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _shown() -> bool:
    """Whether there is somebody to look at bars."""
    return err.is_terminal and not is_json()


class Bars:
    """Progress on a terminal: one bar for the sources, one for each edition. Quiet elsewhere."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
        self._progress = Progress(*columns, TimeRemainingColumn(), console=err, transient=True, disable=not _shown())
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def source(self, _report: SourceReport) -> None:
        """One more source is read."""
        self._advance("collecting", 1, lambda: len(self._runtime.site.sources))

    def sent(self, edition: str, count: int) -> None:
        """Some more recipients of an edition are settled. The bar counts those who were left when it began."""
        dispatcher = self._runtime.dispatcher
        self._advance(edition, count, lambda: dispatcher.count(dispatcher.editions.find(edition)).pending + count)

    def _advance(self, name: str, count: int, total: Callable[[], int]) -> None:
        if not _shown():
            return
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total())
        self._progress.advance(self._tasks[name], count)


def tick_once(runtime: Runtime, stop: threading.Event, *, send: bool = True) -> TickReport:
    """One tick with all its sending, or without, with progress on a terminal."""
    with Bars(runtime) as bars:
        return asyncio.run(_tick(runtime, bars, stop, send))


async def _tick(runtime: Runtime, bars: Bars, stop: threading.Event, send: bool) -> TickReport:
    try:
        ticker = runtime.ticker(bars.source)
        if not send:
            return await ticker.tick(runtime.clock())
        return await ticker.tick_and_send(
            runtime.clock(), runtime.worker(bars.sent), stop=stop.is_set, at_once=runtime.crew.workers
        )
    finally:
        if "transport" in runtime.__dict__:
            await runtime.transport.aclose()


def send_all(runtime: Runtime, *, only: str) -> list[str]:
    """Send what is approved now and show one edition's books; the troubles. Raises UsageError on a paused site."""
    if stopped := paused(runtime.table):
        raise UsageError(str(stopped))
    with shutdown() as stop, Bars(runtime) as bars:
        troubles = asyncio.run(_send_all(runtime, bars, stop))
    dispatcher = runtime.dispatcher
    edition = dispatcher.editions.find(only)
    out.print(editions_table([edition_row(edition, dispatcher.books(edition), runtime)]))
    show_troubles(troubles)
    return troubles


async def _send_all(runtime: Runtime, bars: Bars, stop: threading.Event) -> list[str]:
    try:
        runtime.dispatcher.tick(runtime.clock())
        drained = await drain(runtime.queue, runtime.worker(bars.sent), stop=stop.is_set, at_once=runtime.crew.workers)
        runtime.dispatcher.tick(runtime.clock())
        return drained.left + ([drained.trouble] if drained.trouble else [])
    finally:
        await runtime.transport.aclose()
