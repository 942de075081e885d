"""Commands that send: tick, run, serve; and the demo."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from chalicelib.cli.context import err, escape, house, out, print_json
from chalicelib.cli.edition_commands import edition_row, editions_table
from chalicelib.cli.site_commands import Json, Now, report_row, show_problems
from chalicelib.collect.collector import SourceReport
from chalicelib.content.values import Problem, Severity
from chalicelib.deliver.ticking import TickReport
from chalicelib.errors import SendbriefError
from chalicelib.runtime import Runtime

MOST_PROBLEMS = 10


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (tick, run, serve):
        app.command()(command)
    app.command(hidden=True)(demo)


def tick(now: Now = None, json: Json = False) -> None:
    """Do all that is due, once: collect, compose, send. Exits 1 where something needs a person."""
    with house(now) as runtime, shutdown() as stop:
        report = tick_once(runtime, stop)
        if json:
            print_json(tick_row(report, runtime))
        else:
            show_tick(report, runtime)
    if report.troubles:
        raise typer.Exit(1)


@contextmanager
def shutdown() -> Iterator[threading.Event]:
    """An event that Ctrl-C or a polite kill sets: work stops after the wave in flight. A second one ends it."""
    stop = threading.Event()

    def asked(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        err.print("Stopping after the wave in flight; once more to stop at once.")

    old = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


class Bars:
    """Progress on a terminal: one bar for the sources, one for each edition. Quiet elsewhere."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
        self._progress = Progress(
            *columns, TimeRemainingColumn(), console=err, transient=True, disable=not err.is_terminal
        )
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
        """Some more recipients of an edition are settled."""
        self._advance(edition, count, lambda: self._runtime.dispatcher.editions.find(edition).planned or 0)

    def _advance(self, name: str, count: int, total: Callable[[], int]) -> None:
        if not err.is_terminal:
            return
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total())
        self._progress.advance(self._tasks[name], count)


def tick_once(runtime: Runtime, stop: threading.Event) -> TickReport:
    """One tick with all its sending, with progress on a terminal."""
    with Bars(runtime) as bars:
        return asyncio.run(_tick(runtime, bars, stop))


async def _tick(runtime: Runtime, bars: Bars, stop: threading.Event) -> TickReport:
    try:
        ticker = runtime.ticker(bars.source)
        return await ticker.tick_and_send(runtime.clock(), runtime.worker(bars.sent), stop=stop.is_set)
    finally:
        if "transport" in runtime.__dict__:
            await runtime.transport.aclose()


def tick_row(report: TickReport, runtime: Runtime) -> dict[str, Any]:
    """What a tick did, for programs."""
    dispatcher = runtime.dispatcher
    return {
        "sources": [report_row(source) for source in report.sources],
        "editions": [edition_row(e, dispatcher.books(e)) for e in report.editions.values()],
        "proofs": report.proofs,
        "troubles": report.troubles,
    }


def show_tick(report: TickReport, runtime: Runtime) -> None:
    """What a tick did, for people."""
    _show_most(sorted({problem for source in report.sources for problem in source.problems}))
    dispatcher = runtime.dispatcher
    rows = [edition_row(edition, dispatcher.books(edition)) for edition in report.editions.values()]
    if rows:
        out.print(editions_table(rows))
    else:
        out.print("Nothing is due.")
    for proof in report.proofs:
        out.print(f"The proof of {proof} went to the editors.")
    show_troubles(report.troubles)


def _show_most(problems: list[Problem]) -> None:
    """What a tick's log should hold of the content's problems: sources that fail, and files with errors."""
    grave = [p for p in problems if p.severity is Severity.ERROR or p.code == "source"]
    show_problems(grave[:MOST_PROBLEMS])
    rest = len(problems) - len(grave[:MOST_PROBLEMS])
    if rest:
        out.print(f"[dim]{rest} more problems of the content; 'sendbrief check' lists all.[/]")


def show_troubles(troubles: list[str]) -> None:
    """What needs a person."""
    for trouble in troubles:
        err.print(f"[bold red]Error:[/] {escape(trouble)}")
        err.print("  Nothing is lost: the next tick goes on.")


def send_all(runtime: Runtime, *, only: str) -> list[str]:
    """Send what is approved now and show one edition's books; the troubles."""
    with shutdown() as stop, Bars(runtime) as bars:
        troubles = asyncio.run(_send_all(runtime, bars, stop))
    dispatcher = runtime.dispatcher
    edition = dispatcher.editions.find(only)
    out.print(editions_table([edition_row(edition, dispatcher.books(edition))]))
    show_troubles(troubles)
    return troubles


async def _send_all(runtime: Runtime, bars: Bars, stop: threading.Event) -> list[str]:
    from chalicelib.deliver.draining import drain

    try:
        runtime.dispatcher.tick(runtime.clock())
        drained = await drain(runtime.queue, runtime.worker(bars.sent), stop=stop.is_set)
        runtime.dispatcher.tick(runtime.clock())
        return drained.left + ([drained.trouble] if drained.trouble else [])
    finally:
        await runtime.transport.aclose()


def run() -> None:
    """Tick and send until stopped (Ctrl-C or SIGTERM)."""
    with house() as runtime, shutdown() as stop:
        out.print(f"Ticking every {runtime.settings.tick_seconds} s. Ctrl-C stops.")
        keep_ticking(runtime, stop)


def keep_ticking(runtime: Runtime, stop: threading.Event) -> None:
    """Ticks until stopped; trouble is shown and tried again at the next tick."""
    while not stop.is_set():
        runtime.reload()
        try:
            report = tick_once(runtime, stop)
            if report.editions or report.troubles:
                show_tick(report, runtime)
        except SendbriefError as error:
            err.print(f"[bold red]Error:[/] {escape(str(error))}")
        except Exception as error:  # noqa: BLE001 (a fault in one tick must not end the serving of pages)
            err.print(
                f"[bold red]Fault:[/] {type(error).__name__}: {escape(str(error))[:500]}. The next tick tries again."
            )
        stop.wait(runtime.settings.tick_seconds)


def serve(
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port.")] = 8000,
    tick: Annotated[bool, typer.Option("--tick/--no-tick", help="Tick and send beside serving.")] = True,
    desk: Annotated[
        bool | None,
        typer.Option("--desk/--no-desk", help="The inbox and the status (usual only with maildir, on this machine)."),
    ] = None,
) -> None:
    """Pages, ticks and workers in one process, until stopped."""
    with house() as runtime, shutdown() as stop:
        usual = runtime.settings.transport == "maildir" and host in {"127.0.0.1", "localhost", "::1"}
        serve_until(runtime, stop, host, port, ticking=tick, desk=usual if desk is None else desk)


def serve_until(runtime: Runtime, stop: threading.Event, host: str, port: int, *, ticking: bool, desk: bool) -> None:
    """Serve pages in threads beside the ticks, until stopped."""
    from chalicelib.web.server import serve as start

    server = start(runtime, host, port, desk=desk, ready=_told(desk))
    try:
        if ticking:
            keep_ticking(runtime, stop)
        else:
            stop.wait()
    finally:
        server.close()


def _told(desk: bool) -> Callable[[str], None]:
    where = "inbox" if desk else ""
    return lambda url: out.print(f"Serving {url}{where} (Ctrl-C stops)")


def demo(
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the inbox afterwards.")] = True,
    port: Annotated[int, typer.Option(help="The port.")] = 8000,
) -> None:
    """Play the whole job on the example site: import, collect, compose, send, balance."""
    from chalicelib.cli.demonstration import play

    with house() as runtime, shutdown() as stop:
        play(runtime, stop)
        if serve and not stop.is_set():
            serve_until(runtime, stop, "127.0.0.1", port, ticking=False, desk=True)
