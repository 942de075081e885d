"""Commands that send: tick, run, work, serve; and the demo."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from chalicelib.cli.context import house, print_json
from chalicelib.cli.hearing import hear_before, hearing
from chalicelib.cli.journal import LogForm, complain, say, start_journal, tell_tick
from chalicelib.cli.posting import sending_notices
from chalicelib.cli.sending import shutdown, tick_once
from chalicelib.cli.showing import show_tick, tick_row
from chalicelib.cli.site_commands import Json, Now
from chalicelib.cli.telling import telling
from chalicelib.cli.working import keep_working, wait_for_site
from chalicelib.errors import SendbriefError
from chalicelib.logs import correlated
from chalicelib.runtime import Runtime


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (tick, run, work, serve):
        app.command()(command)
    app.command(hidden=True)(demo)


def tick(
    now: Now = None,
    json: Json = False,
    send: Annotated[
        bool, typer.Option("--send/--no-send", help="Send as well, or leave that to workers elsewhere.")
    ] = True,
) -> None:
    """Do all that is due, once: hear, collect, compose, send. Exits 1 where something needs a person."""
    with house(now) as runtime, shutdown() as stop:
        troubles = hear_before(runtime, stop.is_set)
        report = tick_once(runtime, stop, send=send)
        report.troubles[:0] = troubles
        if json:
            print_json(tick_row(report, runtime))
        else:
            show_tick(report, runtime)
    if report.troubles:
        raise typer.Exit(1)


Log = Annotated[LogForm | None, typer.Option(help="How the log is written (else SENDBRIEF_LOG, else text).")]


def run(log: Log = None) -> None:
    """Tick and send until stopped (Ctrl-C or SIGTERM)."""
    with house() as runtime:
        start_journal(runtime, log)
        with shutdown() as stop, _beside(runtime, stop):
            say(f"Ticking every {runtime.settings.tick_seconds} s. Ctrl-C stops.")
            keep_ticking(runtime, stop)


def work(log: Log = None) -> None:
    """Send what ticks elsewhere have put in the queues, until stopped (Ctrl-C or SIGTERM)."""
    with house() as runtime:
        start_journal(runtime, log)
        with shutdown() as stop, sending_notices(runtime, stop):
            say("Working off the queues. Ctrl-C stops.")
            keep_working(runtime, stop)


@contextmanager
def _beside(runtime: Runtime, stop: threading.Event) -> Iterator[None]:
    """What goes on beside ticks and pages: mails to single people, webhooks, hearing back."""
    with sending_notices(runtime, stop), telling(runtime, stop), hearing(runtime, stop):
        yield


def keep_ticking(runtime: Runtime, stop: threading.Event) -> None:
    """Ticks until stopped; trouble is shown and tried again at the next tick."""
    while not stop.is_set():
        runtime.reload()
        with correlated():
            try:
                tell_tick(tick_once(runtime, stop), runtime)
            except SendbriefError as error:
                complain("Error", str(error))
            except Exception as error:  # noqa: BLE001 (a fault in one tick must not end the serving of pages)
                complain("Fault", f"{type(error).__name__}: {str(error)[:500]}. The next tick tries again.")
        stop.wait(runtime.settings.tick_seconds)


def serve(
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port.")] = 8000,
    tick: Annotated[bool, typer.Option("--tick/--no-tick", help="Tick and send beside serving.")] = True,
    desk: Annotated[
        bool | None,
        typer.Option("--desk/--no-desk", help="The inbox and the status (usual only with maildir, on this machine)."),
    ] = None,
    log: Log = None,
) -> None:
    """Pages, ticks and workers in one process, until stopped."""
    with house() as runtime, shutdown() as stop:
        start_journal(runtime, log)
        if not wait_for_site(runtime, stop):
            return
        usual = runtime.settings.transport == "maildir" and host in {"127.0.0.1", "localhost", "::1"}
        serve_until(runtime, stop, host, port, ticking=tick, desk=usual if desk is None else desk)


def serve_until(runtime: Runtime, stop: threading.Event, host: str, port: int, *, ticking: bool, desk: bool) -> None:
    """Serve pages in threads beside the ticks, until stopped."""
    from chalicelib.web.server import serve as start

    server = start(runtime, host, port, desk=desk, ready=_told(desk))
    try:
        with _beside(runtime, stop):
            if ticking:
                keep_ticking(runtime, stop)
            else:
                stop.wait()
    finally:
        server.close()


def _told(desk: bool) -> Callable[[str], None]:
    where = "inbox" if desk else ""
    return lambda url: say(f"Serving {url}{where} (Ctrl-C stops)")


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
