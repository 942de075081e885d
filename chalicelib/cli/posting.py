"""Sending notices beside serving and ticking: a thread of its own, so that a mail to confirm comes within seconds."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chalicelib.cli.context import err, escape
from chalicelib.deliver.posting import post
from chalicelib.errors import SendbriefError
from chalicelib.runtime import Runtime

POLL_SECONDS = 0.5
PAUSE_SECONDS = 10.0
"""After trouble: the next look."""


@contextmanager
def sending_notices(runtime: Runtime, stop: threading.Event) -> Iterator[None]:
    """Notices go out while this lasts."""
    ended = threading.Event()
    for name in ("table", "blobs", "secrets", "notice_queue"):
        getattr(runtime, name)  # what threads share is built before there are some
    thread = threading.Thread(
        target=_keep_posting, args=(runtime, lambda: ended.is_set() or stop.is_set()), name="notices", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _keep_posting(runtime: Runtime, stopped: Callable[[], bool]) -> None:
    """Look every half second; a fault is told and the next look comes a while later."""
    wait = threading.Event()
    while not stopped():
        pause = POLL_SECONDS
        try:
            asyncio.run(_round(runtime, stopped))
        except SendbriefError as error:
            err.print(f"[bold red]Notices:[/] {escape(str(error))}")
            pause = PAUSE_SECONDS
        except Exception as error:  # noqa: BLE001 (a fault in one notice must not end the sending of others)
            err.print(f"[bold red]Fault in notices:[/] {type(error).__name__}. The next look tries again.")
            pause = PAUSE_SECONDS
        waited = 0.0
        while waited < pause and not stopped():
            wait.wait(0.25)
            waited += 0.25


async def _round(runtime: Runtime, stopped: Callable[[], bool]) -> None:
    transport = runtime.new_transport()
    try:
        await post(runtime.notice_queue, lambda: runtime.notices(transport), stop=stopped)
    finally:
        await transport.aclose()
