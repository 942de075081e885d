"""Telling webhooks beside `run` and `serve`, in a thread of its own: one that stalls delays no mail and no page."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib.cli.context import err, escape
from chalicelib.errors import SendbriefError
from chalicelib.runtime import Runtime

PAUSE_SECONDS = 10.0


@contextmanager
def telling(runtime: Runtime, stop: threading.Event, pause: float = PAUSE_SECONDS) -> Iterator[None]:
    """Webhooks are told while this lasts, every ten seconds, not only with each tick."""
    ended = threading.Event()
    for name in ("table", "blobs", "secrets"):
        getattr(runtime, name)  # what threads share is built before there are some
    thread = threading.Thread(target=_keep_telling, args=(runtime, stop, ended, pause), name="webhooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _keep_telling(runtime: Runtime, stop: threading.Event, ended: threading.Event, pause: float) -> None:
    while not ended.wait(pause) and not stop.is_set():
        try:
            for words in runtime.webhooks.deliver():
                err.print(f"[bold red]Webhooks:[/] {escape(words)}")
        except SendbriefError as error:
            err.print(f"[bold red]Webhooks:[/] {escape(str(error))}")
        except Exception as error:  # noqa: BLE001 (a fault here must not end the telling of what follows)
            err.print(f"[bold red]Fault in webhooks:[/] {type(error).__name__}. The next look tries again.")
